"""Tools and a prompt that ask their caller something, in the way of either era."""

from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.message import ServerMessageMetadata
from mcp.types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)

Answer = str | InputRequiredResult


def form(message: str, **properties: Any) -> ElicitRequest:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sampling(words: str, max_tokens: int = 100) -> CreateMessageRequest:
    said = SamplingMessage(role="user", content=TextContent(type="text", text=words))
    return CreateMessageRequest(
        params=CreateMessageRequestParams(messages=[said], max_tokens=max_tokens)
    )


def filled_in(ctx: Context, key: str, field: str) -> Any:
    """What the person wrote into one field; None where nothing (or nonsense) came back."""
    answer = (ctx.input_responses or {}).get(key)
    if not isinstance(answer, ElicitResult) or answer.action != "accept":
        return None
    return (answer.content or {}).get(field)


NAME = form("What is your name?", name={"type": "string"})


async def test_input_required_result_elicitation(ctx: Context) -> Answer:
    """Asks for a name."""
    name = filled_in(ctx, "user_name", "name")
    if name is None:
        return InputRequiredResult(input_requests={"user_name": NAME})
    return f"Hello, {name}!"


async def test_streaming_elicitation(ctx: Context) -> Answer:
    """Reports progress, then asks for a name."""
    await ctx.report_progress(0.5, 1.0)
    return await test_input_required_result_elicitation(ctx)


async def test_input_required_result_sampling(ctx: Context) -> Answer:
    """Asks the client's model."""
    answer = (ctx.input_responses or {}).get("capital_question")
    if not isinstance(answer, CreateMessageResult):
        question = sampling("What is the capital of France?")
        return InputRequiredResult(input_requests={"capital_question": question})
    return str(answer.content)


async def test_input_required_result_list_roots(ctx: Context) -> Answer:
    """Asks for the roots."""
    answer = (ctx.input_responses or {}).get("client_roots")
    if not isinstance(answer, ListRootsResult):
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})
    return ", ".join(str(root.uri) for root in answer.roots)


async def _confirmed(ctx: Context, state: str) -> Answer:
    if filled_in(ctx, "confirm", "ok") is None:
        question = form("Please confirm", ok={"type": "boolean"})
        return InputRequiredResult(input_requests={"confirm": question}, request_state=state)
    return "state-ok" if ctx.request_state == state else "state lost"


async def test_input_required_result_request_state(ctx: Context) -> Answer:
    """Asks, and gets its state back."""
    return await _confirmed(ctx, "asked")


async def test_input_required_result_tampered_state(ctx: Context) -> Answer:
    """Asks, and refuses a state that was changed."""
    return await _confirmed(ctx, "sealed")


async def test_input_required_result_multiple_inputs(ctx: Context) -> Answer:
    """Asks three things at once."""
    answers = ctx.input_responses or {}
    if not {"user_name", "greeting", "client_roots"} <= answers.keys():
        return InputRequiredResult(
            input_requests={
                "user_name": NAME,
                "greeting": sampling("Generate a greeting", 50),
                "client_roots": ListRootsRequest(),
            },
            request_state="asked",
        )
    return "All answered."


async def test_input_required_result_multi_round(ctx: Context) -> Answer:
    """Asks twice."""
    if ctx.request_state == "second" and filled_in(ctx, "step2", "color") is not None:
        return "Both answered."
    if ctx.request_state == "first" and filled_in(ctx, "step1", "name") is not None:
        question = form("Step 2: What is your favorite color?", color={"type": "string"})
        return InputRequiredResult(input_requests={"step2": question}, request_state="second")
    question = form("Step 1: What is your name?", name={"type": "string"})
    return InputRequiredResult(input_requests={"step1": question}, request_state="first")


async def test_input_required_result_capabilities(ctx: Context) -> Answer:
    """Asks only what the client can answer."""
    can = ctx.client_capabilities
    questions: dict[str, Any] = {}
    if can is not None and can.elicitation is not None:
        questions["user_name"] = NAME
    if can is not None and can.sampling is not None:
        questions["greeting"] = sampling("Generate a greeting")
    if can is not None and can.roots is not None:
        questions["client_roots"] = ListRootsRequest()
    if questions.keys() <= (ctx.input_responses or {}).keys():
        return "Nothing to ask."
    return InputRequiredResult(input_requests=questions)


async def test_input_required_result_prompt(ctx: Context) -> Answer:
    """A prompt that asks."""
    context = filled_in(ctx, "user_context", "context")
    if context is None:
        question = form("What context should the prompt use?", context={"type": "string"})
        return InputRequiredResult(input_requests={"user_context": question})
    return f"Use this context: {context}"


async def test_sampling(prompt: str, ctx: Context) -> str:
    """Asks the client's model, in the older era."""
    answer = await ctx.session.send_request(
        sampling(prompt),
        CreateMessageResult,
        metadata=ServerMessageMetadata(related_request_id=ctx.request_id),
    )
    return f"LLM response: {getattr(answer.content, 'text', '')}"


async def _elicited(ctx: Context, request: ElicitRequest) -> str:
    answer = await ctx.session.send_request(
        request,
        ElicitResult,
        metadata=ServerMessageMetadata(related_request_id=ctx.request_id),
    )
    return f"action={answer.action}, content={answer.content}"


async def test_elicitation(message: str, ctx: Context) -> str:
    """Asks the person, in the older era."""
    question = form(
        message,
        username={"type": "string", "description": "User's response"},
        email={"type": "string", "description": "User's email address"},
    )
    return "User response: " + await _elicited(ctx, question)


async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """A form with defaults."""
    states = ["active", "inactive", "pending"]
    question = form(
        "Fill in",
        name={"type": "string", "default": "John Doe"},
        age={"type": "integer", "default": 30},
        score={"type": "number", "default": 95.5},
        status={"type": "string", "enum": states, "default": "active"},
        verified={"type": "boolean", "default": True},
    )
    return "Elicitation completed: " + await _elicited(ctx, question)


async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """A form with every kind of choice."""
    plain = ["option1", "option2", "option3"]
    titled = [
        {"const": f"value{n}", "title": f"{word} Option"}
        for n, word in enumerate(("First", "Second", "Third"), 1)
    ]
    question = form(
        "Choose",
        untitledSingle={"type": "string", "enum": plain},
        titledSingle={"type": "string", "oneOf": titled},
        legacyEnum={
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        untitledMulti={"type": "array", "items": {"type": "string", "enum": plain}},
        titledMulti={"type": "array", "items": {"anyOf": titled}},
    )
    return "Elicitation completed: " + await _elicited(ctx, question)


TOOLS = (
    test_input_required_result_elicitation,
    test_streaming_elicitation,
    test_input_required_result_sampling,
    test_input_required_result_list_roots,
    test_input_required_result_request_state,
    test_input_required_result_tampered_state,
    test_input_required_result_multiple_inputs,
    test_input_required_result_multi_round,
    test_input_required_result_capabilities,
    test_sampling,
    test_elicitation,
    test_elicitation_sep1034_defaults,
    test_elicitation_sep1330_enums,
)


def add_questions(server: MCPServer[Any]) -> None:
    for tool in TOOLS:
        server.add_tool(tool, structured_output=False)
    server.prompt(description="Asks for its context.")(test_input_required_result_prompt)

"""A person is asked before money is spent: only where the client can ask, and never twice."""

from typing import Any

import pytest
from mcp import Client
from mcp.types import ElicitRequestFormParams, ElicitResult

from mcp_relight.simulator.control import SimulatorHandle
from tests.flows.rig import Paid, ended, facts_of, refusal_of
from tests.server.conftest import Connect
from tests.world import World

pytestmark = pytest.mark.anyio

MODEL = "segmind/ic-light"


class Person:
    """Answers questions, and remembers them."""

    def __init__(self, action: Any, *, confirm: bool | None = None) -> None:
        self.answer = ElicitResult(
            action=action, content=None if confirm is None else {"confirm": confirm}
        )
        self.asked: list[ElicitRequestFormParams] = []

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        self.asked.append(params)
        return self.answer


@pytest.fixture
def request_of(world: World) -> dict[str, Any]:
    photo = world.photo("mug.jpg", width=96, height=64)
    return {"image": str(photo), "model": MODEL, "light_from": "left", "wait_s": 0}


async def call(client: Client, arguments: dict[str, Any]) -> Any:
    return await client.call_tool("relight_image", arguments)


async def test_a_person_who_agrees_is_charged_once(
    connect: Connect, mode: Any, request_of: dict[str, Any], simulator: SimulatorHandle
) -> None:
    person = Person("accept", confirm=True)
    async with connect(mode, elicitation_callback=person) as client:
        job = facts_of(await call(client, request_of))
        job = await ended(client, job["job_id"])
    assert job["status"] == "succeeded"
    (question,) = person.asked
    assert MODEL in question.message
    assert "$" in question.message
    assert question.requested_schema["properties"].keys() == {"confirm"}
    assert len(Paid.by(simulator).charges) == 1


@pytest.mark.parametrize(
    "person",
    [Person("decline"), Person("cancel"), Person("accept", confirm=False)],
    ids=["declines", "cancels", "says no"],
)
async def test_without_a_yes_nothing_is_sent(
    connect: Connect,
    mode: Any,
    request_of: dict[str, Any],
    simulator: SimulatorHandle,
    person: Person,
) -> None:
    async with connect(mode, elicitation_callback=person) as client:
        refusal = refusal_of(await call(client, request_of))
        listed = facts_of(await client.call_tool("list_jobs", {}))
    assert refusal["code"] == "budget_exceeded"
    assert "local/classic" in refusal["hint"]
    assert listed["jobs"] == []
    assert Paid.by(simulator).submits == []


async def test_an_identical_call_is_not_asked_again(
    connect: Connect, mode: Any, request_of: dict[str, Any], simulator: SimulatorHandle
) -> None:
    person = Person("accept", confirm=True)
    async with connect(mode, elicitation_callback=person) as client:
        first = facts_of(await call(client, request_of))
        again = facts_of(await call(client, request_of | {"wait_s": 1, "max_cost_usd": None}))
        assert again["job_id"] == first["job_id"]
        await ended(client, first["job_id"])
    assert len(person.asked) == len(Paid.by(simulator).charges) == 1


async def test_what_was_agreed_to_for_several_looks_is_enough_for_them(
    connect: Connect, mode: Any, request_of: dict[str, Any]
) -> None:
    """Three times 0.037 is a little less than 0.111 to a computer."""
    wish = {name: value for name, value in request_of.items() if name != "light_from"}
    person = Person("accept", confirm=True)
    async with connect(mode, elicitation_callback=person) as client:
        job = facts_of(await call(client, wish | {"look": "rembrandt,loop,split"}))
    assert len(job["siblings"]) == 2
    assert "$0.111" in person.asked[0].message


async def test_a_named_limit_is_consent(
    connect: Connect, mode: Any, request_of: dict[str, Any]
) -> None:
    person = Person("decline")
    async with connect(mode, elicitation_callback=person) as client:
        facts_of(await call(client, request_of | {"max_cost_usd": 1.0}))
    assert person.asked == []


async def test_a_free_model_asks_nothing(
    connect: Connect, mode: Any, request_of: dict[str, Any]
) -> None:
    person = Person("decline")
    async with connect(mode, elicitation_callback=person) as client:
        facts_of(await call(client, request_of | {"model": "local/classic"}))
    assert person.asked == []


async def test_a_client_that_cannot_ask_is_served_as_before(
    connect: Connect, mode: Any, request_of: dict[str, Any]
) -> None:
    async with connect(mode) as client:
        job = facts_of(await call(client, request_of))
    assert job["status"] in {"queued", "running", "succeeded"}


async def test_what_would_be_refused_anyway_is_not_asked(
    connect: Connect, mode: Any, request_of: dict[str, Any]
) -> None:
    person = Person("accept", confirm=True)
    async with connect(mode, elicitation_callback=person) as client:
        refusal = refusal_of(await call(client, request_of | {"model": "segmind/none"}))
    assert refusal["code"] == "unknown_model"
    assert person.asked == []


async def test_the_question_says_what_the_model_would_leave_out(
    connect: Connect, mode: Any, request_of: dict[str, Any]
) -> None:
    person = Person("decline")
    wish = {name: value for name, value in request_of.items() if name != "light_from"}
    async with connect(mode, elicitation_callback=person) as client:
        await call(client, wish | {"model": "segmind/segmind-relighting", "look": "neon"})
        await call(client, request_of)
    neon, plain = person.asked
    assert "leaves out the direction, the colour and all lights but one" in neon.message
    assert "leaves out" not in plain.message

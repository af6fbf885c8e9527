"""What the provider APIs share: who is asking, what they sent, and refusals in each one's words."""

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcp_relight.simulator.checks import Schema, Violation, checked
from mcp_relight.simulator.faults import Phase
from mcp_relight.simulator.hooks import Caller
from mcp_relight.simulator.jobs import Job, Stage, Work
from mcp_relight.simulator.ledger import Account
from mcp_relight.simulator.state import NoCredits, Simulation

Json = dict[str, Any]
Refuse = Callable[[str, str], Response]
RESULT: Phase = "result"


class Answered(Exception):
    """Ends an endpoint early with a response: a refusal in the provider's own words."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


async def early_answer(_request: Request, answered: Any) -> Response:
    """The exception handler of `Answered`."""
    return answered.response


class Api:
    """One provider: its endpoints, and how it says what all of them say.

    `id_field` and `url_fields` name the job id and the addresses in the answer to a submit.
    """

    name: str
    id_field: ClassVar[str] = ""
    url_fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.caller = Caller(sim)

    def routes(self) -> list[Route]:
        raise NotImplementedError

    def error(self, status: int, text: str = "") -> Response:
        """A refusal; without a text, in the provider's standing words for that status."""
        raise NotImplementedError

    def no_credits(self, need: float) -> Response:
        return self.error(402)

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The key, where and as this provider takes it."""
        return None

    def reset_header(self, moment: float) -> dict[str, str]:
        """What a 429 says about when the limit ends (`moment`: epoch, seconds)."""
        return {}

    def throttled(self, moment: float) -> Response:
        response = self.error(429)
        response.headers.update(self.reset_header(moment))
        return response

    def account(self, request: Request) -> Account:
        """The account of the key that was sent. Raises Answered with the provider's 401."""
        key = self.key_of(request.headers)
        account = self.sim.ledger.account(self.name, key) if key else None
        if account is None:
            raise Answered(self.error(401, "" if key else "missing"))
        return account

    def job(self, request: Request, job_id: str) -> Job | None:
        """The caller's own job; somebody else's is as unknown as one that never was."""
        return self.sim.job_of(self.name, self.account(request).key, job_id)

    async def params(self, request: Request, schema: Schema, refuse: Refuse | None = None) -> Json:
        """The body, which satisfies the schema. Raises Answered by `refuse`, or else `unfit`."""
        refuse = refuse or self.unfit
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError):
            raise Answered(refuse("json", "Invalid JSON in request body")) from None
        try:
            return checked(schema, body, inline=self.name in self.sim.settings.inline_inputs)
        except Violation as violation:
            raise Answered(refuse(violation.rule, str(violation))) from None

    def unfit(self, rule: str, text: str) -> Response:
        """What is said of a body that breaks `rule` ("json", or a keyword of JSON Schema)."""
        return self.error(400, text)

    async def started(self, request: Request, account: Account, work: Work) -> Job:
        """The accepted job. Raises Answered with the provider's words for an empty account."""
        try:
            return await self.sim.accept(account, work, self.origin(request))
        except NoCredits as short:
            raise Answered(self.no_credits(short.need)) from None

    def origin(self, request: Request) -> str:
        """Scheme, host and port as the client sees them."""
        return f"{request.url.scheme}://{request.headers.get('host', '127.0.0.1')}"

    def base(self, request: Request) -> str:
        """What stands for the provider's own origin."""
        return f"{self.origin(request)}/{self.name}"

    def outcome(self, request: Request, body: Json | Response, status: int = 200) -> Response:
        """The response that carries a job's outcome: faults of the phase `result` hit it."""
        request.state.phase = RESULT
        return body if isinstance(body, Response) else JSONResponse(body, status)

    def answer(self, request: Request, stage: Stage, body: Json) -> Response:
        return self.outcome(request, body) if stage == "completed" else JSONResponse(body)

"""Providers over a scripted transport, for the tests of the sender."""

from collections.abc import Callable

import httpx2
from pydantic import SecretStr

from mcp_relight.domain.job import Job, JobRequest
from mcp_relight.domain.lighting import Lighting
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.registry import Account
from mcp_relight.providers.rest import RestProvider
from mcp_relight.providers.segmind import Segmind

KEY = "pd_SECRET0123456789"
NOW = 1_763_640_000.0
TAKEN = {"jobId": "job_1", "status": "pending", "creditCost": 1}
NOT_SENT = [
    httpx2.ConnectError("refused"),
    httpx2.ConnectTimeout("slow"),
    httpx2.PoolTimeout("busy"),
    httpx2.UnsupportedProtocol("gopher"),
]
AMBIGUOUS = [
    httpx2.ReadTimeout("no answer"),
    httpx2.WriteTimeout("half sent"),
    httpx2.WriteError("half sent"),
    httpx2.ReadError("reset"),
    httpx2.RemoteProtocolError("closed"),
]
Answer = Callable[[httpx2.Request], httpx2.Response]


def unread(answer: httpx2.Response) -> httpx2.Response:
    """The same reply with its body still to be read, as from a socket."""
    stream = httpx2.ByteStream(answer.content)
    return httpx2.Response(answer.status_code, headers=answer.headers, stream=stream)


class Wire:
    """A transport that answers from a list and keeps what was sent."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return unread(answer)


def dojo(wire: Answer, gateway: str | None = None) -> RestProvider:
    return RestProvider(
        Account(adapter=PixelDojo(), key=SecretStr(KEY), gateway=gateway),
        transport=httpx2.MockTransport(wire),
        now=lambda: NOW,
    )


def segmind(wire: Answer) -> RestProvider:
    return RestProvider(
        Account(adapter=Segmind(), key=SecretStr("SG_1")),
        transport=httpx2.MockTransport(wire),
        now=lambda: NOW,
    )


def job(ticket: str | None = "job_1", created_at: float = NOW, model: str = "") -> Job:
    model = model or "pixeldojo/image-relighting"
    return Job(
        job_id="job_local",
        owner="me",
        provider=model.partition("/")[0],
        model=model,
        stage="running",
        request=JobRequest(
            model=model,
            image_id="a" * 32,
            image_name="mug",
            lighting=Lighting(),
            output_dir="/tmp",
        ),
        created_at=created_at,
        updated_at=created_at,
        due_at=created_at,
        ticket=ticket,
    )

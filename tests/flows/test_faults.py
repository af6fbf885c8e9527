"""Scripted faults at every phase, seen from outside: what the caller is told, what was paid.

What must hold whatever happens: the job comes to a documented state within its time, says what to
do next, is never sent twice once bytes have left, and no key shows anywhere.
"""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from mcp import Client
from PIL import Image

from mcp_relight.errors import leaves
from mcp_relight.logs import Redact
from mcp_relight.simulator.control import SimulatorHandle
from mcp_relight.simulator.faults import KINDS
from tests.world import World

from .rig import Facts, Paid, ended, look, served, settings_of, start, upload

pytestmark = [pytest.mark.anyio, pytest.mark.spread, pytest.mark.usefixtures("brisk")]

MODELS = {
    "pixeldojo": "pixeldojo/image-relighting",
    "pixazo": "pixazo/pixelforge-relighting",
    "segmind": "segmind/ic-light",
}
CODES = {leaf.code for leaf in leaves()}
ENDLESS = {"queued_forever", "running_forever", "unknown_status_forever"}
"""Jobs that never end at the provider: they stay running here, to be looked at later."""

DEFAULT = {
    "submit": (
        "reset_before_body reset_after_body reset_mid_reply hang_before_reply not_http status_400 "
        "status_401 status_404 status_408 status_409 status_500 status_503 no_credits spend_limit "
        "status_429_retry_after_seconds charged_502 html_405 key_echo_500 hostile_error_text "
        "redirect_307_elsewhere truncated_json id_missing id_dotdot foreign_status_url"
    ),
    "poll": (
        "cut_reply status_404 status_502 status_503_retry_after_huge html_instead "
        "unknown_status_once id_of_another"
    ),
    "result": (
        "failed_error_object failed_content failed_hostile_text failed_on_submit expired_mid_poll "
        "zero_images output_url_metadata output_url_foreign output_url_file running_forever"
    ),
    "download": (
        "reset_mid_reply file_html file_bomb file_truncated file_redirect_metadata "
        "file_redirect_loop"
    ),
    "upload": "upload_foreign_url reset_after_body",
}
"""Tried in every run, the providers taking turns; the long run tries every kind at every phase,
the full one with all three providers."""
PROVIDER_OF_PHASE = {"upload": ("segmind",)}


@dataclass(frozen=True)
class Case:
    provider: str
    phase: str
    kind: str

    def __str__(self) -> str:
        return f"{self.provider}-{self.phase}-{self.kind}"


def default_cases() -> list[Case]:
    """Each fault once, the providers taking turns."""
    cases: list[Case] = []
    for phase, kinds in DEFAULT.items():
        providers = PROVIDER_OF_PHASE.get(phase, tuple(MODELS))
        for index, kind in enumerate(kinds.split()):
            cases.append(Case(providers[index % len(providers)], phase, kind))
    return cases


def other_cases(*, with_all_providers: bool) -> list[Case]:
    """Every kind at every phase, less the default ones."""
    places = [(phase, kind.name) for kind in KINDS.values() for phase in kind.phases]
    cases: list[Case] = []
    for index, (phase, kind) in enumerate(places):
        providers = PROVIDER_OF_PHASE.get(phase, tuple(MODELS))
        chosen = providers if with_all_providers else (providers[index % len(providers)],)
        cases += [Case(provider, phase, kind) for provider in chosen if phase != "catalogue"]
    tried = set(default_cases())
    return [case for case in cases if case not in tried]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "other_case" in metafunc.fixturenames:
        is_full = bool(metafunc.config.getoption("--full"))
        metafunc.parametrize("other_case", other_cases(with_all_providers=is_full), ids=str)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
async def client(
    house: World, simulator_server: SimulatorHandle, brisk: None
) -> AsyncIterator[Client]:
    """One server for all faults: it has to outlive every one of them."""
    async with served(settings_of(house, simulator_server)) as client:
        yield client
    check_files(house, simulator_server)


def check_files(house: World, simulator: SimulatorHandle) -> None:
    """No file of ours holds a key after all that: database, journal, logs, pictures."""
    files = [path for path in house.root.rglob("*") if path.is_file()]
    assert house.data / "jobs.db" in files
    for path in files:
        data = path.read_bytes()
        assert not any(key.encode() in data for key in simulator.keys.values()), path.name


@pytest.fixture
def photo(house: World) -> Path:
    return house.photo("mug.png", width=96, height=64)


@pytest.fixture
def written_log() -> Iterator[list[str]]:
    """What our loggers would write, through the filter that every handler of ours has."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Kept()
    handler.addFilter(Redact(()))
    root = logging.getLogger()
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)


async def run_case(
    client: Client, simulator: SimulatorHandle, photo: Path, case: Case, written_log: list[str]
) -> Facts:
    """Order one picture with the fault in its way; check what must always hold."""
    image = str(photo) if case.provider == "segmind" else upload(simulator, photo)
    if case.phase == "upload":
        simulator.settings(inline_inputs=())
    simulator.fault(case.provider, case.phase, case.kind)
    job = await start(
        client,
        image=image,
        model=MODELS[case.provider],
        light_from="left",
        finish="as-returned",
        idempotency_key=str(case),
    )
    if case.kind in ENDLESS:
        await asked_again(simulator, case.provider)
        job = await look(client, job["job_id"])
        assert job["status"] == "running"
    else:
        job = await ended(client, job["job_id"], within_s=120)
    check_told(job)
    check_paid(job, Paid.by(simulator), case)
    check_secret(job, simulator, written_log)
    return job


async def asked_again(simulator: SimulatorHandle, provider: str) -> None:
    """Until the job was asked about often enough to have been given up, were it to be."""
    with anyio.fail_after(120):
        while simulator.ledger()["requests"].get(provider, {}).get("poll", 0) < 4:  # noqa: ASYNC110
            await anyio.sleep(0.05)


def check_told(job: Facts) -> None:
    assert job["status"] in {"running", "succeeded", "failed", "unknown"}
    assert job["next_step"]
    if job["status"] in {"failed", "unknown"}:
        error = job["error"]
        assert error["code"] in CODES
        assert error["code"] != "internal"
        assert error["message"]
        assert error["hint"]
        assert (job["status"] == "unknown") == (error["code"] == "outcome_unknown")
        assert "ignore" not in json.dumps(error).lower(), "a provider's words for a model"
    if job["status"] == "succeeded":
        assert job["images"]
        for image in job["images"]:
            with Image.open(image["path"]) as picture:
                picture.load()


def check_paid(job: Facts, paid: Paid, case: Case) -> None:
    assert paid.ledger["canary"] == []
    assert len(paid.charges) <= 1, "paid twice"
    sent_again = paid.submits[:-1]
    # Only what was certainly refused may be followed by another submit.
    assert all(KINDS[post["fault"]].family == "refusal" for post in sent_again)
    assert not any(str(post["fault"]).startswith("charged_") for post in sent_again)
    assert not any("_50" in post["fault"] for post in sent_again)
    # Segmind's 422 to a poll says, by its documents, that the job failed and was not charged.
    says_unpaid = case.provider == "segmind" and case.kind == "status_422"
    if "cost" in job and job["cost"]["billed"] == "no" and not says_unpaid:  # none while it runs
        assert paid.kept_usd == 0, "the caller is told that nothing was paid"
    if job["status"] == "succeeded":
        assert len(paid.charges) == 1
    if KINDS[case.kind].family == "connection" and case.phase == "submit":
        assert len(paid.submits) == 1


def check_secret(job: Facts, simulator: SimulatorHandle, written_log: list[str]) -> None:
    shown = json.dumps(job) + "".join(written_log)
    for key in simulator.keys.values():
        assert key not in shown
    assert "169.254.169.254" not in shown


@pytest.mark.parametrize("case", default_cases(), ids=str)
async def test_a_fault_leads_to_a_documented_state_and_no_second_charge(
    client: Client,
    simulator: SimulatorHandle,
    photo: Path,
    written_log: list[str],
    case: Case,
) -> None:
    await run_case(client, simulator, photo, case, written_log)


@pytest.mark.full
async def test_every_other_fault_does_too(
    client: Client,
    simulator: SimulatorHandle,
    photo: Path,
    written_log: list[str],
    other_case: Case,
) -> None:
    await run_case(client, simulator, photo, other_case, written_log)


def test_there_are_at_least_forty_faults() -> None:
    assert len(default_cases()) >= 40
    assert len({case.kind for case in default_cases()}) >= 40

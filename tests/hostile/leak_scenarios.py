"""Ways to fail, each with the code it ends in, or "succeeded": where a secret could slip out."""

import base64
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from .leak_house import House

SUBMIT = {
    "key_echo_401": "provider_auth",
    "key_echo_500": "outcome_unknown",
    "hostile_error_text": "provider_refused",
    "no_credits": "provider_credits",
    "status_403": "provider_auth",
    "status_415": "provider_refused",
    "status_409": "outcome_unknown",
    "status_413": "provider_refused",
    "status_422": "provider_refused",
    "status_503": "outcome_unknown",
    "charged_502": "outcome_unknown",
    "redirect_302_elsewhere": "outcome_unknown",
    "redirect_307_elsewhere": "provider_protocol",
    "reset_before_body": "outcome_unknown",
    "reset_mid_reply": "outcome_unknown",
    "cut_reply": "outcome_unknown",
    "not_http": "outcome_unknown",
    "truncated_json": "outcome_unknown",
    "html_instead": "outcome_unknown",
    "wrong_types": "outcome_unknown",
    "deep_json": "outcome_unknown",
    "id_dotdot": "outcome_unknown",
    "id_newline": "outcome_unknown",
}
POLL = {"status_404": "succeeded"}
"""It is asked once more, and then known."""
RESULT = {
    "failed_hostile_text": "provider_refused",
    "failed_content": "content_rejected",
    "failed_error_object": "provider_refused",
    "zero_images": "provider_protocol",
    "output_url_metadata": "url_refused",
    "output_url_userinfo": "url_refused",
    "output_url_file": "provider_protocol",
    "output_url_foreign": "url_refused",
    "expired_mid_poll": "job_expired",
}
DOWNLOAD = {
    "file_html": "succeeded",
    "file_bomb": "succeeded",
    "file_redirect_metadata": "url_refused",
    "file_svg": "succeeded",
}
"""What is no picture is fetched once more, and then is one."""
BY_PHASE = {"submit": SUBMIT, "poll": POLL, "result": RESULT, "download": DOWNLOAD}
MODELS = {
    "pixeldojo": "pixeldojo/image-relighting",
    "pixazo": "pixazo/pixelforge-relighting",
    "segmind": "segmind/ic-light",
}


PROVIDERS_OF = {"download": ("pixeldojo", "pixazo")}
"""Photos lie at Segmind's addresses: a fault there would hit the reading of a photo."""


@dataclass(frozen=True)
class Scenario:
    name: str
    lane: str
    """Scenarios of one lane run one after the other; lanes run side by side."""
    code: str
    run: Callable[[House], str]
    """Returns the code it ended in."""


def _at_provider(provider: str, phase: str, kind: str, code: str) -> Scenario:
    def run(house: House) -> str:
        house.simulator.fault(provider, phase, kind)
        photo = house.photo_address() if provider != "segmind" else str(house.photo)
        name = f"{phase}-{kind}"
        return house.order(image=photo, model=MODELS[provider], idempotency_key=name)

    return Scenario(f"{phase}: {kind}", provider, code, run)


def _called(name: str, code: str, tool: str, **arguments: object) -> Scenario:
    """A tool call with `{...}` in its texts filled in from the house."""

    def run(house: House) -> str:
        return house.refused(tool, **{at: house.filled(value) for at, value in arguments.items()})

    return Scenario(name, "calls", code, run)


def _relit(name: str, code: str, **arguments: object) -> Scenario:
    return _called(name, code, "relight_image", **{"look": "loop", **arguments})


def _data(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    header = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 0, 0, 0, 0])
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


CALLS = (
    _relit("a token in an address inside", "url_refused", image="https://10.0.0.1/a.png?t={token}"),
    _relit("a token at a metadata address", "url_refused", image="http://169.254.169.254/?{token}"),
    _relit("a password in an address", "url_refused", image="https://me:{password}@example.com/a"),
    _relit("an address that is gone", "fetch_failed", image="{files}/nowhere.png?sig={token}"),
    _relit("an address of words", "image_unsupported", image="{files}/_sim/ledger?{token}"),
    _relit("a fragment on a bad scheme", "image_not_found", image="ftp://a.test/b#{token}"),
    _relit("a key as a path", "image_not_found", image="/photos/{pasted}"),
    _relit("a key as a look", "unknown_look", image="latest", look="{pasted}"),
    _relit("a key as a model", "unknown_model", image="latest", model="{pasted}/x"),
    _relit("a key as params", "invalid_argument", image="latest", params="{pasted}"),
    _relit("a key inside params", "invalid_argument", image="latest", params='{{"{pasted}": 1}}'),
    _relit("a key as lights", "invalid_argument", image="latest", look=None, lights="{pasted}"),
    _relit("a key as a number", "invalid_argument", image="latest", kelvin="{pasted}"),
    _relit("a key as a mask", "image_not_found", image="latest", mask="{pasted}"),
    _relit("a key under its own name", "unknown_argument", image="latest", **{"{pasted}": "x"}),
    _relit("a data address that is none", "invalid_argument", image="data:{pasted}"),
    _relit("words as a picture", "image_unsupported", image=_data(b"words")),
    _relit("half a picture", "image_corrupt", image=_data(_png(8, 8))),
    _relit("a bomb", "image_too_large", image=_data(_png(60_000, 60_000))),
    _relit("no light", "invalid_argument", image="latest", look=None),
    _called("a key as a job", "job_not_found", "get_job", job_id="{pasted}"),
    _called("a key as a page", "invalid_argument", "list_jobs", cursor="{pasted}"),
    _called("a key as a folder", "invalid_argument", "find_images", folder="{pasted}"),
    _called("a key to look at", "image_not_found", "view_image", image="{pasted}"),
    _called("a key to compare", "image_not_found", "compare_images", before="{pasted}", after="x"),
    _called("a key to plan with", "unknown_model", "plan_relight", image="latest", look="loop",
            model="{pasted}"),
    _called("a key to cancel", "job_not_found", "cancel_job", job_id="{pasted}"),
    _called("a key as a tool", "invalid_argument", "{pasted}"),
)  # fmt: skip


def _program(name: str, code: int, *arguments: str, **environment: str) -> Scenario:
    """The command line with this environment; the code is how it exits."""

    def run(house: House) -> str:
        changes = {at: str(house.filled(value)) for at, value in environment.items()}
        return house.program(*(str(house.filled(word)) for word in arguments), **changes)

    return Scenario(name, "programs", f"exit {code}", run)


def _unreadable_key(house: House) -> str:
    path = house.world.root / "keys" / "open"
    path.write_text(house.secrets["key in a wrong argument"])
    path.chmod(0o644)
    return house.program("jobs", SEGMIND_API_KEY_FILE=str(path))


PROGRAMS = (
    _program("a password in a setting", 2, "jobs",
             MCP_RELIGHT_PIXAZO_URL="https://me:{password}@example.com"),
    _program("a key in a number", 2, "jobs", MCP_RELIGHT_MAX_COST_USD="{pasted}"),
    _program("a key in a choice", 2, "jobs", MCP_RELIGHT_WORKER="{pasted}"),
    _program("a key as the name of its file", 2, "jobs", PIXAZO_API_KEY_FILE="/x/{pasted}"),
    _program("a key nobody knows", 1, "doctor", "--json", SEGMIND_API_KEY="{pasted}",
             SEGMIND_API_KEY_FILE=""),
    _program("a key with a line break", 1, "doctor", SEGMIND_API_KEY="{pasted}\nx",
             SEGMIND_API_KEY_FILE=""),
    _program("a token on the command line", 2, "relight", "https://10.0.0.1/?{token}", "--look",
             "loop"),
    Scenario("a key file others can read", "programs", "exit 2", _unreadable_key),
)  # fmt: skip


def _no_bucket(house: House) -> str:
    """The bucket is asked with its own key, and does not answer as one."""
    return house.order(image=str(house.photo), model=MODELS["pixazo"])


def _dead_child(house: House) -> str:
    return house.with_dying_children(lambda: house.order(image=str(house.photo), look="split"))


LAST = Scenario("the engine dies", "last", "engine_crashed", _dead_child)
"""After all others: it takes theirs down as well."""


def scenarios() -> list[Scenario]:
    """Every call and program, and the faults with the providers taking turns."""
    made = [*CALLS, *PROGRAMS, Scenario("no bucket", "pixazo", "needs_public_url", _no_bucket)]
    for phase, kinds in BY_PHASE.items():
        for index, (kind, code) in enumerate(kinds.items()):
            providers = PROVIDERS_OF.get(phase, tuple(MODELS))
            made.append(_at_provider(providers[index % len(providers)], phase, kind, code))
    return made

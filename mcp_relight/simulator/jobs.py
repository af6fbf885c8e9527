"""An accepted job and how it goes: its stage at each poll, its output, error and timestamps.

Stages are neutral; each provider's file has its own words for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from mcp_relight.simulator.pictures import WORDS_IN_METADATA, PictureOrder

Stage = Literal[
    "queued", "running", "unknown", "completed", "failed", "error", "cancelled", "expired"
]
ENDED: frozenset[Stage] = frozenset({"completed", "failed", "error", "cancelled"})
UNKNOWN_WORD = "marinating"
YEAR_S = 365 * 86400

_STUCK: dict[str, Stage] = {
    "queued_forever": "queued",
    "running_forever": "running",
    "unknown_status_forever": "unknown",
}
_SCRIPTS: dict[str, Sequence[Stage]] = {
    "unknown_status_then_done": ("unknown", "unknown"),
    "status_backwards": ("queued", "running", "queued", "running"),
}
_AT_ONCE = frozenset({"done_on_submit", "failed_on_submit"})


@dataclass(frozen=True)
class Work:
    """What one accepted submit asks for. `path` has {nth} (empty for the first) and {ext} in it."""

    job_id: str
    model: str
    params: dict[str, Any]
    amount: float
    duration_s: float
    inputs: tuple[str, ...]
    path: str
    file_format: str
    count: int = 1
    size_px: tuple[int, int] | None = None
    quality: int = 90
    light: str = ""
    seed: int | None = None


@dataclass
class Job:
    """`polls` counts status requests answered; `failure` is set where the input was unreadable."""

    work: Work
    provider: str
    key: str
    created_at: float
    seed: int
    fate: str | None = None
    source: str | None = None
    failure: str | None = None
    polls: int = 0
    finished_at: float | None = None
    paths: list[str] = field(default_factory=lambda: list[str]())

    @property
    def id(self) -> str:
        return self.work.job_id

    @property
    def ends_at_once(self) -> bool:
        return self.fate in _AT_ONCE

    @property
    def is_stuck(self) -> bool:
        return self.fate in _STUCK

    def ending(self) -> Stage:
        if self.fate == "system_error":
            return "error"
        if self.fate == "cancelled":
            return "cancelled"
        return "failed" if self.failure or (self.fate or "").startswith("failed_") else "completed"

    def stage(self, now: float, speed: float, polls_wanted: int | None) -> Stage:
        """Where it stands: by the clock, or by polls answered where `polls_wanted` is given."""
        if self.ends_at_once:
            return self.ending()
        if self.fate in _STUCK:
            return _STUCK[self.fate]
        if self.fate == "expired_mid_poll":
            return "expired" if self.polls else "running"
        if self.fate in _SCRIPTS:
            script = _SCRIPTS[self.fate]
            return script[self.polls] if self.polls < len(script) else self.ending()
        if polls_wanted is not None:
            done, share = self.polls >= polls_wanted, self.polls / max(polls_wanted, 1)
        else:
            share = (now - self.created_at) * speed / self.work.duration_s
            done = share >= 1
        if done:
            return self.ending()
        return "queued" if share < 0.2 else "running"

    def error_text(self) -> str:
        if self.failure:
            return self.failure
        if self.fate == "failed_content":
            return "The request was rejected by the content safety filter"
        if self.fate == "failed_hostile_text":
            return WORDS_IN_METADATA
        return "Upstream model failed to produce an image"

    def error_field(self) -> dict[str, Any]:
        """{"error": …} in the form the fate asks for; {} where it asks for none."""
        if self.fate == "failed_error_missing":
            return {}
        if self.fate == "failed_error_null":
            return {"error": None}
        if self.fate == "failed_error_object":
            return {"error": {"code": "upstream_failed", "message": self.error_text()}}
        return {"error": self.error_text()}

    @property
    def hides_output(self) -> bool:
        """Whether the fate changes the field that holds the output."""
        return self.fate == "output_missing" or self.fate in self._output_forms([])

    def _output_forms(self, urls: list[str]) -> dict[str, object]:
        first = urls[0] if urls else ""
        return {
            "output_null": None,
            "output_number": 7,
            "output_string": first,
            "output_list": urls,
            "output_object": {"image": first},
        }

    def output_field(self, documented: object, urls: list[str], name: str) -> dict[str, Any]:
        """{`name`: …}: the documented value, or the form the fate asks for."""
        if self.fate == "output_missing":
            return {}
        return {name: self._output_forms(urls).get(self.fate or "", documented)}

    def output_urls(self, origin: str) -> list[str]:
        """Where the pictures are said to be."""
        host = urlsplit(origin)
        lies = {
            "output_url_metadata": "http://169.254.169.254/latest/meta-data/out.png",
            "output_url_private": "http://10.20.30.40/out.png",
            "output_url_file": "file:///etc/passwd",
            "output_url_foreign": f"http://localhost:{host.port}/canary/out.png",
            "output_url_userinfo": f"http://user:word@{host.netloc}/canary/out.png",
            "output_url_empty": "",
        }
        if self.fate in lies:
            return [lies[self.fate]]
        return [f"{origin}/files/{path}" for path in self.paths]

    def picture(self, index: int = 0) -> PictureOrder:
        """The picture at that place among its results."""
        work = self.work
        width_px, height_px = work.size_px or (None, None)
        # A random seed must not make a thousand different pictures of a load test.
        seed = 0 if work.seed is None else work.seed
        return PictureOrder(
            self.source,
            width_px,
            height_px,
            work.file_format,
            work.quality,
            work.light,
            seed,
            index,
        )

    def publish(self) -> dict[str, PictureOrder]:
        """Its results by path, of which `paths` are told from now on."""
        asked = self.work.count
        count = {"zero_images": 0, "twelve_images": 12}.get(self.fate or "", asked)
        names = [f"-{index}" if index else "" for index in range(count)]
        self.paths = [self.work.path.format(nth=n, ext=self.work.file_format) for n in names]
        return {path: self.picture(index) for index, path in enumerate(self.paths)}

    def timestamp(self, moment: float | None, *, plain: bool = False) -> str | None:
        """ISO with Z; `plain` gives the webhook sample's second form where the fate asks."""
        if moment is None:
            return None
        if self.fate == "timestamps_skewed":
            moment += YEAR_S
        if plain and self.fate == "timestamps_mixed":
            return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")
        return iso(moment)


def iso(moment: float, precision: str = "milliseconds") -> str:
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec=precision)
    return text.replace("+00:00", "Z")

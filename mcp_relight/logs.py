"""Logging: to stderr only, and never a secret.

The filter sits on handlers, not loggers, so that records of every library pass through it.
"""

import contextlib
import json
import logging
import re
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

from mcp_relight import telemetry

_PATTERNS = (
    (("bearer",), re.compile(r"(?i)(bearer\s+)[^\s\"',;]+")),
    (("x-api-key", "ocp-apim-subscription-key", "authorization"),
     re.compile(r"(?i)((?:x-api-key|ocp-apim-subscription-key|authorization)[\"']?\s*[:=,]\s*[\"']?)"
                r"[^\s\"',;)]+")),
    (("sk-", "pd_", "pdl_", "sg_", "rlt_"),
     re.compile(r"\b()(?:sk-|pd_|pdl_|SG_|rlt_)[A-Za-z0-9_-]{6,}")),
)  # fmt: skip
"""Each with the words one of which it needs, in small letters: lines of an access log have none of
them, and to look for words takes a fifth of the time."""
_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*")
_USERINFO = re.compile(r"([a-z][a-z0-9+.-]*://)[^\s/@\"'<>]+@", re.IGNORECASE)
_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_GATHERED_S, _GATHERED = 0.1, 500
_QUIET = ("httpx2", "httpcore2", "mcp", "sqlalchemy", "asyncio", "uvicorn",
          "procrastinate", "psycopg", "opentelemetry")  # fmt: skip


class Redact(logging.Filter):
    """Replaces secrets, and cuts user names, passwords and the query off every address."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__()
        self._secrets: tuple[str, ...] = ()
        self.hide(*secrets)

    def hide(self, *secrets: str) -> None:
        """Replace these too, from now on."""
        known = {*self._secrets, *(secret for secret in secrets if len(secret) >= 4)}
        self._secrets = tuple(sorted(known, key=len, reverse=True))

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = self.clean(record.getMessage())
        record.args = None
        if record.exc_info:
            record.exc_text = self.clean(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        elif record.exc_text:
            record.exc_text = self.clean(record.exc_text)
        if record.stack_info:
            record.stack_info = self.clean(record.stack_info)
        return True

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        small = text.lower()
        for words, pattern in _PATTERNS:
            if any(word in small for word in words):
                text = pattern.sub(r"\1[secret]", text)
        return _QUERY.sub(r"\1", _USERINFO.sub(r"\1", text)) if "://" in text else text


_redact = Redact(())


class JsonLines(logging.Formatter):
    """One JSON object per line, for a collector. What a record carries as `facts` is beside its
    message, cleaned like it; so is the trace it belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": at,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            line["exception"] = record.exc_text
        if (trace := getattr(record, "traceparent", None)) is not None:
            line["traceparent"] = trace
        facts: dict[str, Any] = getattr(record, "facts", {})
        for name, value in facts.items():
            line[name] = _redact.clean(value) if isinstance(value, str) else value
        return json.dumps(line)


class Gathering(logging.StreamHandler[TextIO]):
    """Writes lines in the order in which they came. Records that carry `may_wait` are made lines of
    and written at most 0.1 s later, together: of hundreds a second, each would hold up a call."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._records: list[logging.LogRecord] = []
        self._later: threading.Timer | None = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Filters are asked when the line is made."""
        record.traceparent = telemetry.traceparent()
        self.acquire()
        try:
            self._records.append(record)
            if not getattr(record, "may_wait", False) or len(self._records) >= _GATHERED:
                self.flush()
            elif self._later is None:
                self._later = threading.Timer(_GATHERED_S, self.flush)
                self._later.daemon = True
                self._later.start()
        finally:
            self.release()
        return True

    def flush(self) -> None:
        self.acquire()
        try:
            records, self._records = self._records, []
            if self._later is not None:
                self._later.cancel()
                self._later = None
            text = "".join(map(self._line, records))
            with contextlib.suppress(OSError, ValueError):  # nobody reads stderr any more
                self.stream.write(text)
                self.stream.flush()
        finally:
            self.release()

    def _line(self, record: logging.LogRecord) -> str:
        """Empty for one that is filtered out, and for one that cannot be told: it must not end what
        it tells of."""
        try:
            return self.format(record) + self.terminator if self.filter(record) else ""
        except Exception:  # noqa: BLE001 - a record may hold anything
            self.handleError(record)
            return ""


def hide(secret: str) -> None:
    """Never show this in a log of this process."""
    _redact.hide(secret)


def configure(level: str, secrets: Sequence[str], *, as_json: bool = False) -> None:
    """Send this process's logs to stderr. Called before the MCP SDK would configure them."""
    # What no line of ours tells need not be found out for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = Gathering(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else logging.Formatter(_TEXT))
    _redact.hide(*secrets)
    handler.addFilter(_redact)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(
            max(logging.WARNING, logging.getLevelNamesMapping()[level])
        )
    # What Python itself would print about a crash passes the filter too.
    logging.captureWarnings(True)
    sys.excepthook = _log_crash
    threading.excepthook = _log_crash_of_thread


def _log_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    logging.getLogger("mcp_relight").critical("Ended by a bug.", exc_info=(kind, error, trace))


def _log_crash_of_thread(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_value is not None:
        _log_crash(crash.exc_type, crash.exc_value, crash.exc_traceback)

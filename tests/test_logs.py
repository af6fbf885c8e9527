"""What is logged: to stderr alone, and no secret in any form of record."""

import io
import logging
import subprocess
import sys
import threading

import pytest

from mcp_relight import logs
from mcp_relight.logs import Gathering, Redact

KEY = "canary-0123456789"
MAY_WAIT = {"may_wait": True}


def written(record: logging.LogRecord) -> str:
    assert Redact([KEY]).filter(record)
    return logging.Formatter("%(message)s").format(record)


def record_of(message: str, *values: object, error: BaseException | None = None) -> str:
    trace = (type(error), error, error.__traceback__) if error else None
    return written(logging.LogRecord("x", logging.INFO, "x.py", 1, message, values, trace))


@pytest.mark.parametrize(
    ("message", "left"),
    [
        (f"key {KEY}!", "key [secret]!"),
        ("Authorization: Bearer abc.def", "[secret]"),
        ("{'x-api-key': 'zzz'}", "[secret]"),
        ("Ocp-Apim-Subscription-Key: zzz", "[secret]"),
        ("sk-abcdef123456 and SG_abcdef123456", "[secret] and [secret]"),
        ("GET https://a.test/b.png?sig=zzz done", "GET https://a.test/b.png done"),
        ("to https://me:zzz@a.test/b.png", "to https://a.test/b.png"),
    ],
)
def test_a_secret_is_replaced_whatever_carries_it(message: str, left: str) -> None:
    shown = record_of("%s", message)
    assert left in shown
    assert "zzz" not in shown
    assert KEY not in shown


def test_a_secret_in_an_exception_is_replaced_too() -> None:
    try:
        raise ValueError(f"https://a.test/?token=zzz and {KEY}")
    except ValueError as error:
        shown = record_of("broke", error=error)
    assert "ValueError" in shown
    assert "zzz" not in shown
    assert KEY not in shown


_CRASH = """
import sys, threading, warnings
from mcp_relight import logs
logs.configure("WARNING", [sys.argv[1]])
warnings.warn(sys.argv[1])
thread = threading.Thread(target=lambda: int(sys.argv[1]))
thread.start(); thread.join()
int(sys.argv[1])
"""


def test_what_python_says_of_a_crash_is_cleaned_as_well() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CRASH, KEY], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("invalid literal") == 2
    assert "UserWarning" in done.stderr
    assert KEY not in done.stderr + done.stdout


class Watched(io.StringIO):
    """Says when it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def write(self, text: str) -> int:
        if text:
            self.written.set()
        return super().write(text)


@pytest.fixture
def gathered() -> tuple[logging.Logger, Watched]:
    stream, logger = Watched(), logging.getLogger("gathered")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [Gathering(stream)]
    return logger, stream


def test_lines_that_may_wait_are_written_together_and_soon(
    gathered: tuple[logging.Logger, Watched],
) -> None:
    logger, stream = gathered
    for number in range(3):
        logger.info("call %d", number, extra=MAY_WAIT)
    assert stream.written.wait(10)
    assert stream.getvalue() == "call 0\ncall 1\ncall 2\n"


def test_what_may_not_wait_brings_what_came_before_it(
    monkeypatch: pytest.MonkeyPatch, gathered: tuple[logging.Logger, Watched]
) -> None:
    monkeypatch.setattr(logs, "_GATHERED_S", 3600.0)
    monkeypatch.setattr(logs, "_GATHERED", 3)
    logger, stream = gathered
    logger.info("first", extra=MAY_WAIT)
    assert stream.getvalue() == ""
    logger.warning("second")
    assert stream.getvalue() == "first\nsecond\n"
    for number in range(4):
        logger.info("call %d", number, extra=MAY_WAIT)
    assert stream.getvalue().endswith("call 0\ncall 1\ncall 2\n")
    logger.handlers[0].flush()
    assert stream.getvalue().endswith("call 3\n")


def test_nobody_who_reads_is_no_bug(gathered: tuple[logging.Logger, Watched]) -> None:
    logger, stream = gathered
    stream.close()
    logger.warning("to nobody")

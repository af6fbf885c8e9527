"""What is logged: to stderr alone, and no secret in any form of record."""

import logging
import subprocess
import sys

import pytest

from mcp_relight.logs import Redact

KEY = "canary-0123456789"


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

"""The pixel child: `python -m mcp_relight.pixels.child IDLE_S [engine] [guest=DESCRIPTOR]`.

Reads one task per frame from stdin and answers it on stdout until stdin ends or nothing was asked
for a while. Bytes in, bytes out: it opens no file but the package's own and, on Linux, reaches
nothing outside. With `engine` it is ready to compute; without, it is sooner ready to decode, and
loads the engine when that is first needed. With `guest` it also answers who asks on that
descriptor to decode, until its parent asks for anything: from then on it is the parent's alone.
"""

import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from mcp_relight.errors import RelightError
from mcp_relight.loading import load_lightly

from . import frames, limits
from .frames import ENGINE, GUEST, IDLE_EXIT_CODE

_GUEST_STALLS_S = 5.0
"""A guest that stops in the middle of a frame holds nobody up for longer."""
_AHEAD_LIMIT_S = 20.0


def main() -> None:
    idle_s = float(sys.argv[1])
    # Ctrl-C reaches every process of a terminal; the parent decides what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits.die_with_parent()
    load_lightly()
    stdin, stdout = sys.stdin.buffer, _claim_stdout()
    guest = _guest_of(sys.argv[2:])
    # Imported only now: what is needed loads and, on first use, compiles before the limits close.
    import cv2

    from .decoding import DECODING

    cv2.setNumThreads(2)
    will_compute = ENGINE in sys.argv[2:]
    if will_compute:
        _computing()
    limits.leave_network()
    limits.limit_process()
    _send(stdout, {"ready": True})
    if will_compute:
        _load_ahead()
    if guest is not None:
        _attend_to(guest, stdin, idle_s, DECODING)
    while (request := _next_request(stdin, idle_s)) is not None:
        tasks = DECODING if request["task"] in DECODING else _computing()
        _send(stdout, _answer(tasks, request))


def _computing() -> dict[str, Callable[..., object]]:
    from .tasks import COMPUTING

    return COMPUTING


def _load_ahead() -> None:
    from .tasks import load_ahead

    load_ahead()


def _claim_stdout() -> BinaryIO:
    """Frames alone go to the real stdout; whatever prints, prints to stderr."""
    frames_out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return frames_out


def _guest_of(words: list[str]) -> socket.socket | None:
    """The line on which a guest asks."""
    numbers = (word.removeprefix(GUEST) for word in words if word.startswith(GUEST))
    number = next(numbers, None)
    return None if number is None else socket.socket(fileno=int(number))


def _attend_to(
    guest: socket.socket, stdin: BinaryIO, idle_s: float, decoding: dict[str, Callable[..., object]]
) -> None:
    """Answer a guest until the parent asks for something, or the guest leaves."""
    guest.settimeout(_GUEST_STALLS_S)
    hearing, saying = guest.makefile("rb"), guest.makefile("wb")
    with guest, hearing, saying, suppress(OSError, frames.FrameError):
        while True:
            asking, _, _ = select.select([stdin, guest], [], [], idle_s)
            if not asking:
                os._exit(IDLE_EXIT_CODE)
            if stdin in asking:
                return
            request = _next_request(hearing, idle_s)
            if request is None or request["task"] not in decoding:
                return
            answer = _answer(decoding, request)
            _send(saying, answer)
            if frames.AHEAD in request and "result" in answer:
                _look_ahead(answer["result"]["data"], stdin)


def _look_ahead(image: bytes, stdin: BinaryIO) -> None:
    """Find out what a picture's light will take while the parent has nothing else to ask. Trouble
    with it is left to whoever asks in earnest."""
    if not select.select([stdin], [], [], 0)[0]:
        from .tasks import look_ahead

        request = {"task": "ahead", "limit_s": _AHEAD_LIMIT_S, "arguments": {"image": image}}
        _answer({"ahead": look_ahead}, request)


def _next_request(stdin: BinaryIO, idle_s: float) -> Any:
    """The next request, or None at the end of stdin. Ends the process when none comes."""
    idle = threading.Timer(idle_s, os._exit, (IDLE_EXIT_CODE,))
    idle.daemon = True
    idle.start()
    reading = frames.unpack()
    wanted = next(reading)
    try:
        while True:
            data = stdin.read(wanted)
            idle.cancel()
            if len(data) < wanted:
                return None
            wanted = reading.send(data)
    except StopIteration as done:
        return done.value


def _answer(tasks: dict[str, Callable[..., object]], request: Any) -> dict[str, Any]:
    from mcp_relight.domain.image import plain

    limits.limit_task(request["limit_s"])
    try:
        return {"result": plain(tasks[request["task"]](**request["arguments"]))}
    except RelightError as error:
        return {
            "error": {
                "code": error.code,
                "message": error.message,
                "hint": error.hint,
                "argument": error.argument,
            }
        }
    except MemoryError:
        return {"out_of_memory": True}
    except Exception as error:  # noqa: BLE001  the outermost loop of this process
        # Without the exception's own words, which may quote the picture.
        where = "".join(traceback.format_tb(error.__traceback__))
        return {"bug": f"{type(error).__name__}\n{where}"}


def _send(stdout: BinaryIO, body: object) -> None:
    for buffer in frames.pack(body):
        stdout.write(buffer)
    stdout.flush()


if __name__ == "__main__":
    main()

"""The child: `python -m mcp_relight.pixels.child`. Frames in on stdin, frames out on stdout.

It decodes what strangers wrote, so it may read no file of anybody, reach no network and use little
of the machine. It is expected to die now and then; whoever asked gets an error and a new child.
"""

import os
import sys
from typing import BinaryIO

from mcp_relight.errors import RelightError

from .confine import confine
from .frames import LENGTH, MAX_HEADER_BYTES, Frame, FrameError, pack, unpack_header


def main() -> None:
    source, sink = _own_pipes()
    confine()
    from .tasks import perform

    while (frame := _read(source)) is not None:
        try:
            reply = perform(frame)
        except RelightError as error:
            failure = {"code": error.code, "message": error.message, "hint": error.hint}
            reply = Frame({"error": failure})
        except MemoryError:
            reply = Frame({"error": {"code": "image_too_large", "message": _NO_MEMORY, "hint": ""}})
        for piece in pack(reply):
            sink.write(piece)
        sink.flush()


_NO_MEMORY = "The picture needs more memory than a decoder may use."


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the frames' pipes for ourselves: whatever a library prints goes to stderr."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return source, sink


def _read(source: BinaryIO) -> Frame | None:
    """The next frame; None at the end of input."""
    length = source.read(LENGTH.size)
    if len(length) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(length)
    if size > MAX_HEADER_BYTES:
        raise FrameError("oversized header")
    facts, named = unpack_header(source.read(size))
    return Frame(facts, {name: source.read(count) for name, count in named})


if __name__ == "__main__":
    main()
    sys.stderr.flush()
    # Native libraries' exit handlers have nothing left to do here, and can only go wrong.
    os._exit(0)

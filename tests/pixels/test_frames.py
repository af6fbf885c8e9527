"""The framing of the pipe, and what it refuses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_relight.pixels import frames

PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.binary(max_size=20)
BODIES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner)
)


def read(data: bytes) -> object:
    """What the frame at the start of `data` says."""
    reading = frames.unpack()
    wanted, at = next(reading), 0
    try:
        while True:
            piece = data[at : at + wanted]
            assert len(piece) == wanted, "reads past the frame"
            at += wanted
            wanted = reading.send(piece)
    except StopIteration as done:
        assert at == len(data), "leaves bytes behind"
        return done.value


@given(BODIES)
def test_a_body_comes_back_as_it_was(body: object) -> None:
    assert read(b"".join(frames.pack(body))) == body


def frame(header: object, *blobs: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(4, "big") + text + b"".join(blobs)


@pytest.mark.parametrize(
    "data",
    [
        (frames.MAX_HEADER_BYTES + 1).to_bytes(4, "big"),
        frame({"body": None, "blobs": [frames.MAX_BLOBS_BYTES + 1]}),
        frame({"body": None, "blobs": [-1]}),
        frame({"body": None, "blobs": ["8"]}),
        frame({"body": None, "blobs": 8}),
        frame({"body": {"$blob": 1}, "blobs": [1]}, b"x"),
        frame({"blobs": []}),
        frame([]),
        b"\0\0\0\2{]",
        b"\0\0\xff\xff" + b"[" * 0xFFFF,
    ],
    ids=[
        "long header",
        "long blob",
        "negative blob",
        "text as length",
        "no list of lengths",
        "blob that is not there",
        "no body",
        "no object",
        "no JSON",
        "deep JSON",
    ],
)
def test_what_is_no_frame_is_refused_before_it_is_read(data: bytes) -> None:
    with pytest.raises(frames.FrameError):
        read(data)

"""Servers that misbehave, each with what a careful client makes of it.

An origin writes to an open connection after it has read the request. It may take for ever.
"""

import socket
import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache

import anyio
from anyio.abc import SocketAttribute, SocketStream

from mcp_relight.errors import FetchFailed, ImageTooLarge, RelightError, TimedOut, UrlRefused

OK = b"HTTP/1.1 200 OK\r\n"


@dataclass(frozen=True)
class Origin:
    name: str
    speak: Callable[[SocketStream], Awaitable[None]]
    expect: bytes | type[RelightError]


def says(*parts: bytes) -> Callable[[SocketStream], Awaitable[None]]:
    async def speak(stream: SocketStream) -> None:
        for part in parts:
            await stream.send(part)

    return speak


def repeats(
    start: bytes, part: bytes, every_s: float = 0
) -> Callable[[SocketStream], Awaitable[None]]:
    async def speak(stream: SocketStream) -> None:
        await stream.send(start)
        while True:
            await stream.send(part)
            await anyio.sleep(every_s)

    return speak


async def says_nothing(stream: SocketStream) -> None:
    await anyio.sleep_forever()


async def compressed_bomb(stream: SocketStream) -> None:
    body = bomb()
    await stream.send(
        OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )


async def resets_in_the_body(stream: SocketStream) -> None:
    await stream.send(OK + b"Content-Length: 100\r\n\r\nabc")
    await reset(stream)


async def reset(stream: SocketStream) -> None:
    # With linger on and 0 seconds, close() sends RST instead of FIN.
    raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610  no database here
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@cache
def bomb() -> bytes:
    """200 MB of zeros in 200 kB of gzip."""
    packer = zlib.compressobj(9, wbits=31)
    megabyte = bytes(1_000_000)
    return b"".join(packer.compress(megabyte) for _ in range(200)) + packer.flush()


ORIGINS = (
    # slow and endless
    Origin("accepts and says nothing", says_nothing, TimedOut),
    Origin("drips the status line", repeats(b"HTTP/1.1 200", b" ", 0.05), TimedOut),
    Origin("drips headers", repeats(OK, b"X-A: b\r\n", 0.05), TimedOut),
    Origin("drips the body", repeats(OK + b"Content-Length: 900000\r\n\r\n", b"x", 0.05), TimedOut),
    Origin(
        "drips chunks",
        repeats(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.05),
        TimedOut,
    ),
    Origin(
        "sends chunks for ever",
        repeats(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"8000\r\n" + b"x" * 0x8000 + b"\r\n"),
        ImageTooLarge,
    ),
    Origin(
        "sends until closed, and never closes", repeats(OK + b"\r\n", b"x" * 50_000), ImageTooLarge
    ),
    Origin("continues for ever", repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500), TimedOut),
    Origin("sends headers for ever", repeats(OK, b"X-A: b\r\n" * 500), FetchFailed),
    # too much
    Origin(
        "announces 10^12 bytes", says(OK + b"Content-Length: 1000000000000\r\n\r\na"), ImageTooLarge
    ),
    Origin(
        "announces one byte too many", says(OK + b"Content-Length: 2000001\r\n\r\n"), ImageTooLarge
    ),
    Origin(
        "announces 10^40 bytes",
        says(OK + b"Content-Length: 1" + b"0" * 40 + b"\r\n\r\na"),
        FetchFailed,
    ),
    Origin(
        "sends a header of 5 MB", says(OK + b"X: " + b"a" * 5_000_000 + b"\r\n\r\n"), FetchFailed
    ),
    Origin("sends 200,000 headers", says(OK, b"X: a\r\n" * 200_000, b"\r\n"), FetchFailed),
    Origin("compresses 200 MB into 200 kB", compressed_bomb, FetchFailed),
    Origin(
        "compresses with br",
        says(OK + b"Content-Encoding: br\r\nContent-Length: 3\r\n\r\nabc"),
        FetchFailed,
    ),
    Origin(
        "compresses twice",
        says(
            OK
            + b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"
            + b"Content-Length: 3\r\n\r\nabc"
        ),
        FetchFailed,
    ),
    Origin(
        "compresses the transfer",
        says(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        FetchFailed,
    ),
    # lies about lengths
    Origin("announces too little", says(OK + b"Content-Length: 3\r\n\r\nabcdef"), b"abc"),
    Origin("closes too early", says(OK + b"Content-Length: 10\r\n\r\nabc"), FetchFailed),
    Origin("resets in the body", resets_in_the_body, FetchFailed),
    Origin("resets at once", reset, FetchFailed),
    Origin("announces a negative length", says(OK + b"Content-Length: -5\r\n\r\nabc"), FetchFailed),
    Origin(
        "announces a length in words", says(OK + b"Content-Length: three\r\n\r\nabc"), FetchFailed
    ),
    Origin(
        "announces two lengths",
        says(OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        FetchFailed,
    ),
    Origin(
        "announces a length and chunks",
        says(OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
        b"hi",
    ),
    Origin(
        "sends an endless chunk size",
        says(OK + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFF\r\nabc"),
        FetchFailed,
    ),
    Origin(
        "sends a negative chunk size",
        says(OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc"),
        FetchFailed,
    ),
    Origin(
        "ends within a chunk", says(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"), FetchFailed
    ),
    # not HTTP
    Origin("closes without a word", says(b""), FetchFailed),
    Origin("speaks SSH", says(b"SSH-2.0-OpenSSH_9.9\r\n"), FetchFailed),
    Origin("answers in HTTP 0.9", says(b"<html>hello</html>"), FetchFailed),
    Origin("makes up a status", says(b"HTTP/1.1 2OO OK\r\n\r\n"), FetchFailed),
    Origin(
        "hides a null in a header",
        says(OK + b"X: a\0b\r\nContent-Length: 3\r\n\r\nabc"),
        FetchFailed,
    ),
    Origin("speaks TLS to http", says(b"\x15\x03\x01\x00\x02\x02\x28"), FetchFailed),
    # other statuses
    Origin(
        "switches protocols",
        says(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        FetchFailed,
    ),
    Origin("has no content", says(b"HTTP/1.1 204 No Content\r\n\r\n"), FetchFailed),
    Origin(
        "sends a part", says(b"HTTP/1.1 206 Partial\r\nContent-Length: 3\r\n\r\nabc"), FetchFailed
    ),
    Origin("says not modified", says(b"HTTP/1.1 304 Not Modified\r\n\r\n"), FetchFailed),
    Origin(
        "wants a login",
        says(b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"),
        FetchFailed,
    ),
    Origin(
        "has an error page", says(b"HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\nabc"), FetchFailed
    ),
    # redirects
    Origin(
        "redirects nowhere", says(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"), FetchFailed
    ),
    Origin(
        "redirects to itself",
        says(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
        UrlRefused,
    ),
    Origin(
        "redirects to broken text",
        says(b"HTTP/1.1 302 Found\r\nLocation: http://\xff\xfe/\r\nContent-Length: 0\r\n\r\n"),
        FetchFailed,
    ),
    Origin(
        "redirects inside",
        says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/\r\nContent-Length: 0\r\n\r\n"),
        UrlRefused,
    ),
    # fine
    Origin(
        "sets a cookie and is fine",
        says(OK + b"Set-Cookie: a=b\r\nContent-Length: 3\r\n\r\nabc"),
        b"abc",
    ),
    Origin(
        "sends in chunks",
        says(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        b"abc",
    ),
    Origin("sends until it closes", says(OK + b"\r\nabc"), b"abc"),
)

"""What the server behind every address of the tests answers."""

from urllib.parse import parse_qs, urlsplit

PICTURE = b"canary picture"


def reply_to(request: bytes) -> bytes:
    """A picture; from `redir.test/r?c=CODE&u=URL` a redirect, from `/loop` one to itself."""
    line, _, rest = request.partition(b"\r\n")
    target = urlsplit(line.decode("latin-1").split(" ")[1])
    wanted = parse_qs(target.query)
    if target.path == "/loop":
        return _redirect("302", "/loop")
    if target.path == "/r" and "u" in wanted and b"\r\nhost: redir.test" in b"\r\n" + rest.lower():
        return _redirect(wanted.get("c", ["302"])[0], wanted["u"][0])
    head = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(PICTURE)}\r\n\r\n".encode() + PICTURE


def _redirect(status: str, location: str) -> bytes:
    head = f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\n"
    return f"{head}Connection: close\r\nContent-Length: 0\r\n\r\n".encode("utf-8", "replace")

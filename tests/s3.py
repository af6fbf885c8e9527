"""An S3 server of the tests' own (moto), behind a gate that believes no signature it cannot make.

moto takes every signature, also forged and expired ones. The gate computes AWS Signature Version 4
anew, from Amazon's description of it alone, of every request: in a header or in the address.
"""

import hashlib
import hmac
import re
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

import anyio
import httpx2
import pytest
import uvicorn

from tests.server.web.proxy import body_of
from tests.tool import program

KEY_ID, SECRET, REGION, BUCKET = "key-of-the-tests", "secret/of+the/tests", "us-east-1", "pictures"
_STARTS_WITHIN_LINES = 20
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<credential>\S+), ?SignedHeaders=(?P<headers>\S+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


def signature(
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: list[tuple[str, str]],
    *,
    payload: str,
    at: str,
    secret: str = SECRET,
) -> str:
    """What signs such a request. `path` as it stands in the address, `headers` those that are
    signed, in small letters; `at` as `20261129T101112Z`, `payload` its SHA-256 or a word."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    request = "\n".join(
        [
            method,
            path,
            "&".join(f"{name}={value}" for name, value in pairs),
            *[f"{name}:{' '.join(value.split())}" for name, value in sorted(headers)],
            "",
            ";".join(name for name, _ in sorted(headers)),
            payload,
        ]
    )
    scope = f"{at[:8]}/{REGION}/s3/aws4_request"
    hashed = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashed}"
    return hmac.new(key, text.encode(), "sha256").hexdigest()


@dataclass
class S3:
    """`url` is that of the gate, `behind` moto's own. With `is_down` nothing is answered but 503;
    `ahead_s` puts the gate's clock forward."""

    behind: str
    url: str = ""
    is_down: bool = False
    ahead_s: float = 0.0
    refused: list[str] = field(default_factory=list[str])
    served: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Methods and paths."""

    def settings(self, prefix: str = "relight") -> dict[str, str]:
        return {
            "MCP_RELIGHT_BLOB_URL": f"s3://{BUCKET}/{prefix}",
            "MCP_RELIGHT_BLOB_ENDPOINT": self.url,
            "MCP_RELIGHT_BLOB_KEY_ID": KEY_ID,
            "MCP_RELIGHT_BLOB_SECRET": SECRET,
        }

    def keys(self, *, bucket: str = BUCKET) -> list[str]:
        """Of all objects there are."""
        answer = httpx2.get(f"{self.behind}/{bucket}?list-type=2", trust_env=False)
        assert answer.status_code == 200, "there is no such bucket"
        return re.findall(r"<Key>(.*?)</Key>", answer.text)

    def make_bucket(self, bucket: str) -> None:
        assert httpx2.put(f"{self.behind}/{bucket}", trust_env=False).status_code == 200

    def copy_bucket(self, bucket: str, other: str) -> None:
        """As replication does, with what is known of each object."""
        self.make_bucket(other)
        for key in self.keys(bucket=bucket):
            source = {"x-amz-copy-source": f"/{bucket}/{key}"}
            address = f"{self.behind}/{other}/{key}"
            assert httpx2.put(address, headers=source, trust_env=False).status_code == 200

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = await body_of(receive)
        problem = "down" if self.is_down else self._problem(scope, body)
        if problem is None:
            self.served.append((scope["method"], scope["path"]))
            status, headers, content = await self._passed_on(scope, body)
        else:
            self.refused.append(problem)
            status, headers, content = (503 if problem == "down" else 403), [], b""
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _passed_on(self, scope: Any, body: bytes) -> tuple[int, list[Any], bytes]:
        address = self.behind + scope["raw_path"].decode()
        if scope["query_string"]:
            address += "?" + scope["query_string"].decode()
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.request(
                scope["method"], address, headers=scope["headers"], content=body
            )
        return answer.status_code, _plain(answer), answer.content

    def _problem(self, scope: Any, body: bytes) -> str | None:
        given = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        query = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
        named = dict(query)
        if "X-Amz-Signature" in named:
            said, at, payload = (
                named.pop("X-Amz-Signature"),
                named["X-Amz-Date"],
                "UNSIGNED-PAYLOAD",
            )
            signed, life_s = named["X-Amz-SignedHeaders"], float(named["X-Amz-Expires"])
            query = list(named.items())
        else:
            found = _AUTHORIZATION.fullmatch(given.get("authorization", ""))
            if found is None:
                return "unsigned"
            said, signed, at, life_s = (
                found["signature"],
                found["headers"],
                given["x-amz-date"],
                900.0,
            )
            payload = given["x-amz-content-sha256"]
            if payload not in (hashlib.sha256(body).hexdigest(), "UNSIGNED-PAYLOAD"):
                return "other bytes"
        headers = [(name, given[name]) for name in signed.split(";")]
        path = scope["raw_path"].decode()
        if said != signature(scope["method"], path, query, headers, payload=payload, at=at):
            return "forged"
        signed_at = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        now = datetime.fromtimestamp(time.time() + self.ahead_s, UTC)
        return "expired" if now > signed_at + timedelta(seconds=life_s) else None


def _plain(answer: httpx2.Response) -> list[tuple[bytes, bytes]]:
    dropped = {b"connection", b"transfer-encoding", b"content-encoding", b"content-length"}
    kept = [(name.lower(), value) for name, value in answer.headers.raw]
    length = answer.headers.get("content-length", str(len(answer.content)))
    return [
        *[pair for pair in kept if pair[0] not in dropped],
        (b"content-length", length.encode()),
    ]


@contextmanager
def running_moto() -> Generator[str]:
    """The address of moto's server itself. Skips the test where it is not installed."""
    moto = program("moto", "moto_server")
    process = subprocess.Popen(
        [moto, "-H", "127.0.0.1", "-p", "0"], stderr=subprocess.PIPE, text=True
    )
    try:
        address = _address(process)
        assert process.stderr is not None
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield address
    finally:
        process.terminate()
        process.wait(timeout=10)


@contextmanager
def running_s3(*, bucket: str | None = BUCKET) -> Generator[S3]:
    """With one empty bucket, or none. Skips the test where moto is not installed."""
    with running_moto() as address:
        store = S3(address)
        if bucket is not None:
            store.make_bucket(bucket)
        with _serving(store):
            yield store


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    for _ in range(_STARTS_WITHIN_LINES):
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
        if found:
            return found.group()
    pytest.fail("moto's server did not say where it listens")


@contextmanager
def _serving(store: S3) -> Generator[None]:
    config = uvicorn.Config(store, port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: anyio.run(server.serve), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    store.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)

"""Traces: off unless they are wanted, one trace from a call to what a worker does for it, and no
words of anybody in them."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from mcp_relight.simulator.app import running_simulator
from tests.flows.rig import ended, remote_environment, start
from tests.world import World

pytestmark = pytest.mark.anyio

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector:
    """An OTLP collector on this machine, which keeps what it is sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.url = ""

    @property
    def spans(self) -> list[Any]:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
            ExportTraceServiceRequest,
        )

        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@contextmanager
def collecting() -> Iterator[Collector]:
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            found.bodies.append(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def test_a_call_and_what_is_done_for_it_later_are_one_trace(world: World) -> None:
    """Through a real server and its worker process; the caller names its trace as MCP says."""
    pytest.importorskip("opentelemetry.exporter", reason="needs the extra team")
    photo = str(world.photo("canary-photo.jpg", width=96, height=64))
    with collecting() as collector, running_simulator(polls=1, speed=1000) as simulator:
        environment = world.environment | remote_environment(simulator, "segmind")
        environment |= {
            "MCP_RELIGHT_TRACES_URL": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "MCP_RELIGHT_LOG_LEVEL": "ERROR",
        }
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "mcp_relight", "serve"], env=environment
        )
        arguments = {
            "image": photo,
            "model": "segmind/ic-light",
            "prompt": "canary words of a person",
            "max_cost_usd": 1,
        }
        async with Client(server) as client:
            result = await client.call_tool(
                "relight_image", arguments | {"wait_s": 0}, meta={"traceparent": CALLER}
            )
            assert result.structured_content is not None, result
            job_id = result.structured_content["job_id"]
            await ended(client, job_id)
            with pytest.raises(AssertionError):
                await start(client, image="canary-missing.jpg", look="loop")
            wait_for(lambda: "step finishing" in {span.name for span in collector.spans})
    trace_id = bytes.fromhex(CALLER.split("-")[1])
    ours = {span.name: span for span in collector.spans if span.trace_id == trace_id}
    assert {"tools/call relight_image", "step queued", "step finishing"} <= ours.keys()
    assert "POST segmind" in ours
    assert ours["step queued"].parent_span_id == ours["tools/call relight_image"].span_id
    assert ours["POST segmind"].parent_span_id == ours["step queued"].span_id
    told = attributes_of(ours["step queued"])
    assert told["relight.job"] == job_id
    assert told["relight.stage"] == "queued"
    assert attributes_of(ours["POST segmind"])["http.response.status_code"] == "200"
    refused = [span for span in collector.spans if attributes_of(span).get("error.type")]
    assert refused, "the call that failed is marked"
    everything = b"".join(collector.bodies)
    assert b"canary" not in everything
    for secret in simulator.keys.values():
        assert secret.encode() not in everything


def attributes_of(span: Any) -> dict[str, str]:
    return {one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes}


def wait_for(is_there: Any) -> None:
    from tests.jobs.processes import wait_until

    wait_until(is_there, within_s=30)


_LOADED = """
import sys
from mcp_relight.cli.main import main
main(["doctor", "--json"])
print([name for name in sys.modules if name.startswith("opentelemetry.sdk")], file=sys.stderr)
"""


def test_nothing_is_loaded_for_it_where_it_is_not_wanted(world: World) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED],
        env=world.environment | {"MCP_RELIGHT_LOCAL_ONLY": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr.strip().endswith("[]")


def test_an_address_that_cannot_be_used_is_refused(world: World) -> None:
    for address in ("collector:4318", "http://me:pass@collector/v1/traces"):
        environment = world.environment | {"MCP_RELIGHT_TRACES_URL": address}
        done = world.run("worker", environment=environment)
        assert done.returncode == 2, done.stderr
        assert "MCP_RELIGHT_TRACES_URL" in done.stderr


def test_logs_are_lines_of_json_where_that_is_wanted(world: World, tmp_path: Path) -> None:
    secret = "canary-0123456789"
    environment = world.environment | {
        "MCP_RELIGHT_LOG_FORMAT": "json",
        "SEGMIND_API_KEY": secret,
    }
    code = (
        "import logging, argparse\n"
        "from mcp_relight.cli.session import load_settings\n"
        "names = dict(data_dir=None, output_dir=None, local_only=None, log_level=None)\n"
        "load_settings(argparse.Namespace(allowed_dirs=None, **names))\n"
        f"facts = {{'path': '/up', 'note': '{secret} https://a.test/b?sig=zzz'}}\n"
        f"logging.getLogger('x').warning('key %s', '{secret}', extra={{'facts': facts}})\n"
        f"raise ValueError('{secret} \"quoted\"')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    first, crash = (json.loads(line) for line in done.stderr.splitlines())
    assert first["level"] == "WARNING"
    assert first["message"] == "key [secret]"
    assert (first["path"], first["note"]) == ("/up", "[secret] https://a.test/b")
    assert first["time"].endswith("+00:00")
    assert "ValueError" in crash["exception"]
    assert "canary" not in done.stderr
    assert "zzz" not in done.stderr

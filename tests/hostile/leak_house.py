"""A house full of secrets: real processes at the most talkative log level, all bytes kept."""

import base64
import http.client
import importlib.util
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from mcp_relight.simulator.app import running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from tests.crash.rig import children, kill, workers
from tests.world import World

from .wire import Wire, wired

PROVIDERS = ("pixeldojo", "pixazo", "segmind")
QUICK_RPM = "6000"


SOURCES = {
    "environment": dict.fromkeys(PROVIDERS, "environment"),
    "file": dict.fromkeys(PROVIDERS, "file"),
    "both": {"pixeldojo": "environment", "pixazo": "file", "segmind": "environment"},
}
"""Where the keys come from."""


def new_secrets() -> dict[str, str]:
    """One of each kind; none looks like a key of a provider, which a pattern might catch."""
    kinds = [*(f"{name} key" for name in PROVIDERS), "bucket secret", "bucket key id"]
    kinds += ["token in an address", "password in an address", "key in a wrong argument"]
    return {kind: f"Canary{secrets.token_hex(12)}" for kind in kinds}


@dataclass
class House:
    world: World
    simulator: SimulatorHandle
    source: str
    secrets: Mapping[str, str]
    photo: Path
    environment: Mapping[str, str]
    wire: Wire
    outside: list[bytes] = field(default_factory=list)
    """What programs beside the server said."""

    def photo_address(self) -> str:
        """A new public address of the photo, with a token in it."""
        where = urlsplit(self.simulator.origin)
        data = base64.b64encode(self.photo.read_bytes()).decode()
        body = json.dumps({"data_urls": [f"data:image/png;base64,{data}"]})
        headers = {"x-api-key": self.simulator.keys["segmind"], "content-type": "application/json"}
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)
        try:
            connection.request("POST", "/segmind/upload-asset", body, headers)
            url = json.loads(connection.getresponse().read())["urls"][0]
        finally:
            connection.close()
        return f"{url}?signature={self.secrets['token in an address']}"

    def filled(self, value: object) -> object:
        if not isinstance(value, str):
            return value
        return value.format(
            token=self.secrets["token in an address"],
            password=self.secrets["password in an address"],
            pasted=self.secrets["key in a wrong argument"],
            files=self.simulator.origin,
        )

    def refused(self, tool: object, **arguments: object) -> str:
        """The code of a call that must be refused."""
        given = {str(self.filled(name)): value for name, value in arguments.items()}
        result = self.wire.tool(str(self.filled(tool)), **given)
        assert result.get("isError"), result
        if "error" in result:
            return str(result["error"]["code"])
        return str(result["_meta"]["mcp-relight/error"]["code"])

    def order(self, **arguments: Any) -> str:
        """The code of the error a job ends in."""
        given = {"look": "loop", "finish": "as-returned", "wait_s": 45} | arguments
        job = self.wire.facts("relight_image", **given)
        while job["status"] in {"queued", "running"}:
            job = self.wire.facts("get_job", job_id=job["job_id"], wait_s=45)
        return str(job.get("error", {}).get("code", job["status"]))

    def program(self, *arguments: str, **environment: str) -> str:
        """How a run of the command line ends; what it says is kept."""
        done = self.world.run(*arguments, environment={**self.environment, **environment})
        self.outside.append((done.stdout + done.stderr).encode())
        return f"exit {done.returncode}"

    def with_dying_children(self, work: Callable[[], str]) -> str:
        """Do `work` while every process that computes pictures is killed as soon as it is seen."""
        over = threading.Event()
        killer = threading.Thread(target=self._kill_children_until, args=(over,))
        killer.start()
        try:
            return work()
        finally:
            over.set()
            killer.join()

    def _kill_children_until(self, over: threading.Event) -> None:
        while not over.wait(0.02):
            for worker in workers(self.world):
                kill(*children(worker))

    def everything_written(self) -> Iterator[tuple[str, bytes]]:
        """Every byte that came out: what the server answered, and every file of this house but the
        key files themselves."""
        yield "protocol", bytes(self.wire.received)
        for index, said in enumerate(self.outside):
            yield f"program {index}", said
        for path in sorted(self.world.root.rglob("*")):
            if path.is_file() and "keys" not in path.relative_to(self.world.root).parts:
                yield str(path.relative_to(self.world.root)), path.read_bytes()

    def leaks(self) -> list[str]:
        found: list[str] = []
        for where, data in self.everything_written():
            for kind, secret in self.secrets.items():
                found += [f"{kind} in {where}" for form in forms_of(secret) if form in data]
        return found


def forms_of(secret: str) -> set[bytes]:
    """The ways a secret may be spelled: plain, percent-encoded, hexadecimal, inside base64."""
    raw = secret.encode()
    forms = {raw, quote(secret).encode(), raw.hex().encode(), raw[::-1]}
    for before in range(3):
        # What comes before moves the border of base64's groups of three.
        whole = base64.b64encode(b"x" * before + raw)
        forms.add(whole[4 if before else 0 : -4])
    return forms


@contextmanager
def house(root: Path, source: str) -> Iterator[House]:
    """`source` is one of `SOURCES`."""
    world = World(root)
    photo = world.photo("mug.png", width=96, height=64)
    kinds = new_secrets()
    (root / "keys").mkdir(mode=0o700)
    with ExitStack() as stack:
        simulator = stack.enter_context(running_simulator(polls=1, speed=1000))
        environment = _environment(world, simulator, source, kinds)
        wire = stack.enter_context(wired(world, **environment))
        settings = world.environment | environment
        yield House(world, simulator, source, kinds, photo, settings, wire)


def _environment(
    world: World, simulator: SimulatorHandle, source: str, kinds: Mapping[str, str]
) -> dict[str, str]:
    found = {
        "MCP_RELIGHT_LOG_LEVEL": "DEBUG",
        "MCP_RELIGHT_ALLOW_PRIVATE_HOSTS": simulator.host_and_port,
        "MCP_RELIGHT_DAILY_BUDGET_USD": "100000",
        "MCP_RELIGHT_BUCKET_KEY_ID": kinds["bucket key id"],
        "MCP_RELIGHT_BUCKET_SECRET": kinds["bucket secret"],
        "MCP_RELIGHT_BUCKET_ENDPOINT": simulator.origin,
    }
    if importlib.util.find_spec("obstore") is not None:
        found["MCP_RELIGHT_BUCKET_URL"] = "s3://photos/in"
    for name in PROVIDERS:
        key = kinds[f"{name} key"]
        simulator.open_account(name, key, 1000.0)
        found |= {
            f"MCP_RELIGHT_{name.upper()}_URL": simulator.urls[name],
            f"MCP_RELIGHT_{name.upper()}_RPM": QUICK_RPM,
        }
        found |= _key(world, name, SOURCES[source][name], key)
    return found


def _key(world: World, name: str, source: str, key: str) -> dict[str, str]:
    if source == "environment":
        return {f"{name.upper()}_API_KEY": key}
    path = world.root / "keys" / name
    path.write_text(key + "\n")
    path.chmod(0o600)
    return {f"{name.upper()}_API_KEY_FILE": str(path)}

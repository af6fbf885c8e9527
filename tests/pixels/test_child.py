"""The child dies, hangs and leaves; whoever asked gets an error or an answer, then a new child."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mcp_relight.domain.image import RenderTask
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.errors import EngineCrashed, ImageCorrupt, ImageTooLarge, TimedOut
from mcp_relight.pixels.client import PixelChild
from mcp_relight.pixels.process import ChildProcess

from .pictures import encoded, photo

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(os.name == "nt", reason="signals are sent the POSIX way"),
]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

PICTURE = encoded(photo(), "PNG")


@asynccontextmanager
async def a_child(**settings: float) -> AsyncIterator[tuple[PixelChild, int]]:
    """A child that has answered once, and its process id."""
    pixels = PixelChild(**settings)
    try:
        await pixels.inspect(PICTURE)
        assert pixels.pid is not None
        yield pixels, pixels.pid
    finally:
        await pixels.aclose()


async def everything_has_run() -> None:
    """Lets every task run until it waits for the stopped child."""
    for _ in range(100):
        await anyio.lowlevel.checkpoint()


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_nothing_is_started_before_it_is_needed_and_one_child_serves_all() -> None:
    pixels = PixelChild()
    assert pixels.pid is None
    await pixels.inspect(PICTURE)
    first = pixels.pid
    with pytest.raises(ImageCorrupt):
        await pixels.inspect(b"")
    await pixels.inspect(PICTURE)
    assert pixels.pid == first
    await pixels.aclose()
    assert pixels.pid is None
    assert first is not None
    assert not exists(first)


async def test_a_call_waits_for_the_child_that_was_started_ahead_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[bool] = []
    start = ChildProcess.start

    async def counted(idle_s: float, *, with_engine: bool) -> ChildProcess:
        started.append(with_engine)
        return await start(idle_s, with_engine=with_engine)

    monkeypatch.setattr(ChildProcess, "start", counted)
    pixels = PixelChild(at_once=2)
    await pixels.warm_up()
    ahead = pixels.pid
    assert ahead is not None
    assert (await pixels.inspect(PICTURE)).width == 64
    assert (pixels.pid, started) == (ahead, [False])
    await pixels.aclose()
    assert not exists(ahead)


async def test_a_child_killed_at_work_is_an_error_and_the_next_call_works() -> None:
    async with a_child() as (pixels, pid):
        os.kill(pid, signal.SIGSTOP)
        crashes: list[EngineCrashed] = []

        async def inspect() -> None:
            with pytest.raises(EngineCrashed) as crashed:
                await pixels.inspect(PICTURE)
            crashes.append(crashed.value)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(inspect)
            await everything_has_run()
            os.kill(pid, signal.SIGKILL)
        assert "stopped unexpectedly" in crashes[0].message
        assert (await pixels.inspect(PICTURE)).width == 64
        assert pixels.pid != pid


async def test_a_child_killed_while_idle_is_replaced() -> None:
    async with a_child() as (pixels, pid):
        os.kill(pid, signal.SIGKILL)
        with suppress(EngineCrashed):  # where the death is noticed only by the call
            await pixels.inspect(PICTURE)
        assert (await pixels.inspect(PICTURE)).width == 64
        assert not exists(pid)


async def test_a_hanging_child_is_killed_at_its_limit() -> None:
    async with a_child(decode_limit_s=2.0) as (pixels, pid):
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(TimedOut, match="2 s"):
            await pixels.inspect(PICTURE)
        assert not exists(pid)
        assert (await pixels.inspect(PICTURE)).width == 64


async def test_cancelling_a_call_kills_its_child() -> None:
    async with a_child() as (pixels, pid):
        os.kill(pid, signal.SIGSTOP)
        with anyio.move_on_after(0.1) as scope:
            await pixels.inspect(PICTURE)
        assert scope.cancelled_caught
        assert not exists(pid)
        assert (await pixels.inspect(PICTURE)).width == 64


def children() -> set[str]:
    """Process ids of our children, ended ones that nobody waited for among them."""
    found = set[str]()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # it ended meanwhile
            found.update((thread / "children").read_text().split())
    return found


@on_linux
@pytest.mark.parametrize("moment", range(0, 24, 3))
async def test_a_start_that_is_cancelled_leaves_no_process_behind(moment: int) -> None:
    """Else the event loop would hear of its end when it is closed, and say so on stderr."""
    before = children()
    pixels = PixelChild()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pixels.warm_up)
        for _ in range(moment):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    await pixels.aclose()
    assert children() <= before


async def test_cancelling_a_call_that_waits_for_its_turn_harms_nobody() -> None:
    async with a_child() as (pixels, pid):
        os.kill(pid, signal.SIGSTOP)
        widths: list[int] = []

        async def inspect() -> None:
            widths.append((await pixels.inspect(PICTURE)).width)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(inspect)
            await everything_has_run()
            with anyio.move_on_after(0.1):
                await inspect()
            os.kill(pid, signal.SIGCONT)
        assert widths == [64]
        assert pixels.pid == pid


async def test_many_calls_at_once_are_all_answered() -> None:
    async with a_child() as (pixels, pid):
        found: dict[int, int] = {}

        async def inspect(width: int) -> None:
            found[width] = (await pixels.inspect(encoded(photo(width, 20), "PNG"))).width

        async with anyio.create_task_group() as tasks:
            for width in range(20, 40):
                tasks.start_soon(inspect, width)
        assert found == {width: width for width in range(20, 40)}
        assert pixels.pid == pid


async def test_a_child_is_told_when_the_picture_is_one_of_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[bool] = []
    go = anyio.Event()

    async def exchange(child: ChildProcess, request: dict[str, Any]) -> object:
        told.append(request["arguments"]["more_to_come"])
        await go.wait()
        return {"out_of_memory": True}

    monkeypatch.setattr(ChildProcess, "exchange", exchange)
    pixels = PixelChild(at_once=2)

    async def render() -> None:
        with pytest.raises(ImageTooLarge):
            await pixels.render(RenderTask(image=PICTURE, lighting=Lighting(lights=(Light(),))))

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(render)
            tasks.start_soon(render)
            await everything_has_run()
            go.set()
        await render()
    finally:
        await pixels.aclose()
    assert sorted(told[:2]) == [False, True]  # whichever child was ready first
    assert told[2:] == [False]


async def test_an_idle_child_leaves_and_the_next_call_does_not_notice() -> None:
    async with a_child(idle_s=0.3) as (pixels, pid):
        # Blocks the event loop until the child has ended, so that nobody has noticed yet.
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222
        assert (await pixels.inspect(PICTURE)).width == 64
        assert pixels.pid != pid


async def test_a_closed_port_can_be_used_again() -> None:
    async with a_child() as (pixels, pid):
        await pixels.aclose()
        await pixels.aclose()
        assert (await pixels.inspect(PICTURE)).width == 64
        assert pixels.pid != pid


@on_linux
async def test_the_child_ends_with_its_parent() -> None:
    script = (
        "import anyio, os\n"
        "from mcp_relight.pixels.client import PixelChild\n"
        "async def main():\n"
        "    pixels = PixelChild()\n"
        f"    await pixels.inspect(bytes.fromhex('{PICTURE.hex()}'))\n"
        "    print(pixels.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "anyio.run(main)\n"
    )
    done = await anyio.run_process([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)
    with anyio.fail_after(30):
        while exists(pid) and not is_zombie(pid):  # noqa: ASYNC110  another process's end
            await anyio.sleep(0.01)


def is_zombie(pid: int) -> bool:
    """Ended, but its new parent has not taken notice: containers often run without an init."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@on_linux
async def test_the_child_has_no_network_no_files_to_write_and_no_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIXELDOJO_API_KEY", "sk-canary")
    async with a_child() as (_, pid):
        proc = Path(f"/proc/{pid}")
        assert b"sk-canary" not in (proc / "environ").read_bytes()
        limits = (proc / "limits").read_text()
        for line in ("Max file size             0", "Max core file size        0"):
            assert line in limits
        assert "Max open files            64" in limits
        assert "Max address space         unlimited" not in limits
        if not may_leave_network():
            pytest.skip("this kernel lets nobody leave the network")
        assert (proc / "ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def may_leave_network() -> bool:
    script = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x50000000) != 0)"
    return subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_parent_loads_no_decoder() -> None:
    script = (
        "import sys\n"
        "import mcp_relight.pixels.client, mcp_relight.storage.files, mcp_relight.storage.intake\n"
        "heavy = {'numpy', 'cv2', 'scipy', 'PIL'} & set(sys.modules)\n"
        "sys.exit(f'loads {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@on_linux
@pytest.mark.long
async def test_a_thousand_decodes_leave_the_parent_as_small_as_it_was() -> None:
    picture = encoded(photo(1200, 900), "PNG")
    async with a_child() as (pixels, _):
        for _ in range(20):
            await pixels.inspect(picture)
        before = resident_bytes()
        for _ in range(1000):
            await pixels.inspect(picture)
        assert resident_bytes() - before < 50_000_000


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

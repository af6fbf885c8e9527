"""The command line at a terminal of 60 columns, with a person in front of it."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.matrix import some_now
from tests.world import World

if sys.platform == "win32":
    pytest.skip("needs a pseudo terminal", allow_module_level=True)

from .terminal import COLUMNS, at_terminal

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def lines(seen: str) -> list[str]:
    """What stands there in the end: a bar that is drawn over again leaves nothing."""
    plain = _CONTROL.sub("", seen).split("\n")
    return [line.rpartition("\r")[2].rstrip() for line in plain]


def too_long(seen: str, *paths: Path) -> list[str]:
    """Lines that do not fit, but for those that hold a path, which is copied whole."""
    return [
        line
        for line in lines(seen)
        if len(line) > COLUMNS and not any(str(path) in line for path in paths)
    ]


def test_jobs_are_named_by_a_few_letters_and_lists_fit_a_narrow_terminal(world: World) -> None:
    photo = world.photo("a mug with a name that is rather long.jpg", width=96, height=96)
    seen = at_terminal(world, "relight", str(photo), "--look", "golden_hour")
    assert too_long(seen, world.root) == []
    assert re.search(r"(Queued|Rendering)\. About \d+ s left\.", seen)
    short = re.search(r"^job +([0-9a-f]{8}) \(succeeded\)", "\n".join(lines(seen)), re.MULTILINE)
    assert short, seen
    for name in (short[1], f"job_{short[1][:4]}", "latest"):
        assert json.loads(world.run("job", name, "--json").stdout)["status"] == "succeeded"
    listed = at_terminal(world, "jobs")
    (row,) = [line for line in lines(listed) if line.startswith(short[1])]
    assert "a mug with a" in row
    assert row.endswith("free")
    assert str(next(world.results.iterdir())) in listed
    assert too_long(listed, world.root) == []


@pytest.mark.parametrize(
    "command",
    some_now(
        [
            ("models",),
            ("plan", "photos/mug.jpg", "--look", "neon"),
            ("models", "local/classic"),
            ("doctor",),
        ],
        now=2,
    ),
)
def test_answers_fit_a_narrow_terminal(world: World, command: tuple[str, ...]) -> None:
    world.photo("mug.jpg", width=96, height=96)
    seen = at_terminal(world, *command)
    assert too_long(seen, world.root) == []
    assert len(lines(seen)) > 5


@pytest.mark.long
def test_letters_that_name_no_job_or_several_are_refused(world: World) -> None:
    photo = world.photo("mug.jpg", width=64, height=64)
    assert "no job yet" in world.run("job", "latest").stderr
    jobs = json.loads(world.run("relight", str(photo), "--look", "loop", "--json").stdout)
    first = jobs["job_id"].removeprefix("job_")
    other = "0" if first[0] != "0" else "1"
    for name in (other * 8, "abc", "job_", "%", ""):
        done = world.run("job", name)
        assert (done.returncode, done.stdout) == (2, ""), name


def test_forgetting_asks_first_and_says_what_goes_and_what_stays(world: World) -> None:
    photo = world.photo("mug.jpg", width=96, height=96)
    world.run("relight", str(photo), "--look", "loop,split")
    copies = sorted(world.results.iterdir())
    cache = world.data / "cache"
    assert len(list(cache.iterdir())) == 2, "what was measured, and the shape"

    seen = at_terminal(world, "forget", "--all", typed="n\n")
    assert "2 jobs, 3 stored pictures" in seen
    assert "2 finished pictures" in seen
    assert json.loads(world.run("jobs", "--json").stdout)["jobs"]

    copies[0].write_bytes(copies[0].read_bytes() + b"edited")
    seen = at_terminal(world, "forget", "--all", "--outputs", typed="y\n")
    assert "Forgot 2 jobs and 1 finished picture." in seen
    assert [path for path in copies if path.exists()] == [copies[0]], "what a person changed stays"
    assert list(cache.iterdir()) == []
    assert [path for path in (world.data / "images").rglob("*") if path.is_file()] == []
    assert photo.exists()


@pytest.mark.long
def test_forgetting_does_not_ask_where_nobody_could_answer(world: World) -> None:
    photo = world.photo("mug.jpg", width=96, height=96)
    world.run("relight", str(photo), "--look", "loop")
    assert "Forgot 1 job." in at_terminal(world, "forget", "latest", "--yes")
    assert world.run("forget", "--all").stdout == "Forgot 0 jobs.\n"

"""`relight` for a folder: one set, gone on with by the same command."""

import json

import pytest

from tests.world import World

pytestmark = pytest.mark.long


def test_a_folder_is_relit_into_another_and_the_same_command_goes_on_with_it(world: World) -> None:
    for number in range(2):
        world.photo(f"mug{number}.jpg", width=96 + number, height=64)
    out = world.root / "lit"
    command = ("relight", str(world.photos), "--look", "loop", "--out", str(out))
    done = world.run(*command, "--json")
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)
    assert (first["status"], first["pictures"], first["failed"]) == ("succeeded", 2, 0)
    made = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert set(made) == {"mug0-loop.jpg", "mug1-loop.jpg"}

    (out / "mug0-loop.jpg").unlink()
    again = world.run(*command)
    assert again.returncode == 0, again.stderr
    assert "2 of them before" in again.stdout
    assert first["set_id"] in again.stdout
    now = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert now.keys() == made.keys(), "what went missing is put there again"
    assert now["mug1-loop.jpg"] == made["mug1-loop.jpg"], "what is there stays"
    assert len(json.loads(world.run("jobs", "--json").stdout)["jobs"]) == 2


def test_one_that_is_cut_off_fails_alone_and_the_exit_code_says_so(world: World) -> None:
    photo = world.photo("mug.jpg", width=96, height=64)
    (world.photos / "cut.jpg").write_bytes(photo.read_bytes()[:400])
    done = world.run("relight", str(world.photos), "--look", "loop", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["pictures"], found["done"], found["failed"]) == (2, 2, 1)
    assert [line["name"] for line in found["items"] if line["status"] == "succeeded"] == ["mug"]


def test_the_folder_of_the_photos_is_no_place_for_the_results(world: World) -> None:
    world.photo("mug.jpg", width=96, height=64)
    done = world.run("relight", str(world.photos), "--look", "loop", "--out", str(world.photos))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--out is the folder of the photos" in done.stderr

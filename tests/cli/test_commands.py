"""The command line as a person uses it: answers on stdout, all else on stderr, exit codes."""

import base64
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest
from PIL import Image

from mcp_relight.providers.registry import Registry
from tests.matrix import some_now
from tests.world import World


def answer(world: World, *arguments: str, code: int = 0) -> Any:
    done = world.run(*arguments, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_a_photo_is_relit_to_where_the_person_wants_it(world: World) -> None:
    photo = world.photo("mug.jpg", width=160, height=120)
    outside = world.root / "elsewhere.jpg"
    photo.rename(outside)  # a typed path is its own permission
    out = world.root / "result.png"
    job = answer(world, "relight", str(outside), "--light-from", "left", "-o", str(out))
    assert job["status"] == "succeeded"
    with Image.open(out) as written:
        assert (written.format, written.size) == ("PNG", (160, 120))
    assert Path(job["images"][0]["path"]).parent == world.results
    listed = answer(world, "jobs")
    assert [row["job_id"] for row in listed["jobs"]] == [job["job_id"]]
    assert answer(world, "job", job["job_id"])["images"] == job["images"]


@pytest.mark.long
def test_every_picture_is_written_beside_the_first_and_the_photo_is_left_alone(
    world: World,
) -> None:
    photo = world.photo("mug.jpg", width=96, height=96)
    before = photo.read_bytes()
    done = world.run("relight", str(photo), "--look", "loop", "-o", str(photo))
    assert (done.returncode, photo.read_bytes()) == (2, before)
    out = world.root / "lit.png"
    done = world.run("relight", str(photo), "--look", "loop,split", "-o", str(out))
    assert done.returncode == 0, done.stderr
    second = world.root / "lit-2.png"
    assert out.read_bytes() != second.read_bytes()
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("written")] == [
        str(out),
        str(second),
    ]


def test_a_picture_can_be_typed_as_a_data_address(world: World) -> None:
    photo = world.photo("mug.jpg", width=96, height=96)
    address = "data:image/jpeg;base64," + base64.b64encode(photo.read_bytes()).decode()
    assert len(address) > os.pathconf(world.root, "PC_NAME_MAX")
    assert "sentence" in answer(world, "analyze", address)["light"]
    assert world.run("analyze", "~nobody-of-that-name/mug.jpg").returncode == 2


def test_several_looks_make_a_job_each_and_forget_deletes_them(world: World) -> None:
    photo = world.photo("mug.png", width=96, height=96)
    jobs = answer(world, "relight", str(photo), "--look", "loop,split")["jobs"]
    assert [job["lighting"]["look"] for job in jobs] == ["loop", "split"]
    assert answer(world, "forget", "--all") == {"forgotten": 2}
    assert answer(world, "jobs")["jobs"] == []
    assert not [path for path in (world.data / "images").rglob("*") if path.is_file()]
    assert len(list(world.results.iterdir())) == 2, "named copies belong to the person"


@pytest.mark.parametrize(
    "arguments",
    some_now(
        [
            ("relight", "none.jpg", "--look", "loop"),
            ("relight", "none.jpg"),
            ("relight", "none.jpg", "--look", "loop", "--kelvin", "hot"),
            ("relight", "none.jpg", "--look", "loop", "-o", "result.gif"),
            ("plan", "none.jpg", "--look", "lop"),
            ("models", "acme/one"),
            ("job", "job_none"),
            ("forget",),
        ],
        now=2,
    ),
)
def test_bad_arguments_end_with_2_and_one_line_on_stderr(
    world: World, arguments: tuple[str, ...]
) -> None:
    done = world.run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("mcp-relight: ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_bad_setting_stops_the_start_naming_its_variable(world: World) -> None:
    environment = world.environment | {"MCP_RELIGHT_MAX_COST_USD": "a lot"}
    done = world.run("jobs", environment=environment)
    assert done.returncode == 2
    assert "MCP_RELIGHT_MAX_COST_USD" in done.stderr
    assert "a lot" not in done.stderr


@pytest.mark.parametrize("command", some_now([("jobs",), ("serve",), ()]))
def test_a_default_model_nobody_has_stops_the_start_naming_its_variable(
    world: World, command: tuple[str, ...]
) -> None:
    environment = world.environment | {"MCP_RELIGHT_DEFAULT_MODEL": "segmind/ic-lite"}
    done = world.run(*command, environment=environment)
    assert done.returncode == 2
    assert done.stderr.startswith("mcp-relight: MCP_RELIGHT_DEFAULT_MODEL: ")
    assert '"segmind/ic-light"' in done.stderr
    assert "ic-lite" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_default_model_may_stand_in_a_live_list_alone(world: World) -> None:
    photo = world.photo("mug.jpg", width=96, height=96)
    environment = world.environment | {"MCP_RELIGHT_DEFAULT_MODEL": "pixeldojo/new-edit"}
    assert world.run("jobs", environment=environment).returncode == 0
    done = world.run("relight", str(photo), "--look", "loop", environment=environment)
    assert done.returncode == 2
    assert "MCP_RELIGHT_DEFAULT_MODEL" in done.stderr


def test_flags_alone_are_those_of_the_server(world: World) -> None:
    served = subprocess.run(
        [sys.executable, "-m", "mcp_relight", "--allow-dir", str(world.root)],
        env=world.environment,
        stdin=subprocess.DEVNULL,  # whose end is the end of the session
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (served.returncode, served.stdout) == (0, b"")


def test_models_and_plan_show_what_a_request_would_cost(world: World) -> None:
    listed = answer(world, "models")
    assert listed["default_model"] == "local/classic"
    assert {"local", *(adapter.name for adapter in Registry().adapters())} == {
        model["model"].partition("/")[0] for model in listed["models"]
    }
    (one,) = answer(world, "models", "segmind/ic-light")["models"]
    assert not one["ready"]
    assert "SEGMIND_API_KEY" in one["missing"]
    assert one["price"]["usd_at_most"] > 0
    photo = world.photo("mug.jpg", width=96, height=96)
    plan = answer(world, "plan", str(photo), "--look", "rembrandt")
    assert plan["candidates"][0]["model"] == "local/classic"
    assert {"segmind/ic-light", "pixazo/pixelforge-relighting"} <= {
        candidate["model"] for candidate in plan["candidates"]
    }


@pytest.mark.long
def test_ids_and_names_are_shown_whole(world: World) -> None:
    photo = world.photo("mug.jpg", width=96, height=96)
    job = answer(world, "relight", str(photo), "--look", "loop")
    assert job["job_id"] in world.run("jobs").stdout
    listed = answer(world, "models")["models"]
    shown = world.run("models").stdout
    assert [one["model"] for one in listed if f"{one['model']} " not in shown] == []


def test_analyze_says_one_plain_sentence(world: World) -> None:
    photo = world.photo("mug.jpg", width=160, height=120)
    assert answer(world, "analyze", str(photo))["light"]["sentence"].endswith(".")


def test_install_only_prints_when_asked_and_keeps_what_was_there(world: World) -> None:
    shown = answer(world, "install", "cursor", "--dry-run")
    path = Path(shown["file"])
    assert not path.exists()
    path.parent.mkdir(parents=True)
    path.write_text('{"mcpServers": {"other": {"command": "x"}}, "theme": "dark"}')
    answer(world, "install", "cursor")
    written = json.loads(path.read_text())
    assert set(written["mcpServers"]) == {"other", "relight"}
    assert written["theme"] == "dark"
    assert Path(written["mcpServers"]["relight"]["command"]).is_absolute()


def test_install_keeps_what_was_typed_beside_it(world: World) -> None:
    folders = ("--allow-dir", "photos", "--output-dir", "out", "--data-dir", "data")
    shown = answer(world, "install", "cursor", "--dry-run", "--local-only", *folders)
    arguments = shown["mcpServers"]["relight"]["args"]
    assert "--local-only" in arguments
    for flag, name in (("--allow-dir", "photos"), ("--output-dir", "out"), ("--data-dir", "data")):
        assert arguments[arguments.index(flag) + 1] == str(world.root / name)


def test_doctor_finds_a_healthy_place_healthy_and_names_missing_keys(world: World) -> None:
    world.photo("mug.jpg")
    findings = {one["what"]: one for one in answer(world, "doctor")["findings"]}
    assert findings["engine"]["verdict"] == "ok"
    assert findings["output"]["verdict"] == "ok"
    assert (findings["worker"]["verdict"], findings["worker"]["words"][:6]) == ("ok", "starts")
    assert "SEGMIND_API_KEY" in findings["segmind"]["words"]
    if sys.platform != "win32":
        made = [stat.S_IMODE(one.stat().st_mode) for one in (world.data, world.results)]
        assert made == [0o700, 0o700], "folders it made are their owner's alone"


@pytest.mark.long
def test_doctor_names_a_client_that_starts_a_program_that_is_gone(world: World) -> None:
    place = Path(answer(world, "install", "cursor")["file"])
    good = {one["words"]: one["verdict"] for one in answer(world, "doctor")["findings"]}
    assert good["Cursor"] == "ok"
    written = json.loads(place.read_text())
    written["mcpServers"]["relight"]["command"] = str(world.root / "gone" / "python")
    place.write_text(json.dumps(written))
    shown = world.run("doctor")
    assert shown.returncode == 1
    _, _, to_mend = shown.stdout.partition("To mend\n")
    assert "mcp-relight install cursor" in to_mend
    assert "1 thing to mend." in to_mend


@pytest.mark.long
def test_doctor_names_a_setting_that_is_none(world: World) -> None:
    environment = world.environment | {"MCP_RELIGHT_DAILY_BUDGET": "1"}
    found = json.loads(world.run("doctor", "--json", environment=environment).stdout)["findings"]
    (said,) = [one["words"] for one in found if one["what"] == "setting"]
    assert said == "MCP_RELIGHT_DAILY_BUDGET is none: did you mean MCP_RELIGHT_DAILY_BUDGET_USD?"


def test_every_command_has_help(world: World) -> None:
    done = world.run("--help")
    assert done.returncode == 0
    for command in ("serve", "worker", "relight", "plan", "doctor", "demo", "install", "forget"):
        assert command in done.stdout


REHEARSED = [
    ("segmind/ic-light", " to Segmind, "),
    ("pixazo/pixelforge-relighting", ", for Pixazo, "),
]
"""The second reads a photo of this machine from a bucket, and takes its time."""


@pytest.mark.parametrize(("model", "sent"), some_now(REHEARSED, rows=True))
def test_a_whole_remote_flow_can_be_rehearsed_for_nothing(
    world: World, model: str, sent: str
) -> None:
    if model.startswith("pixazo/"):
        pytest.importorskip("obstore", reason="needs the extra s3")
    photo = world.photo("mug.jpg", width=160, height=120)
    simulator = subprocess.Popen(
        [sys.executable, "-m", "mcp_relight", "simulate", "--speed", "100", "--json"],
        env=world.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert simulator.stdout is not None
        facts = json.JSONDecoder().decode(read_object(simulator.stdout))
        environment = world.environment | facts["environment"]
        done = world.run(
            *("relight", str(photo), "--look", "loop", "--model", model, "--json"),
            environment=environment,
        )
        job = json.loads(done.stdout)
        assert job["status"] == "succeeded", job
        assert job["sent"][0]["bytes"] > 0
        assert job["cost"]["billed"] == "yes"
        shown = world.run("job", job["job_id"]).stdout
        assert f"cost     ${job['cost']['usd']}, billed: yes\n" in shown
        (line,) = [one for one in shown.splitlines() if one.startswith("sent     image to ")]
        assert sent in line
    finally:
        simulator.terminate()
        assert simulator.wait(timeout=30) == 0


def read_object(stream: IO[str]) -> str:
    """The lines of one indented JSON object."""
    lines = [stream.readline()]
    while lines[-1] not in {"}\n", ""}:
        lines.append(stream.readline())
    return "".join(lines)


@pytest.mark.parametrize("worker", ["inline", "detached"])
def test_a_lamp_with_a_direction_is_refused_in_one_line(world: World, worker: str) -> None:
    photo = world.photo("mug.jpg", width=96, height=96)
    done = world.run(
        "relight", str(photo), "--light-at", "0.1, 0.3", "--light-from", "left",
        environment=world.environment | {"MCP_RELIGHT_WORKER": worker},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("mcp-relight: light_at excludes light_from")
    assert done.stderr.count("\n") == 1


def test_a_lamp_and_a_region_are_carried_out_and_told(world: World) -> None:
    photo = world.photo("mug.jpg", width=96, height=96)
    job = answer(world, "relight", str(photo), "--light-at", "10%, 0.3", "--region", "background")
    assert job["status"] == "succeeded"
    assert job["lighting"]["region"] == "background"
    assert job["lighting"]["lights"][0]["at"] == [0.1, 0.3, 0.35]
    assert {"light_at", "region"} <= set(job["fields"]["honoured"])
    assert not any("azimuth_deg" in names for names in job["fields"].values())

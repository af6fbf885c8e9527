"""The recording model of the examples: its story, and its honesty about what it was sent."""

import importlib.util
import json
import sys
import urllib.request
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
JOB = {
    "job_id": "job_0123456789",
    "status": "succeeded",
    "images": [{"path": "/out/mug.jpg", "uri": "relight://images/0"}],
    "next_step": "Tell the person the path.",
}
TOOLS = [
    {"type": "function", "function": {"name": f"relight-{name}", "parameters": {}}}
    for name in ("list_models", "relight_image", "get_job", "view_image")
]


@pytest.fixture(scope="module")
def recording() -> ModuleType:
    place = EXAMPLES / "recording_model.py"
    spec = importlib.util.spec_from_file_location("recording_model", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def play(url: str, results: dict[str, str]) -> list[str]:
    """An agent of the simplest kind: returns the tools it was told to call."""
    talk: list[dict[str, Any]] = [{"role": "user", "content": "Relight it."}]
    called: list[str] = []
    while True:
        body = json.dumps({"model": "m", "messages": talk, "tools": TOOLS}).encode()
        request = urllib.request.Request(f"{url}/v1/chat/completions", body)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            message = json.load(reply)["choices"][0]["message"]
        if not message.get("tool_calls"):
            return called
        (call,) = message["tool_calls"]
        called.append(call["function"]["name"].removeprefix("relight-"))
        answer = results.get(called[-1], "{}")
        talk += [message, {"role": "tool", "tool_call_id": call["id"], "content": answer}]


def test_the_story_waits_for_the_job_and_looks_at_it(recording: ModuleType) -> None:
    text = json.dumps(JOB)
    with recording.RecordingModel("mug.jpg") as model:
        told = play(model.url, {"relight_image": text, "get_job": text})
        reached = model.recorder.reached("/out")
    assert told == ["list_models", "relight_image", "get_job", "view_image"]
    assert reached == {
        "story": "whole",
        "path": "yes",
        "uri": "yes",
        "status": "yes",
        "next_step": "yes",
        "picture": "dropped",
    }


def test_what_did_not_arrive_is_said(recording: ModuleType) -> None:
    bare = json.dumps({"job_id": JOB["job_id"], "status": "running"})
    with recording.RecordingModel("mug.jpg") as model:
        play(model.url, {"relight_image": bare, "get_job": bare})
        reached = model.recorder.reached("/out")
    assert reached["story"] == "broke after get_job"
    assert reached["path"] == reached["uri"] == reached["status"] == reached["next_step"] == "NO"


def test_a_picture_written_into_the_prompt_is_told_from_one_that_is_shown(
    recording: ModuleType,
) -> None:
    text = json.dumps(JOB)
    base64 = "/9j/" + "A" * 40_000
    with recording.RecordingModel("mug.jpg") as model:
        play(model.url, {"relight_image": text, "get_job": text, "view_image": base64})
        assert model.recorder.reached("/out")["picture"] == "as 40 kB of text"
    recorder = recording.Recorder("mug.jpg")
    recorder.requests.append({"input": [{"type": "input_image", "image_url": "data:x"}]})
    assert recorder.reached("/out")["picture"] == "as a picture"

"""A model for trying agents without a key: it plays a fixed story and writes down what it is told.

It speaks OpenAI's chat completions and responses and Gemini's generateContent, on 127.0.0.1 only.
The story is list_models → relight_image → get_job until it is finished → view_image → a last word.
What the real model would have received stands in the requests; `Recorder.reached` reads it there.
"""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LAST_WORD = "The relit photo is ready."
_MOST_QUESTIONS = 12
_JOB_ID = re.compile(r"job_[0-9A-Za-z_-]{6,}")
_IMAGE_PARTS = {"image_url", "input_image", "image", "media"}
_BASE64_JPEG = "/9j/"
_STORY = ("list_models", "relight_image", "get_job", "view_image")


@dataclass
class Recorder:
    """The story's state, and every request of the agent."""

    photo: str
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    called: list[str] = field(default_factory=list[str])
    has_ended: bool = False

    def next_call(
        self, body: dict[str, Any], names: list[str]
    ) -> tuple[str, dict[str, Any]] | None:
        """The next tool call of the story, by the name the framework gave the tool."""
        self.requests.append(body)
        # All requests: some frameworks send only what is new and leave the rest to the provider.
        step = self._next_step(plain(self.requests))
        if step is None:
            self.has_ended = True
            # smolagents ends with a tool of its own.
            return ("final_answer", {"answer": LAST_WORD}) if "final_answer" in names else None
        tool, arguments = step
        self.called.append(tool)
        name = next((name for name in names if name.endswith(tool)), None)
        return None if name is None else (name, arguments)

    def _next_step(self, text: str) -> tuple[str, dict[str, Any]] | None:
        job = _JOB_ID.findall(text)
        if len(self.called) >= _MOST_QUESTIONS:
            return None
        if not self.called:
            return "list_models", {}
        if "relight_image" not in self.called:
            return "relight_image", {"image": self.photo, "look": "golden_hour", "wait_s": 0}
        if not job:
            return None
        if "view_image" in self.called:
            return None
        if is_finished(text) and "get_job" in self.called:
            return "view_image", {"image": job[-1], "max_edge": 512}
        return "get_job", {"job_id": job[-1], "wait_s": 20}

    def reached(self, output_dir: str) -> dict[str, str]:
        """What the requests carried of the result, by the names of the facts."""
        text = plain(self.requests)
        return {
            "story": "whole"
            if self._is_whole
            else "broke after " + (self.called or ["nothing"])[-1],
            "path": _yes(f"{output_dir}/" in text),
            "uri": _yes("relight://images/" in text),
            "status": _yes(is_finished(text)),
            "next_step": _yes("Tell the person the path" in text),
            "picture": _picture(self.requests),
        }

    @property
    def _is_whole(self) -> bool:
        return self.has_ended and tuple(dict.fromkeys(self.called)) == _STORY


def plain(body: Any) -> str:
    """A request as text, without the backslashes of JSON inside JSON."""
    return json.dumps(body, ensure_ascii=False).replace("\\", "")


def is_finished(text: str) -> bool:
    return re.search(r"""["']status["']: ?["']succeeded["']""", text) is not None


def _yes(arrived: bool) -> str:
    return "yes" if arrived else "NO"


def _picture(body: Any) -> str:
    if any(True for _ in _image_parts(body)):
        return "as a picture"
    longest = max((len(text) for text in _texts(body) if _BASE64_JPEG in text), default=0)
    return f"as {longest // 1000} kB of text" if longest else "dropped"


def _image_parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if value.get("type") in _IMAGE_PARTS or "inlineData" in value or "inline_data" in value:
            yield value
        for item in value.values():
            yield from _image_parts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _image_parts(item)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


class RecordingModel(ThreadingHTTPServer):
    """`with RecordingModel(photo) as model:` listens on a free port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self, photo: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.recorder = Recorder(photo)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> "RecordingModel":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *details: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: RecordingModel
    protocol_version = "HTTP/1.1"

    def log_message(self, *details: object) -> None:
        """Quiet: the table is the answer."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.endswith("/chat/completions"):
            self._chat(body)
        elif self.path.endswith("/responses"):
            self._responses(body)
        elif "generateContent" in self.path:
            self._gemini(body)
        else:
            self._send(json.dumps({"error": {"message": "not served here"}}), status=404)

    def _chat(self, body: dict[str, Any]) -> None:
        names = [tool["function"]["name"] for tool in body.get("tools", [])]
        call = self.server.recorder.next_call(body, names)
        message: dict[str, Any] = {"role": "assistant", "content": None if call else LAST_WORD}
        if call:
            function = {"name": call[0], "arguments": json.dumps(call[1])}
            identity = f"call_{len(self.server.recorder.requests)}"
            message["tool_calls"] = [{"id": identity, "type": "function", "function": function}]
        reason = "tool_calls" if call else "stop"
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        head = {"id": "chat_1", "created": 0, "model": body.get("model", ""), "usage": usage}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": reason}
            self._send(json.dumps(head | {"object": "chat.completion", "choices": [choice]}))
            return
        for part in message.get("tool_calls", []):
            part["index"] = 0
        chunk = head | {"object": "chat.completion.chunk"}
        self._send_events(
            [
                chunk | {"choices": [{"index": 0, "delta": message, "finish_reason": None}]},
                chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
            ],
            last="[DONE]",
        )

    def _responses(self, body: dict[str, Any]) -> None:
        names = [tool["name"] for tool in body.get("tools", []) if tool.get("type") == "function"]
        call = self.server.recorder.next_call(body, names)
        turn = len(self.server.recorder.requests)
        item: dict[str, Any] = {
            "type": "message",
            "id": f"msg_{turn}",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": LAST_WORD, "annotations": []}],
        }
        if call:
            item = {
                "type": "function_call",
                "id": f"fc_{turn}",
                "call_id": f"call_{turn}",
                "name": call[0],
                "arguments": json.dumps(call[1]),
                "status": "completed",
            }
        answer = {
            "id": f"resp_{turn}",
            "object": "response",
            "created_at": 0,
            "model": body.get("model", ""),
            "status": "completed",
            "output": [item],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 1,
                "output_tokens": 1,
                "total_tokens": 2,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 0},
            },
        }
        self._send(json.dumps(answer))

    def _gemini(self, body: dict[str, Any]) -> None:
        names = [
            function["name"]
            for tool in body.get("tools", [])
            for function in tool.get("functionDeclarations", [])
        ]
        call = self.server.recorder.next_call(body, names)
        part = {"functionCall": {"name": call[0], "args": call[1]}} if call else {"text": LAST_WORD}
        content = {"role": "model", "parts": [part]}
        candidate = {"content": content, "finishReason": "STOP", "index": 0}
        self._send(json.dumps({"candidates": [candidate], "modelVersion": "recording"}))

    def _send_events(self, events: list[dict[str, Any]], *, last: str) -> None:
        lines = [json.dumps(event) for event in events] + [last]
        text = "".join(f"data: {line}\n\n" for line in lines)
        self._send(text, kind="text/event-stream")

    def _send(self, text: str, *, kind: str = "application/json", status: int = 200) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

"""Calls and replies the tests of this room build on."""

import json
from pathlib import Path
from typing import Any

from mcp_relight.domain.exchange import Call, Picture, Reply
from mcp_relight.domain.lighting import Light, Lighting

REPLIES = Path(__file__).with_name("replies")
PHOTO_URL = "https://example.com/photo.jpg"
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"


def call(model: str, **changes: Any) -> Call:
    values: dict[str, Any] = {
        "model": model,
        "lighting": Lighting(lights=(Light(azimuth_deg=-60, elevation_deg=10, kelvin=3200),)),
        "params": {},
        "images": (Picture(width=640, height=800, mime_type="image/jpeg", url=PHOTO_URL),),
    }
    return Call(**{**values, **changes})


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    named = {"content-type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, named, data)


def stored(provider: str, name: str, status: int = 200) -> Reply:
    """A reply as the provider's own document prints it."""
    return Reply(
        status,
        {"content-type": "application/json"},
        (REPLIES / provider / f"{name}.json").read_bytes(),
    )


async def at_once() -> None:
    """A rate gate that is always open."""

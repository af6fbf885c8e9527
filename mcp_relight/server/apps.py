"""The before/after app: one page, and the two tools that only the page calls.

The page is registered through the SDK's `Apps`; its tools are our own `FlatTool`s, which check
arguments strictly, so they carry their `_meta.ui` themselves.
"""

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from mcp.server.apps import Apps, ResourceCsp
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from mcp_relight.domain.lighting import DAYLIGHT_KELVIN, Light, Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.queries import PictureArguments, PreviewArguments, ViewArguments
from mcp_relight.service.handle import ServiceHandle

from .flat_tool import FlatTool, flat_tool, picture_result

if TYPE_CHECKING:
    from mcp_relight.service.service import Service

COMPARE_URI = "ui://mcp-relight/compare.html"
OPENS_COMPARE: dict[str, Any] = {"ui": {"resourceUri": COMPARE_URI, "visibility": ["model", "app"]}}
_FOR_THE_APP: dict[str, Any] = {"ui": {"resourceUri": COMPARE_URI, "visibility": ["app"]}}
_NO_LOOKS = '<script type="application/json" id="looks">{}</script>'
_STYLE, _SCRIPT = "/*{style}*/", "/*{script}*/"
_SCRIPTS = ("host", "lights", "ball", "pictures", "stage", "rig", "preview", "others", "start")
"""Pieces of one script, in this order: they share one scope."""

Ctx = Context[Any]


def compare_app() -> Apps:
    """The page, asking for no domain at all: everything it shows comes through the host."""
    apps = Apps()
    apps.add_html_resource(
        COMPARE_URI,
        compare_page(),
        name="compare",
        title="Before and after",
        description="A before/after view with a light rig, for clients with MCP Apps.",
        csp=ResourceCsp(resource_domains=[], connect_domains=[]),
        prefers_border=True,
    )
    return apps


def compare_page() -> str:
    """The page in one file, as a host wants it: style, scripts and looks put into the HTML."""
    folder = resources.files("mcp_relight.server") / "ui"
    looks = {name: _look(look.lighting) for name, look in LOOKS.items()}
    page = (folder / "compare.html").read_text("utf-8")
    page = page.replace(
        _NO_LOOKS, _NO_LOOKS.replace("{}", json.dumps(looks, separators=(",", ":")))
    )
    page = page.replace(_STYLE, (folder / "compare.css").read_text("utf-8"))
    scripts = [(folder / f"{name}.js").read_text("utf-8") for name in _SCRIPTS]
    return page.replace(_SCRIPT, "\n".join(scripts))


def page_parts(name: str) -> tuple[str, str, str]:
    """HTML, style and script of a page for a person: `upload` for a picture, `key` for a key."""
    folder = resources.files("mcp_relight.server") / "ui"
    html, style, script = folder / f"{name}.html", folder / "upload.css", folder / f"{name}.js"
    return html.read_text("utf-8"), style.read_text("utf-8"), script.read_text("utf-8")


def _look(lighting: Lighting) -> dict[str, Any]:
    """What the page needs to draw a look and to start from it."""
    return {"ambient": lighting.ambient, "lights": [_lamp(light) for light in lighting.lights]}


def _lamp(light: Light) -> dict[str, Any]:
    return {
        "role": light.role,
        "azimuth_deg": light.azimuth_deg,
        "elevation_deg": light.elevation_deg,
        "tone": light.color or light.kelvin or DAYLIGHT_KELVIN,
        "softness": light.softness,
        "intensity": light.intensity,
        "falloff": light.falloff,
    }


class AppTools:
    """The tools of the page. Hosts hide them from the model; other clients list them, so their
    descriptions say whom they are for."""

    def __init__(self, handle: ServiceHandle) -> None:
        self._handle = handle

    def all(self) -> list[FlatTool]:
        return [
            flat_tool(
                "app_picture",
                self._handle,
                self._picture,
                title="Picture for the app",
                description="Use only from the before/after app: a picture's bytes, scaled down. "
                "Anyone else: view_image.",
                arguments=PictureArguments,
                output=None,
                read_only=True,
                described=False,
                meta=_FOR_THE_APP,
            ),
            flat_tool(
                "app_preview",
                self._handle,
                self._preview,
                title="Preview for the app",
                description="Use only from the before/after app: a light tried on a small copy by "
                "the local engine, free. Anyone else: relight_image.",
                arguments=PreviewArguments,
                output=None,
                read_only=True,
                described=False,
                meta=_FOR_THE_APP,
            ),
        ]

    async def _picture(
        self, service: "Service", arguments: PictureArguments, ctx: Ctx
    ) -> CallToolResult:
        wanted = ViewArguments(image=arguments.image, max_edge=arguments.max_edge)
        picture, line = await service.view(wanted)
        return picture_result(picture, line)

    async def _preview(
        self, service: "Service", arguments: PreviewArguments, ctx: Ctx
    ) -> CallToolResult:
        picture = await service.preview(arguments.as_plan())
        return picture_result(picture, f"Preview ({picture.width}x{picture.height} px)")

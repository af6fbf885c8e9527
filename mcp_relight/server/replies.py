"""Every word and block a client is answered with."""

import base64
import re
from typing import Any

from mcp.types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.image import URI_PREFIX
from mcp_relight.domain.pixels import Encoded
from mcp_relight.domain.views import ErrorView, ImageView
from mcp_relight.domain.words import json_text
from mcp_relight.errors import RelightError

_OF_THIS_MACHINE = re.compile(
    r"\b(paths?|folders?|find_images|latest|MCP_RELIGHT_\w+)\b|--allow-dir"
)
_REMOTE_HINT = (
    "Call upload_image to send a picture, or give an https:// or relight://images/ address or a "
    "job_id. What the server itself lacks, its operator can say."
)
ERROR_META, LIGHTING_META = "mcp-relight/error", "mcp-relight/lighting"


def facts_result(
    facts: dict[str, Any],
    *,
    links: tuple[ImageView, ...] = (),
    picture: Encoded | None = None,
    meta: dict[str, Any] | None = None,
) -> CallToolResult:
    """The same facts as text and as structured content: some clients show the model only one."""
    content: list[ContentBlock] = [TextContent(type="text", text=json_text(facts))]
    content += [_link(image) for image in links]
    if picture is not None:
        content.append(_inline(picture))
    return CallToolResult(content=content, structured_content=facts, _meta=meta)


def picture_result(picture: Encoded, line: str) -> CallToolResult:
    """One inline picture and a line; no structured content, which makes clients drop pictures."""
    return CallToolResult(content=[TextContent(type="text", text=line), _inline(picture)])


def refused(error: RelightError) -> CallToolResult:
    """An error the agent can fix: code, message and hint in text and in `_meta`."""
    facts = {"error": _told(ErrorView.of(error)).facts()}
    return CallToolResult(
        is_error=True,
        content=[TextContent(type="text", text=json_text(facts))],
        _meta={ERROR_META: facts["error"]},
    )


def _told(error: ErrorView) -> ErrorView:
    """To other machines no hint speaks of what only this one has."""
    if current_caller().remote and _OF_THIS_MACHINE.search(error.hint or ""):
        return error.model_copy(update={"hint": _REMOTE_HINT})
    return error


def _inline(picture: Encoded) -> ImageContent:
    return ImageContent(
        type="image",
        data=base64.b64encode(picture.data).decode("ascii"),
        mime_type=picture.mime_type,
    )


def _link(image: ImageView) -> ResourceLink:
    return ResourceLink(
        type="resource_link",
        uri=URI_PREFIX + image.image_id,
        name=image.image_id,
        title="Relit picture",
        mime_type=image.mime_type,
        size=image.bytes,
    )

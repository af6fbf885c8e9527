"""Every word and block a client is answered with."""

import base64
from typing import Any

from mcp.types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent

from mcp_relight.domain.image import URI_PREFIX
from mcp_relight.domain.pixels import Encoded
from mcp_relight.domain.views import ErrorView, ImageView
from mcp_relight.domain.words import json_text
from mcp_relight.errors import RelightError

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
    facts = {"error": ErrorView.of(error).facts()}
    return CallToolResult(
        is_error=True,
        content=[TextContent(type="text", text=json_text(facts))],
        _meta={ERROR_META: facts["error"]},
    )


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

"""The surface for callers at other machines: addresses in place of paths, and words to match.

Nothing of it is imported where there is one person.
"""

import json
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from mcp_relight.domain.arguments import Arguments
from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.capability import Uploads, hash_of, new_text
from mcp_relight.domain.owner_keys import KeyPages
from mcp_relight.domain.ports import Addresses
from mcp_relight.domain.set_views import SetView
from mcp_relight.domain.views import JobList, JobView, UploadView
from mcp_relight.errors import StoreDown
from mcp_relight.service.handle import ServiceHandle
from mcp_relight.service.showing import iso

from .flat_tool import FlatTool, facts_result, flat_tool
from .key_offers import KeyOffers
from .links import LINK_WITHIN_S, Links

if TYPE_CHECKING:
    from mcp_relight.service.service import Service

UPLOADS_PATH = "/up/"
REMOTE_INSTRUCTIONS = (
    "Relights photos. Call upload_image first: it gives an address to which the person, or you "
    "with curl, sends the photo, and the relight:// address to use then; an https:// address does "
    "as well. relight_image with it and a look (for instance golden_hour) or a direction is "
    "enough; it is free unless another model is named. Results are jobs: use get_job to wait, "
    "view_image to look, and give the person the url. Chat attachments never reach this server."
)
_IMAGE = (
    "Required without based_on: relight://images/<id> (of upload_image), https://, data:, or "
    "job_id (its result). Chat attachments never reach this server."
)
_WORDS = {
    "Returns a job: finished with path and report, or to be asked for with get_job; of several "
    "photos a set, asked for alike.": "Returns a job: finished with url and report, or to be asked "
    "for with get_job.",
    "result paths": "addresses of results (good for 15 minutes; ask again for new ones)",
    " Photos not made here: find_images.": "",
}
_LEFT_OUT = frozenset({"find_images"})
_OF_A_SET = "Tell the person the folder. "


class UploadArguments(Arguments):
    """None: what is sent says what it is."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How pictures go to other machines, and come from there."""

    public_url: str
    links: Links
    addresses: Addresses | None
    """Of a store that clients can reach; without one `links` lead here."""
    uploads: Uploads
    key_pages: KeyPages | None = None
    """Where owners may bring keys of their own."""
    instructions: str = REMOTE_INSTRUCTIONS

    def surface(self, handle: ServiceHandle, tools: Sequence[FlatTool]) -> list[FlatTool]:
        """The same tools without what only this machine has, and the one that takes pictures."""
        kept = [_reworded(tool) for tool in tools if tool.name not in _LEFT_OUT]
        if self.key_pages is not None:
            offers = KeyOffers(self.key_pages, self.public_url)
            kept = [tool.model_copy(update={"fn": offers.over(tool.fn)}) for tool in kept]
        return [self._upload_tool(handle), *kept]

    async def told(self, view: JobView | SetView) -> JobView | SetView:
        """The same answer with addresses in place of paths."""
        if isinstance(view, SetView):
            items = tuple(item.model_copy(update={"path": None}) for item in view.items)
            words = view.next_step.replace(_OF_A_SET, "")
            return view.model_copy(update={"items": items, "next_step": words})
        images: list[Any] = []
        for image in view.images or ():
            url, until = await self._address(image.image_id)
            told = {"path": None, "url": url, "expires_at": iso(until)}
            images.append(image.model_copy(update=told))
        return view.model_copy(update={"images": tuple(images)}) if images else view

    async def _address(self, image_id: str) -> tuple[str, int]:
        """Where the picture is, and until when. What the store cannot sign leads here."""
        until = int(time.time() + LINK_WITHIN_S)
        if self.addresses is not None:
            with suppress(StoreDown):
                return await self.addresses.address(image_id, within_s=LINK_WITHIN_S), until
        return self.links.sign(image_id, owner=current_caller().owner)

    def rows(self, found: JobList) -> JobList:
        jobs = tuple(row.model_copy(update={"path": None}) for row in found.jobs)
        return found.model_copy(update={"folder": None, "jobs": jobs})

    def _upload_tool(self, handle: ServiceHandle) -> FlatTool:
        return flat_tool(
            "upload_image",
            handle,
            self._upload,
            title="Send a photo",
            description="Use first, when the photo has no https:// address: returns a one-time "
            "address, good for 10 minutes, at which the person drops, pastes or takes the photo in "
            "a browser, or to which curl sends it (at most 25 MB). The answer there is its "
            "relight://images/<id>. Free.",
            arguments=UploadArguments,
            output=UploadView,
            read_only=False,
            idempotent=False,
        )

    async def _upload(
        self, service: "Service", arguments: UploadArguments, ctx: Context[Any]
    ) -> CallToolResult:
        text = new_text()
        opened = await self.uploads.open_upload(hash_of(text), owner=current_caller().owner)
        url = f"{self.public_url}{UPLOADS_PATH}{text}"
        view = UploadView(
            url=url,
            curl=f"curl -fsS --upload-file photo.jpg {url}",
            expires_at=iso(opened.expires_at),
            next_step="Send the photo with the curl line, or ask the person to open url in a "
            "browser; then call relight_image with the relight://images/ address it shows.",
        )
        return facts_result(view.facts())


def _reworded(tool: FlatTool) -> FlatTool:
    words = tool.description
    for here, there in _WORDS.items():
        words = words.replace(here, there)
    parameters = json.loads(json.dumps(tool.parameters))
    image = parameters["properties"].get("image", {})
    if "path" in re.findall(r"[a-z]+", image.get("description", "")):
        image["description"] = _IMAGE
    return tool.model_copy(update={"description": words, "parameters": parameters})

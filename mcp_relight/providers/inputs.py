"""How a provider gets to see a picture that lives on this machine.

In this order, the first that applies: the caller's own https address; the picture inside the
request, where that is proven to work; the provider's own upload; the user's bucket, or an address
of a team's own. Never a public host of somebody else. What leaves is re-encoded first, so it
carries no EXIF, GPS or hidden bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from pydantic import JsonValue

from mcp_relight.domain.exchange import Call, Picture, Prepared
from mcp_relight.domain.image import Encoded
from mcp_relight.domain.job import Job, Sent
from mcp_relight.domain.ports import Images, Pixels, Turn
from mcp_relight.errors import Internal
from mcp_relight.providers.kit.adapter import Adapter

from .faults import needs_public_url

_LEAST_LIFE_S = 600.0
_MOST_LIFE_S = 3600.0


class Remote(Protocol):
    """The part of `RestProvider` that is needed here."""

    @property
    def adapter(self) -> Adapter: ...

    async def upload(self, data: bytes, mime_type: str, turn: Turn) -> str | None: ...

    def asks_schema(self, model: str) -> bool: ...

    async def schema(self, model: str, turn: Turn) -> Mapping[str, JsonValue] | None: ...


class Remotes(Protocol):
    """By the key the job goes by; whoever asks has made sure that there is one."""

    def opened(self, job: Job) -> Remote | None: ...


class Folder(Protocol):
    """The part of `BucketFolder` that is needed here."""

    @property
    def host(self) -> str | None: ...

    async def put(self, folder: str, name: str, picture: Encoded, life_s: float) -> str: ...

    async def clear(self, folder: str) -> None: ...


class Callbacks(Protocol):
    """Where a provider says that a job ended."""

    async def open(self, job_id: str) -> str:
        """The address, for this job and this try of sending it. Raises TimedOut, StorageFull."""
        ...


@dataclass(frozen=True, slots=True)
class _Shown:
    """A picture as the provider sees it, and what left for that."""

    picture: Picture
    sent: Sent


class ProviderInputs:
    """Implements `domain.ports.Inputs` for the jobs of these providers."""

    def __init__(
        self,
        images: Images,
        pixels: Pixels,
        *,
        remotes: Remotes,
        bucket: Folder | None = None,
        callbacks: Callbacks | None = None,
    ) -> None:
        self._images = images
        self._pixels = pixels
        self._remotes = remotes
        self._bucket = bucket
        self._callbacks = callbacks

    def requests(self, job: Job) -> int:
        remote = self._remote(job)
        request = job.request
        files = [name for name in request.extra_image_ids if name not in request.extra_urls]
        count = len(files) + (request.passthrough_url is None) + (request.mask_id is not None)
        uploads = count if remote.adapter.takes_uploads and not remote.adapter.takes_data else 0
        return uploads + remote.asks_schema(job.model)

    async def prepare(self, job: Job, turn: Turn) -> Prepared:
        call = await self._call(job)
        remote = self._remote(job)
        schema = await remote.schema(job.model, turn)
        urls = job.request.extra_urls
        main = await self._show(
            remote, job, "image", call.images[0], turn, url=job.request.passthrough_url
        )
        mask = await self._show(remote, job, "mask", call.mask, turn) if call.mask else None
        extra = {
            name: await self._show(remote, job, name, picture, turn, url=urls.get(name))
            for name, picture in call.extra_images.items()
        }
        shown = replace(
            call,
            images=(main.picture,),
            mask=mask.picture if mask else None,
            extra_images={name: one.picture for name, one in extra.items()},
            schema=schema,
            hook_url=await self._hook(remote.adapter, job),
        )
        all_shown = [main, *([mask] if mask else []), *extra.values()]
        return Prepared(call=shown, sent=tuple(one.sent for one in all_shown))

    def _remote(self, job: Job) -> Remote:
        remote = self._remotes.opened(job)
        if remote is None:
            raise Internal("A job is prepared for a provider that is not here.")
        return remote

    async def _hook(self, adapter: Adapter, job: Job) -> str | None:
        if self._callbacks is None or not adapter.calls_back:
            return None
        return await self._callbacks.open(job.job_id)

    async def release(self, job: Job) -> None:
        if self._bucket is not None:
            await self._bucket.clear(job.job_id)

    async def _call(self, job: Job) -> Call:
        request = job.request
        mask = request.mask_id
        return Call(
            model=request.model,
            lighting=request.lighting,
            params=request.params,
            images=(await self._stored(request.image_id),),
            count=request.count,
            seed=request.seed,
            mask=await self._stored(mask) if mask else None,
            extra_images={
                name: await self._stored(image_id)
                for name, image_id in request.extra_image_ids.items()
            },
        )

    async def _stored(self, image_id: str) -> Picture:
        info = await self._images.info(image_id)
        return Picture(
            width=info.width, height=info.height, mime_type=info.mime_type, image_id=image_id
        )

    async def _show(
        self,
        remote: Remote,
        job: Job,
        name: str,
        picture: Picture,
        turn: Turn,
        *,
        url: str | None = None,
    ) -> _Shown:
        """`url` is the caller's own public address of this picture, where there is one."""
        adapter = remote.adapter
        if url is not None:
            sent = Sent(what=f"address of the {name}", to=adapter.title, bytes=len(url))
            return _Shown(replace(picture, url=url), sent)
        clean = await self._clean(adapter, picture)
        shown = replace(picture, width=clean.width, height=clean.height, mime_type=clean.mime_type)
        sent = Sent(what=name, to=adapter.title, bytes=len(clean.data))
        if adapter.takes_data:
            return _Shown(replace(shown, data=clean.data), sent)
        given = await remote.upload(clean.data, clean.mime_type, turn)
        if given is None:
            given = await self._put(adapter, job, name, clean)
            sent = sent.model_copy(update={"to": f"{self._bucket_host}, for {adapter.title}"})
        return _Shown(replace(shown, url=given), sent)

    async def _clean(self, adapter: Adapter, picture: Picture) -> Encoded:
        """Fresh bytes; what was JPEG stays JPEG, so that photos stay small."""
        data = await self._images.read(picture.image_id)
        mime_type = "image/jpeg" if picture.mime_type == "image/jpeg" else "image/png"
        return await self._pixels.reencode(
            data, max_edge_px=adapter.max_edge_px, mime_type=mime_type
        )

    async def _put(self, adapter: Adapter, job: Job, name: str, clean: Encoded) -> str:
        if self._bucket is None:
            raise needs_public_url(adapter)
        life_s = min(adapter.pace.deadline_s + _LEAST_LIFE_S, _MOST_LIFE_S)
        return await self._bucket.put(job.job_id, name, clean, life_s)

    @property
    def _bucket_host(self) -> str:
        return (self._bucket.host if self._bucket else None) or "your bucket"

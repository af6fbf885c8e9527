"""Pictures of a team in an object store: S3 and whatever speaks it, Google's or Azure's.

<folder of the owner>/<name>    the bytes; what is known of them is metadata of the object

Folder and name are keyed hashes: whoever knows an owner, or the bytes of a picture, cannot tell
what it is called, and nobody sees from an address whose it is or whether others have the same.
Near at hand, in a folder of this machine, are copies of those used last, and all analyses: those
can be computed again.
"""

import hashlib
import hmac
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio.to_thread
import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url
from pydantic import SecretStr, ValidationError

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.image import (
    Encoded,
    ImageInfo,
    Inspected,
    image_id_of,
    info_of,
    is_image_id,
)
from mcp_relight.errors import ImageNotFound, InvalidArgument, StoreDown

from .disk import BoundedFolder
from .files import no_such_image

if TYPE_CHECKING:
    from obstore import GetResult

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")

_DATA_DIR = "MCP_RELIGHT_DATA_DIR"
_PURPOSE = b"mcp-relight object 1\0"
_KNOWN = "relight"
"""The metadata that holds an ImageInfo. Azure takes letters and digits alone as its name."""
_INFO = "-info"
_NOBODYS = "0"
_NEAR_BYTES, _ANALYSES_BYTES = 1_000_000_000, 256_000_000
_CONNECT_WITHIN, _ANSWER_WITHIN = "5s", "60s"
_TRY_AGAIN_FOR = timedelta(seconds=10)
_MAX_RETRIES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsAt:
    """Where the objects are. What is not given comes from the cloud's own variables."""

    url: str
    """`s3://bucket/prefix`, `gs://bucket/prefix` or `az://account/container/prefix`."""
    endpoint: str | None = None
    public_endpoint: str | None = None
    """Where clients reach the store, if elsewhere than we do: addresses are signed for it."""
    region: str | None = None
    key_id: str | None = None
    secret: SecretStr | None = None


class ObjectImages:
    """Implements `Images` and `Addresses`: the pictures of the current caller, and no others.

    `secret` names the objects: with another one they are not found. `near` is a folder of this
    machine, which any number of processes may share. Beside what the ports say every call may raise
    StoreDown.
    """

    def __init__(self, at: ObjectsAt, *, secret: bytes, near: Path) -> None:
        """Raises InvalidArgument where the settings make no sense to the store."""
        self._secret = secret
        self._store = _opened(at, at.endpoint)
        public = at.public_endpoint
        self._signing = self._store if public is None else _opened(at, public)
        staging = near / "staging"
        self._near = BoundedFolder(
            near / "near", max_bytes=_NEAR_BYTES, staging=staging, variable=_DATA_DIR
        )
        self._analyses = BoundedFolder(
            near / "cache", max_bytes=_ANALYSES_BYTES, staging=staging, variable=_DATA_DIR
        )

    async def put(self, picture: Inspected | Encoded) -> ImageInfo:
        info = info_of(picture)
        try:
            info = await self._asked(info.image_id)
        except ImageNotFound:
            attributes = {
                "Content-Type": info.mime_type,
                "Content-Disposition": f'inline; filename="{info.image_id}{info.extension}"',
                "Cache-Control": "private, max-age=900",
                _KNOWN: info.model_dump_json(ensure_ascii=True),
            }
            with _explained(missing=StoreDown("The bucket of MCP_RELIGHT_BLOB_URL is not there.")):
                await obstore.put_async(
                    self._store,
                    self._key(info.image_id),
                    picture.data,
                    attributes=attributes,
                    use_multipart=False,
                )
        await self._keep_near(info, picture.data)
        return info

    async def info(self, image_id: str) -> ImageInfo:
        self._key(image_id)
        kept = await _in_thread(partial(self._near.read, image_id + _INFO))
        if kept is not None:
            with suppress(ValidationError):
                return ImageInfo.model_validate_json(kept)
        return await self._asked(image_id)

    async def read(self, image_id: str) -> bytes:
        key = self._key(image_id)
        kept = await _in_thread(partial(self._near.read, image_id))
        if kept is not None:
            return kept
        with _explained():
            found = await obstore.get_async(self._store, key)
            data = bytes(await found.bytes_async())
        info = _info_in(found, image_id)
        if image_id_of(data) != image_id:
            _log.error("an object holds other bytes than were stored")
            raise no_such_image()
        await self._keep_near(info, data)
        return data

    async def check_folder(self, folder: Path) -> None:
        """No folder is written to."""

    async def publish(self, image_id: str, folder: Path, stem: str) -> None:
        """None: whoever wants a file fetches it by its address."""

    async def unpublish(self, path: Path) -> bool:
        return False

    async def delete(self, image_id: str) -> None:
        """Deleting what is not there is no error. Copies near other machines go with time; whoever
        does not own a picture gets none of them."""
        if not is_image_id(image_id):
            return
        await _in_thread(partial(self._near.delete, f"{image_id}*"))
        await _in_thread(partial(self._analyses.delete, f"*-{image_id}*"))
        try:
            with _explained():
                await obstore.delete_async(self._store, self._key(image_id))
        except ImageNotFound:
            return

    async def cached(self, key: str) -> bytes | None:
        return await _in_thread(partial(self._analyses.read, key))

    async def cache(self, key: str, data: bytes) -> None:
        await _in_thread(partial(self._analyses.write, key, data))

    async def address(self, image_id: str, *, within_s: float) -> str:
        with _explained():
            return await obstore.sign_async(
                self._signing, "GET", self._key(image_id), timedelta(seconds=within_s)
            )

    async def check(self) -> None:
        """Whether the store answers. Raises StoreDown."""
        try:
            with _explained():
                await obstore.head_async(self._store, self._folder() + _NOBODYS)
        except ImageNotFound:
            return

    async def _asked(self, image_id: str) -> ImageInfo:
        with _explained():
            found = await obstore.get_async(
                self._store, self._key(image_id), options={"head": True}
            )
        return _info_in(found, image_id)

    async def _keep_near(self, info: ImageInfo, data: bytes) -> None:
        known = info.model_dump_json().encode()
        for key, kept in ((info.image_id, data), (info.image_id + _INFO, known)):
            try:
                await _in_thread(partial(self._near.write, key, kept))
            except InvalidArgument as error:  # it is in the store, which is what counts
                _log.warning("no copy was kept near: %s", error.message)

    def _key(self, image_id: str) -> str:
        """Raises ImageNotFound for what is no id."""
        if not is_image_id(image_id):
            raise no_such_image()
        return self._folder() + self._named(f"{current_caller().owner}\0{image_id}")[:40]

    def _folder(self) -> str:
        return self._named(current_caller().owner)[:16] + "/"

    def _named(self, text: str) -> str:
        return hmac.new(self._secret, _PURPOSE + text.encode(), hashlib.sha256).hexdigest()


def _opened(at: ObjectsAt, endpoint: str | None) -> Any:
    """Unencrypted only where the endpoint itself is; failing within seconds, not minutes."""
    given = {
        "endpoint": endpoint,
        "region": at.region,
        "access_key_id": at.key_id,
        "secret_access_key": at.secret.get_secret_value() if at.secret else None,
    }
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if at.url.startswith("s3:"):
        options["virtual_hosted_style_request"] = False
        options.setdefault("region", "us-east-1")
    try:
        return from_url(
            at.url,
            client_options={
                "allow_http": (endpoint or "").startswith("http://"),
                "connect_timeout": _CONNECT_WITHIN,
                "timeout": _ANSWER_WITHIN,
            },
            retry_config={"max_retries": _MAX_RETRIES, "retry_timeout": _TRY_AGAIN_FOR},
            **options,
        )
    except (BaseError, ValueError, TypeError):
        raise InvalidArgument(
            "MCP_RELIGHT_BLOB_URL cannot be used with the other settings of the store.",
            hint="Check MCP_RELIGHT_BLOB_URL, _ENDPOINT, _REGION, _KEY_ID and _SECRET.",
        ) from None


def _info_in(found: "GetResult", image_id: str) -> ImageInfo:
    try:
        info = ImageInfo.model_validate_json(found.attributes.get(_KNOWN, ""))
    except ValidationError:
        raise no_such_image() from None
    if info.image_id != image_id or info.bytes != found.meta["size"]:
        raise no_such_image()
    return info


@contextmanager
def _explained(*, missing: Exception | None = None) -> Generator[None]:
    """The library's failures in our tree; its texts hold addresses and stay out of it. `missing`
    is what to raise for "not there" in the place of ImageNotFound."""
    try:
        yield
    except FileNotFoundError:
        raise missing or no_such_image() from None
    except (BaseError, OSError) as error:
        _log.warning("the object store failed: %s", type(error).__name__)
        raise StoreDown("The store of pictures does not answer, or refuses us.") from None


async def _in_thread(call: Callable[[], _Result]) -> _Result:
    return await anyio.to_thread.run_sync(call)

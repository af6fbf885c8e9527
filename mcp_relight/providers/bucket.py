"""The user's own S3-compatible bucket: a private object and a short signed address to read it.

Needs the extra `s3`. Any store that speaks S3 will do: AWS, R2, MinIO, B2, GCS with HMAC keys.
"""

import importlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from mcp_relight.domain.image import Encoded
from mcp_relight.errors import InvalidArgument, NeedsPublicUrl

_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where pictures may be put for a provider to read. `url` is `s3://bucket/prefix`."""

    url: str
    key_id: str
    secret: SecretStr
    endpoint: str | None = None
    region: str | None = None


class BucketFolder:
    """Objects of one job live under `<prefix>/<job id>/`, so they can be deleted together."""

    def __init__(self, bucket: Bucket) -> None:
        """Raises InvalidArgument for an address of another kind, or without the extra `s3`."""
        parts = urlsplit(bucket.url)
        if parts.scheme != "s3" or not parts.hostname:
            raise InvalidArgument(
                "MCP_RELIGHT_BUCKET_URL must be of the form s3://bucket/prefix.",
                hint="Correct or remove this variable.",
            )
        self.host = urlsplit(bucket.endpoint).hostname if bucket.endpoint else "the S3 bucket"
        self._prefix = parts.path.strip("/")
        self._obstore = _library()
        self._failures = (self._obstore.exceptions.BaseError, OSError)
        self._store = self._open(bucket, parts.hostname)

    def _open(self, bucket: Bucket, name: str) -> Any:
        """Unencrypted only where the endpoint itself is; failing within seconds, not minutes."""
        options = {
            "allow_http": (bucket.endpoint or "").startswith("http://"),
            "connect_timeout": "5s",
            "timeout": "60s",
        }
        retries = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}
        return self._obstore.store.S3Store(
            name,
            endpoint=bucket.endpoint,
            region=bucket.region or "us-east-1",
            access_key_id=bucket.key_id,
            secret_access_key=bucket.secret.get_secret_value(),
            virtual_hosted_style_request=False,
            client_options=options,
            retry_config=retries,
        )

    async def put(self, folder: str, name: str, picture: Encoded, life_s: float) -> str:
        """A signed GET address that lasts `life_s`. Raises NeedsPublicUrl where it cannot."""
        path = self._path(folder, f"{name}.{_EXTENSIONS.get(picture.mime_type, 'bin')}")
        try:
            await self._obstore.put_async(
                self._store, path, picture.data, attributes={"Content-Type": picture.mime_type}
            )
            return await self._obstore.sign_async(
                self._store, "GET", path, timedelta(seconds=life_s)
            )
        except self._failures:
            raise _unusable() from None

    async def folders(self) -> list[str]:
        """The names of all folders there are. Raises NeedsPublicUrl where it cannot."""
        try:
            listed = await self._obstore.list_with_delimiter_async(self._store, prefix=self._prefix)
        except self._failures:
            raise _unusable() from None
        return [path.rpartition("/")[2] for path in listed["common_prefixes"]]

    async def clear(self, folder: str) -> None:
        """Delete everything under the folder. Raises NeedsPublicUrl where it cannot."""
        try:
            listed = await self._obstore.list(
                self._store, prefix=self._path(folder, "")
            ).collect_async()
            if listed:
                await self._obstore.delete_async(self._store, [row["path"] for row in listed])
        except self._failures:
            raise _unusable() from None

    def _path(self, folder: str, name: str) -> str:
        return "/".join(part for part in (self._prefix, folder, name) if part)


def _library() -> Any:
    try:
        library = importlib.import_module("obstore")
        importlib.import_module("obstore.store")
        importlib.import_module("obstore.exceptions")
    except ImportError:
        raise InvalidArgument(
            "MCP_RELIGHT_BUCKET_URL needs the extra s3.",
            hint="Install mcp-relight[s3], or remove this variable.",
        ) from None
    return library


def _unusable() -> NeedsPublicUrl:
    return NeedsPublicUrl(
        "The bucket of MCP_RELIGHT_BUCKET_URL could not be used.",
        hint="Check MCP_RELIGHT_BUCKET_URL, _ENDPOINT, _REGION, _KEY_ID and _SECRET, and that the "
        "key may write, read and delete there.",
    )

"""Stores outside of this machine: of a team's pictures, and of what a provider is to read."""

from pathlib import Path
from typing import TYPE_CHECKING

from mcp_relight.config import Settings

if TYPE_CHECKING:
    from mcp_relight.providers.bucket import BucketFolder
    from mcp_relight.storage.lent import LentPictures
    from mcp_relight.storage.objects import ObjectImages

    from .parts import Parts


def objects_of(settings: Settings, *, salt: bytes, near: Path) -> "ObjectImages":
    """The store of `MCP_RELIGHT_BLOB_URL`, with copies in the folder `near`."""
    from mcp_relight.storage.objects import ObjectImages, ObjectsAt

    at = ObjectsAt(
        url=settings.blob_url or "",
        endpoint=settings.blob_endpoint,
        public_endpoint=settings.blob_public_endpoint,
        region=settings.blob_region,
        key_id=settings.blob_key_id,
        secret=settings.blob_secret,
    )
    return ObjectImages(at, secret=salt, near=near)


def bucket_of(settings: Settings) -> "BucketFolder | None":
    """The user's own, where one is set."""
    if not (settings.bucket_url and settings.bucket_key_id and settings.bucket_secret):
        return None
    from mcp_relight.providers.bucket import Bucket, BucketFolder

    return BucketFolder(
        Bucket(
            url=settings.bucket_url,
            key_id=settings.bucket_key_id,
            secret=settings.bucket_secret,
            endpoint=settings.bucket_endpoint,
            region=settings.bucket_region,
        )
    )


def lender_of(parts: "Parts") -> "BucketFolder | LentPictures | None":
    """Where providers read pictures that they are not sent: in the user's own bucket, else, where
    they reach a server of ours, there or in the store of pictures."""
    reached_at = parts.settings.reached_at
    if parts.bucket is not None or reached_at is None:
        return parts.bucket
    from mcp_relight.storage.lent import LentPictures

    return LentPictures(
        base=reached_at, images=parts.images, lending=parts.store.lent, addresses=parts.objects
    )

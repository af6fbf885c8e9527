"""The port to the pictures on this machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .image import ImageInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An image reference that was taken in: the stored picture, a stem for result names, and the
    https address it came from, if any."""

    info: ImageInfo
    name: str
    url: str | None = None
    was_found: bool = False
    """Whether the reference did not name the file itself: `latest`, or a name that fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A picture file in an allowed folder, not decoded."""

    path: Path
    bytes: int
    arrived_ns: int
    modified_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One of many pictures that a reference names, not read yet. `identity` is another one once the
    file is; `folder` is where it lies, for what does."""

    reference: str
    name: str
    identity: str
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class FoundPage:
    found: tuple[Found, ...]
    cursor: str | None


class Library(Protocol):
    """Pictures on this machine that a caller may name."""

    async def take(self, reference: str) -> Taken:
        """A path, `file://`, `https://`, `data:`, `relight://images/…` or `latest`, as a stored
        image. Raises the RequestError that fits."""
        ...

    async def take_explicit(self, path: Path) -> Taken:
        """A path a person typed on the command line: its own permission."""
        ...

    async def several(self, reference: str) -> tuple[Listed, ...] | None:
        """The pictures of a folder, a pattern or a list; None for what names one picture. Raises
        InvalidArgument for none, or more than one call takes."""
        ...

    async def several_explicit(self, reference: str) -> tuple[Listed, ...] | None:
        """The same, typed on the command line."""
        ...

    async def find(
        self,
        folder: str | None,
        *,
        limit: int,
        query: str | None = None,
        cursor: str | None = None,
        results: bool = False,
    ) -> FoundPage:
        """Pictures, those that arrived last first; of our own only with `results`. `folder` must be
        inside the allowed folders, `query` is a part of a name."""
        ...

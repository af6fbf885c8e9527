"""The photo on the working grid: its pixels, its people, its subject."""

from dataclasses import dataclass

import cv2
import numpy as np

from . import people
from .color import decode, luminance
from .grid import Bits, Map, Pixels, beside, resize_pixels, working_size
from .mask import Subject, given_subject, search_subject
from .nets import NetUnavailable
from .people import People
from .saliency import salient

_EMPTY_MASK = "The mask selects nothing and was not used. Paint the subject white on black."
_ALL_SELECTED = (
    "The mask selects the whole picture and so has no outline: the subject in it was searched, as "
    "without a mask."
)
_NO_NETWORKS = (
    "The networks that find faces and subjects could not be loaded, so a simpler search was used. "
    "Reinstall mcp-relight to get them back."
)


@dataclass(frozen=True, slots=True)
class Seen:
    """`pixels` (H, W, 3) and `bright` (H, W), linear luminance, on the working grid.

    `support` is the given mask at full size, packed as `Analysis.support` is. `complete` is False
    where a network was missing.
    """

    pixels: Pixels
    bright: Map
    people: People
    subject: Subject
    support: Pixels
    full_size: tuple[int, int]
    complete: bool
    warnings: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        return self.bright.shape[0], self.bright.shape[1]

    @property
    def region(self) -> Bits:
        """The subject, or everything when there is none."""
        solid = self.subject.solid
        return solid if solid.any() else np.ones(self.size, np.bool_)


def look(rgb: Pixels, mask: Pixels | None, alpha: Pixels | None) -> Seen:
    """Look at a photo (H, W, 3) with its mask and transparency, where there are such."""
    full_size = rgb.shape[0], rgb.shape[1]
    size = working_size(*full_size)
    pixels = resize_pixels(rgb, size)
    bright = luminance(decode(pixels))
    given = given_subject(np.sqrt(bright), mask=mask, alpha=alpha)
    if given is not None and not given.is_all_selected:
        found, complete = people.find(rgb, size)
        subject = given
    else:
        found, subject, complete = _searched(rgb, pixels)
        if given is not None and subject.source == "none":
            subject = given  # a crop of a face, or of cloth: all of it is the subject
    source = mask if mask is not None and mask.any() else {"alpha": alpha}.get(subject.source)
    warnings = (_EMPTY_MASK,) if mask is not None and not mask.any() else ()
    if given is not None and subject is not given:
        warnings = (*warnings, _ALL_SELECTED)
    if not complete:
        warnings = (*warnings, _NO_NETWORKS)
    return Seen(
        pixels, bright, found, subject, _packed(source, full_size), full_size, complete, warnings
    )


def _searched(rgb: Pixels, pixels: Pixels) -> tuple[People, Subject, bool]:
    """The people, the subject as it stands out, and whether no network was missing. Both searches
    are done beside each other."""
    size = pixels.shape[0], pixels.shape[1]
    with beside(lambda: _salient(rgb)) as salient_map:
        found, complete = people.find(rgb, size)
        standing_out = salient_map() if complete else None
    subject = search_subject(pixels, size, standing_out, found.upright)
    return found, subject, standing_out is not None


def _salient(rgb: Pixels) -> Map | None:
    """None without the network."""
    try:
        return salient(rgb)
    except NetUnavailable:
        return None


def _packed(mask: Pixels | None, full_size: tuple[int, int]) -> Pixels:
    """Where a given mask is not black, at full size, one bit per pixel."""
    if mask is None:
        return np.zeros((0, 0), np.uint8)
    rows, columns = full_size
    if mask.shape != full_size:
        mask = np.asarray(
            cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8
        )
    return np.packbits(mask > 0, axis=1)

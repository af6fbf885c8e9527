"""Cut-outs that were trimmed to their outline: there the frame touches a thing, and cuts no part of
it off."""

import numpy as np

from .grid import Map

_TANGENT, _DEEPER = 0.7, 0.05
"""What a thing has at most, at a side that it only touches, of its width so far inside, in long
sides."""

_MARGIN = 0.04
"""In long sides."""


def framed(alpha: Map) -> tuple[Map, tuple[slice, slice]]:
    """(alpha with a margin, the rows and columns of the frame in it), (H, W) 0..1: nothing lies
    beyond a side that a thing only touches, and what runs into the frame goes on beyond it."""
    margin = max(2, round(_MARGIN * max(alpha.shape)))
    wide = np.pad(alpha, margin, mode="edge")
    for turned, whole in ((alpha, wide), (alpha.T, wide.T)):
        if _only_touches(turned):
            whole[:margin] = 0
        if _only_touches(turned[::-1]):
            whole[-margin:] = 0
    rows, columns = alpha.shape
    return wide, (slice(margin, margin + rows), slice(margin, margin + columns))


def _only_touches(alpha: Map) -> bool:
    """Whether what lies at the first row is much wider a little further in."""
    solid = alpha > 0.5
    inside = solid[min(round(_DEEPER * max(alpha.shape)), len(alpha) - 1)]
    return int(solid[0].sum()) < _TANGENT * int(inside.sum())

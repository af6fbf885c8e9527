"""Variants of one test, of which the default run takes some and the long suite all."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import pytest


def some_now(variants: Iterable[Any], now: int = 1, *, rows: bool = False) -> list[Any]:
    """The first `now` variants as they are, the others marked `long`.

    `rows`: each variant is a tuple with one value for each of several arguments.
    """
    listed = list(variants)
    later = [one if rows else (one,) for one in listed[now:]]
    return [*listed[:now], *(pytest.param(*one, marks=pytest.mark.long) for one in later)]


def slanted(*axes: Sequence[Any]) -> list[Any]:
    """All rows with one value of each axis; those of a slanting line stay in the default run, on
    which every value of every axis stands at least once, and the others are marked `long`."""
    longest = max(map(len, axes))
    line = {tuple(step % len(axis) for axis in axes) for step in range(longest)}
    return [
        pytest.param(
            *(axis[place] for axis, place in zip(axes, places, strict=True)),
            marks=() if places in line else pytest.mark.long,
        )
        for places in product(*(range(len(axis)) for axis in axes))
    ]

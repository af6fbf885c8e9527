"""Variants of one test, of which the default run takes some and the long suite all."""

from collections.abc import Iterable
from typing import Any

import pytest


def some_now(variants: Iterable[Any], now: int = 1, *, rows: bool = False) -> list[Any]:
    """The first `now` variants as they are, the others marked `long`.

    `rows`: each variant is a tuple with one value for each of several arguments.
    """
    listed = list(variants)
    later = [one if rows else (one,) for one in listed[now:]]
    return [*listed[:now], *(pytest.param(*one, marks=pytest.mark.long) for one in later)]

"""What owners entrust is sealed: bound to its row, by a ring whose texts are replaced in turn."""

import pytest

from mcp_relight.errors import Internal
from mcp_relight.jobs.sealing import KeyRing

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
SENTINEL = "pd_sentinel_0001"
ROW = {"owner": "acme", "provider": "pixeldojo"}


def test_what_was_sealed_opens_in_its_own_row_alone() -> None:
    ring = KeyRing([OLD])
    sealed = ring.seal(SENTINEL, **ROW)
    assert ring.open(sealed, **ROW) == SENTINEL
    assert SENTINEL not in sealed
    assert sealed != ring.seal(SENTINEL, **ROW)
    for other in ({"owner": "evil"}, {"provider": "pixazo"}):
        with pytest.raises(Internal, match="belongs to another row"):
            ring.open(sealed, **ROW | other)


def test_every_changed_letter_is_noticed() -> None:
    ring = KeyRing([OLD])
    sealed = ring.seal(SENTINEL, **ROW)
    for place in range(2, len(sealed) - 2):  # the last letters hold spare bits
        changed = "A" if sealed[place] != "A" else "B"
        with pytest.raises(Internal) as caught:
            ring.open(sealed[:place] + changed + sealed[place + 1 :], **ROW)
        assert SENTINEL not in str(caught.value)


def test_the_first_key_seals_and_all_open() -> None:
    before = KeyRing([OLD]).seal(SENTINEL, **ROW)
    both = KeyRing([NEW, OLD])
    assert both.open(before, **ROW) == SENTINEL
    assert not both.is_first(before)
    after = both.seal(SENTINEL, **ROW)
    assert both.is_first(after)
    assert KeyRing([NEW]).open(after, **ROW) == SENTINEL


@pytest.mark.parametrize(
    ("ring", "words"), [([NEW], "does not hold"), ([], "is not set")], ids=["wrong", "none"]
)
def test_a_wrong_ring_is_named(ring: list[bytes], words: str) -> None:
    sealed = KeyRing([OLD]).seal(SENTINEL, **ROW)
    with pytest.raises(Internal, match=f"MCP_RELIGHT_KEY_RING {words}"):
        KeyRing(ring).open(sealed, **ROW)


def test_nothing_is_sealed_without_a_ring() -> None:
    with pytest.raises(Internal, match="MCP_RELIGHT_KEY_RING is not set"):
        KeyRing([]).seal(SENTINEL, **ROW)

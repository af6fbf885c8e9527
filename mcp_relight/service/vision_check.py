"""A picture with two words on it: whoever can say them has seen it.

Clients show pictures to the person, to the model, to both or to neither, and no protocol says
which. The words change daily and differ between data folders, so that no model can know them.
"""

import hashlib
from datetime import UTC, datetime, timedelta

TEST_PICTURE = "relight://test-picture"
TEST_PICTURE_LINE = (
    "This is the test picture of mcp-relight. Say the two words you see in it. If you see no "
    "picture, say exactly that: do not guess."
)

_FIRST = (
    "amber", "brave", "clever", "copper", "crimson", "dusty", "early", "frozen",
    "gentle", "golden", "hidden", "hollow", "ivory", "lively", "lucky", "marble",
    "mellow", "misty", "noble", "olive", "polite", "quiet", "rapid", "rustic",
    "silver", "simple", "sunny", "tender", "velvet", "violet", "wild", "winter",
)  # fmt: skip
_SECOND = (
    "acorn", "anchor", "badger", "beacon", "bridge", "candle", "canyon", "castle",
    "cherry", "comet", "dolphin", "falcon", "feather", "forest", "garden", "harbor",
    "island", "kettle", "ladder", "lantern", "meadow", "mirror", "otter", "pebble",
    "pepper", "planet", "ribbon", "saddle", "teapot", "thunder", "tunnel", "walnut",
)  # fmt: skip


def code_words(secret: bytes, at: datetime | None = None) -> str:
    """The words on the picture on that day (UTC; today unless given)."""
    day = (at or datetime.now(UTC)).date().isoformat()
    digest = hashlib.sha256(secret + day.encode()).digest()
    return f"{_FIRST[digest[0] % len(_FIRST)]} {_SECOND[digest[1] % len(_SECOND)]}"


def names_code_words(said: str, secret: bytes) -> bool:
    """Whether somebody said the words of today, or of yesterday if midnight came between."""
    now = datetime.now(UTC)
    words = " ".join(said.lower().replace("-", " ").split())
    return any(code_words(secret, at) in words for at in (now, now - timedelta(days=1)))

"""Names of files that people see, made from names strangers gave."""

import unicodedata

from .windows_names import is_plain_windows_path

MAX_STEM_CHARS = 80
NO_NAME = "photo"

_MAX_STEM_BYTES = 200
"""File systems count bytes: 255 of them, with number and extension."""

_SEPARATORS = frozenset('/\\<>:"|?*')


def safe_stem(name: str) -> str:
    """`name` as the stem of a file name that is valid on every system; `photo` when nothing is
    left. No separators, control characters, leading dots or reserved names; at most 80 characters.
    """
    plain = "".join(
        "-" if char in _SEPARATORS else char
        for char in unicodedata.normalize("NFC", name)
        if unicodedata.category(char)[0] != "C"
    )
    stem = _shortened(plain.strip(". "))
    if not stem:
        return NO_NAME
    return stem if is_plain_windows_path(stem) else _shortened(f"{NO_NAME}-{stem}")


def _shortened(stem: str) -> str:
    whole = stem[:MAX_STEM_CHARS].encode()[:_MAX_STEM_BYTES].decode(errors="ignore")
    return whole.rstrip(". ")

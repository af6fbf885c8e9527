"""Names of files that people see, made from names strangers gave."""

import unicodedata
from pathlib import PureWindowsPath

MAX_STEM_CHARS = 80
NO_NAME = "photo"

_MAX_STEM_BYTES = 200
"""File systems count bytes: 255 of them, with number and extension."""

# Zero-width joiners hold emoji and Persian words together.
_JOINERS = frozenset("\u200c\u200d")
_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
_SEPARATORS = frozenset('/\\<>:"|?*')


def is_plain(name: str) -> bool:
    """Whether a name shows all that is in it: no line breaks, terminal codes, turned or hidden
    writing (bidirectional marks, tag characters), nor bytes that are no text."""
    return all(char in _JOINERS or unicodedata.category(char) not in _UNSEEN for char in name)


def safe_stem(name: str) -> str:
    """`name` as the stem of a file name that is valid on every system; `photo` when nothing is
    left. No separators, control characters, leading dots or reserved names; at most 80 characters.
    """
    plain = "".join(
        "-" if char in _SEPARATORS else char
        for char in unicodedata.normalize("NFC", name)
        if unicodedata.category(char) not in _UNSEEN
    )
    stem = _shortened(plain.strip(". "))
    if not stem:
        return NO_NAME
    return stem if is_plain_windows_path(stem) else _shortened(f"{NO_NAME}-{stem}")


def _shortened(stem: str) -> str:
    whole = stem[:MAX_STEM_CHARS].encode()[:_MAX_STEM_BYTES].decode(errors="ignore")
    return whole.rstrip(". ")


_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"]
)
_FORBIDDEN = frozenset('<>:"|?*')


def is_plain_windows_path(text: str) -> bool:
    """Whether `text` names a file by drive and folders, or by folders alone.

    Not plain: shares and device paths (two leading separators), `C:name` and `\\name` (they depend
    on hidden state), streams, reserved device names, names ending in a dot or a space (Windows
    drops them, so two texts would name one file).
    """
    path = PureWindowsPath(text)
    if text[:2].replace("\\", "/") == "//" or bool(path.drive) != bool(path.root):
        return False
    names = path.parts[1:] if path.anchor else path.parts
    return all(name == ".." or _is_plain_name(name) for name in names)


def _is_plain_name(name: str) -> bool:
    if _FORBIDDEN & set(name) or name.endswith((".", " ")):
        return False
    return name.partition(".")[0].rstrip(" ").lower() not in _DEVICES

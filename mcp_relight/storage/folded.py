"""Names as people and models write them back: other cases, accents, spaces, quotes, no extension.

macOS puts a narrow no-break space before AM and PM; file systems, archives and synchronizers store
accents in one or two characters; clients write %20. Names that differ in nothing else are the same.
Source: Unicode UAX #15 (normalization); the quotes and dashes of keyboards that mend as one types.
"""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePath

PICTURE_EXTENSIONS = frozenset(
    [".png", ".jpg", ".jpeg", ".jpe", ".webp", ".avif", ".gif", ".heic", ".heif"]
)

_ALIKE = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u00b4`\u2032", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
)
_UNSEEN = ("Mn", "Cf", "Cc")
_BETWEEN_WORDS = re.compile(r"[\s._,;()\[\]'\"-]+")
_LEAST_WORD_CHARS = 3


def folded(name: str) -> str:
    """What names that look or sound the same have in common."""
    plain = unicodedata.normalize("NFKD", name.replace("%20", " ").translate(_ALIKE))
    seen = "".join(char for char in plain if unicodedata.category(char) not in _UNSEEN)
    return " ".join(unicodedata.normalize("NFKD", seen.casefold()).split())


def holds(name: str, query: str) -> bool:
    """Whether a file of that name is meant by a part of one: every word is somewhere in it."""
    words = _words(_without_extension(query))
    loose = " ".join(_words(name))
    return bool(words) and all(word in loose for word in words)


def fitting(reference: str, paths: Iterable[Path]) -> list[Path]:
    """The paths that a reference means, which names none of them exactly.

    The same name but for what is folded; a folder in the reference must be the file's own. A bare
    name may also be some whole words of the file's.
    """
    pure = PurePath(reference)
    name = folded(pure.name)
    if not name or name in (".", ".."):
        return []
    all_paths = list(paths)
    same = [path for path in all_paths if name in (folded(path.name), folded(path.stem))]
    if pure.parent.parts:
        return [path for path in same if _is_below(path.parent, pure.parent)]
    words = set(_words(_without_extension(reference)))
    if same or max(map(len, words), default=0) < _LEAST_WORD_CHARS:
        return same
    return [path for path in all_paths if words <= set(_words(path.stem))]


def _is_below(folder: Path, named: PurePath) -> bool:
    """Whether a folder is the one named, or ends in it where the name is relative."""
    wanted = [folded(part) for part in named.parts]
    own = [folded(part) for part in folder.parts]
    return own == wanted if named.is_absolute() else own[-len(wanted) :] == wanted


def _without_extension(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return stem if stem and dot + extension.lower() in PICTURE_EXTENSIONS else name


def _words(text: str) -> list[str]:
    return [word for word in _BETWEEN_WORDS.split(folded(text)) if word]

"""Which names files may have; and reading a local picture, and nothing but a picture somebody was
allowed to name.

`local_paths` turns what a caller wrote into paths; `read_under` reads one if it lies inside one of
the allowed folders; `read_explicit` reads a path a person typed at the command line, which is its
own permission. These calls block on the disk: run them in a worker thread.

Missing, forbidden and malformed are answered with one identical text, so that answers say nothing
about files outside the allowed folders. `a.png/` and `a.png/.` mean `a.png`, as pathlib reads them.
A hard link inside an allowed folder is a file of that folder.

On Windows there is no walk by directory handle: a folder swapped for a link between the check and
the open is out of scope there. Reserved names, streams and device paths are refused instead.
"""

import os
import re
import stat
import unicodedata
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote, urlsplit

from mcp_relight.errors import ImageNotFound, ImageTooLarge, RequestError

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


MAX_REFERENCE_CHARS = 4096

_WINDOWS = os.name == "nt"
_CAN_WALK = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_DRIVE = re.compile(r"[a-z]:[\\/]", re.IGNORECASE)


def local_path(reference: str) -> Path:
    """The path a reference names: absolute, `~/…`, relative to the working folder or `file://…`.

    Nothing but the home and the working folder is looked up. Raises ImageNotFound for anything
    that is not a plain path of this system.
    """
    if not 0 < len(reference) <= MAX_REFERENCE_CHARS or _has_control_characters(reference):
        raise _not_found()
    text = _path_of_file_url(reference) if _is_file_url(reference) else reference
    plain = is_plain_windows_path(text) if _WINDOWS else _is_plain_posix_path(text)
    if not plain:
        raise _not_found()
    return _anchored(text)


def written_path(reference: str) -> str | None:
    """A reference as text of a path, `~` and `file://` undone; None for what is none."""
    try:
        path = local_path(reference)
    except ImageNotFound:
        return None
    is_absolute = _is_file_url(reference) or reference.startswith("~")
    return str(path) if is_absolute else reference


def local_paths(reference: str, folders: Sequence[Path]) -> list[Path]:
    """Where a reference may lie: as `local_path` says; a relative one then in each of `folders`.

    A person says "relight mug.jpg", and no chat client starts its servers where photos are.
    Raises as `local_path`.
    """
    path = local_path(reference)
    if _is_file_url(reference) or reference.startswith("~") or Path(reference).is_absolute():
        return [path]
    return [path, *(folder.expanduser() / reference for folder in folders)]


def read_under(path: Path, roots: Sequence[Path], *, max_bytes: int) -> bytes:
    """The bytes of the regular file at `path`, if it really lies inside one of `roots`.

    Links are followed first and the place they end at is judged; from the root down to it every
    component is then opened without following links, so a folder swapped for a link in between
    leads nowhere. Names with a leading dot are refused below a root.

    Raises ImageNotFound (missing or forbidden, one text; a folder inside a root has its own) or
    ImageTooLarge.
    """
    real = _resolved(path)
    for root in _existing(roots):
        if real.is_relative_to(root):
            inner = real.relative_to(root)
            if not any(part.startswith(".") for part in inner.parts):
                return _read_inside(root, inner, max_bytes)
    raise _not_found()


def read_explicit(path: Path, *, max_bytes: int) -> bytes:
    """The bytes of the regular file at `path`, wherever it is. For command line arguments only.

    Raises ImageNotFound or ImageTooLarge.
    """
    try:
        descriptor = os.open(path, _READ_FLAGS)
    except (OSError, ValueError):
        raise _folder() if path.is_dir() else _not_found() from None
    try:
        return _read_regular(descriptor, max_bytes)
    finally:
        os.close(descriptor)


# O_NONBLOCK: opening a named pipe must not wait for a writer. O_BINARY: Windows would otherwise
# translate line ends.
_READ_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


def _is_file_url(reference: str) -> bool:
    return reference[:5].lower() == "file:"


def _path_of_file_url(reference: str) -> str:
    """The decoded path of `file:///…` or `file://localhost/…`."""
    try:
        parts = urlsplit(reference)
        text = unquote(parts.path, errors="strict")
    except ValueError:
        raise _not_found() from None
    well_formed = (
        reference[5:7] == "//"
        and parts.netloc.lower() in ("", "localhost")
        # Read from the text: urlsplit does not tell an empty query from none.
        and not {"?", "#", "\\"} & set(reference)
        and text.startswith("/")
        and "%2f" not in reference.lower()
        and not _has_control_characters(text)
    )
    if not well_formed:
        raise _not_found()
    return text[1:] if _WINDOWS else text


def _is_plain_posix_path(text: str) -> bool:
    foreign = (
        "\\" in text
        or text.startswith("//")
        or _ADDRESS.match(text) is not None
        or _DRIVE.match(text) is not None
    )
    return not foreign


def _anchored(text: str) -> Path:
    in_home = text == "~" or text.startswith("~/") or (_WINDOWS and text.startswith("~\\"))
    if text.startswith("~") and not in_home:
        raise _not_found()
    path = Path(text)
    try:
        if in_home:
            return Path.home() / text[2:]
        return path if path.is_absolute() else Path.cwd() / path
    except (OSError, RuntimeError):  # the working folder was deleted; nobody's home is known
        raise _not_found() from None


def _has_control_characters(text: str) -> bool:
    # Surrogates (Cs) are halves of characters; no file system name can be made of them.
    return any(unicodedata.category(char) in ("Cc", "Cs") for char in text)


def _resolved(path: Path) -> Path:
    # RuntimeError: how Python before 3.13 reports a loop of links.
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise _not_found() from None


def _existing(roots: Sequence[Path]) -> Iterator[Path]:
    for root in roots:
        try:
            yield root.expanduser().resolve(strict=True)
        except (OSError, RuntimeError):
            continue


def _read_inside(root: Path, inner: Path, max_bytes: int) -> bytes:
    if not _CAN_WALK:
        return read_explicit(root / inner, max_bytes=max_bytes)
    with _walked(root, inner.parts) as descriptor:
        return _read_regular(descriptor, max_bytes)


@contextmanager
def _walked(root: Path, parts: Sequence[str]) -> Generator[int, None, None]:
    """A descriptor of the file `parts` below `root`, reached without following a single link."""
    descriptor = -1
    try:
        descriptor = os.open(root, _READ_FLAGS | os.O_DIRECTORY | os.O_NOFOLLOW)
        for depth, part in enumerate(parts, start=1):
            directory = os.O_DIRECTORY if depth < len(parts) else 0
            parent = descriptor
            descriptor = os.open(part, _READ_FLAGS | os.O_NOFOLLOW | directory, dir_fd=parent)
            os.close(parent)
    except OSError:
        if descriptor >= 0:
            os.close(descriptor)
        raise _not_found() from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read_regular(descriptor: int, max_bytes: int) -> bytes:
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise _folder()
    if not stat.S_ISREG(status.st_mode):
        raise _not_found()
    if status.st_size > max_bytes:
        raise _too_large(max_bytes)
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    except OSError:
        raise _not_found() from None
    if len(content) > max_bytes:  # it grew after fstat, or the file system does not know its size
        raise _too_large(max_bytes)
    return content


def _not_found() -> RequestError:
    return ImageNotFound("No picture can be read at this path.")


def _folder() -> RequestError:
    return ImageNotFound(
        "The path is a folder, not a picture.",
        hint="Name one file in it, or call find_images to see the pictures it holds.",
    )


def _too_large(max_bytes: int) -> RequestError:
    return ImageTooLarge(
        f"The file has more than {max_bytes:,} bytes.", hint="Give a smaller version."
    )

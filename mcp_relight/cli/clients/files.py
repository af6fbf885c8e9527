"""A client's configuration file: read, saved beside itself, and written in one step."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from mcp_relight.errors import InvalidArgument, LocalError

_BOM = b"\xef\xbb\xbf"
_BY_HAND = "Correct it, or use --dry-run and add the entry by hand."


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """`path` is where a link to it leads. `text` is empty, `exists` False where there is none."""

    path: Path
    text: str
    exists: bool
    has_bom: bool
    mode: int

    def save(self) -> Path | None:
        """Copy the file beside itself under the first number that is free; None where there is no
        file. Raises LocalError."""
        if not self.exists:
            return None
        number = 1 + max((n for n, _ in _numbered(self.path)), default=0)
        copy = self.path.with_name(f"{self.path.name}.bak-{number}")
        _write(copy, self._encoded(self.text), self.mode)
        return copy

    def write(self, text: str) -> None:
        """Raises LocalError."""
        _write(self.path, self._encoded(text), self.mode)

    def _encoded(self, text: str) -> bytes:
        return (_BOM if self.has_bom else b"") + text.encode("utf-8")


def read(path: Path) -> ConfigFile:
    """Raises InvalidArgument for a file that cannot be read, or that nobody may write."""
    try:
        path = path.resolve()
        data = path.read_bytes()
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return ConfigFile(path, "", exists=False, has_bom=False, mode=0o600)
    except (OSError, RuntimeError):
        raise InvalidArgument(
            "The client's configuration file cannot be read.", hint=_BY_HAND
        ) from None
    if not mode & 0o222:
        raise InvalidArgument(
            "The client's configuration file is read-only.",
            hint="Make it writable, or use --dry-run and add the entry by hand.",
        )
    has_bom = data.startswith(_BOM)
    try:
        text = data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidArgument(
            "The client's configuration file is not in UTF-8.", hint=_BY_HAND
        ) from None
    return ConfigFile(path, text, exists=True, has_bom=has_bom, mode=mode)


def backups(path: Path) -> list[Path]:
    """The copies `save` made of this file, newest first."""
    return [copy for _, copy in sorted(_numbered(path), reverse=True)]


def _numbered(path: Path) -> list[tuple[int, Path]]:
    prefix = f"{path.name}.bak-"
    copies = path.parent.iterdir() if path.parent.is_dir() else ()
    found = [(copy.name.removeprefix(prefix), copy) for copy in copies]
    return [(int(number), copy) for number, copy in found if number.isdecimal()]


def _write(path: Path, data: bytes, mode: int) -> None:
    """At no moment readable by more people than `mode` allows: clients keep keys and tokens in
    these files."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise LocalError(
            "The client's configuration folder cannot be written.",
            hint="Use --dry-run and add the entry by hand.",
        ) from None

"""Which texts are plain file paths on Windows.

Windows reads devices, streams and other machines' shares out of file names. The rules follow
"Naming Files, Paths, and Namespaces" in Microsoft's documentation of the Win32 file system.
"""

from pathlib import PureWindowsPath

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

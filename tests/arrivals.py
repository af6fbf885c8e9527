"""Files that arrive one after the other, by the file system's own clock, which ticks coarsely."""

from pathlib import Path


def put_after_all(path: Path, data: bytes) -> Path:
    """Write a file and see that it arrives after every other in its folder and those beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    newest = max(
        (one.lstat().st_ctime_ns for one in path.parent.parent.rglob("*") if one.is_file()),
        default=0,
    )
    while True:
        path.write_bytes(data)
        if path.stat().st_ctime_ns > newest:
            return path

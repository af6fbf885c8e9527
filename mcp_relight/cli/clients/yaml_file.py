"""One entry of goose's `config.yaml`, edited line by line.

No YAML reader is among what we depend on, so only the plain form is touched that goose itself
writes: `extensions:` at the left edge, one block below it for each, one line for each value. What
is written otherwise is refused, untouched.
"""

import json
import re
from typing import Any

_EMPTY = re.compile(r"^extensions:\s*(?:\{\s*\}|null|~)?\s*(?:#.*)?$")
_OTHER = re.compile(r"^extensions\s*:")
_VALUE = re.compile(r"^(\s+)([A-Za-z_]+):\s*(.*?)\s*$")


def get(text: str, name: str) -> dict[str, Any] | None:
    """The entry's values that stand in one line each. Raises ValueError for another form."""
    lines = text.splitlines()
    found = _block(lines, name)
    if found is None:
        return None
    entry: dict[str, Any] = {}
    for line in filter(str.strip, lines[found[0] + 1 : found[1]]):
        match = _VALUE.match(line)
        if match is None:
            raise ValueError("the entry is written in another way")
        entry[match.group(2)] = _scalar(match.group(3))
    return entry


def put(text: str, name: str, entry: dict[str, Any]) -> str:
    """The text with this entry. Raises ValueError for a form that is not the plain one."""
    newline = "\r\n" if "\r\n" in text else "\n"
    if get(text, name) == entry:
        return text
    lines = text.splitlines()
    top = _top(lines)
    found = _block(lines, name)
    if top is None:
        lines += ["extensions:", *_written(name, entry, "  ")]
    elif found is not None:
        lines[found[0] : found[1]] = _written(name, entry, _indent(lines[found[0]]))
    else:
        lines[top] = "extensions:"
        below = next((line for line in lines[top + 1 :] if line.strip()), "")
        lines[top + 1 : top + 1] = _written(name, entry, _indent(below) or "  ")
    return newline.join(lines) + newline


def drop(text: str, name: str) -> str:
    """The text without the entry, which must be there."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    found = _block(lines, name)
    if found is None:
        raise ValueError("there is no such entry")
    del lines[found[0] : found[1]]
    return newline.join(lines) + newline if lines else ""


def _top(lines: list[str]) -> int | None:
    """The line of `extensions:`. Raises ValueError where it holds something in the line itself."""
    for at, line in enumerate(lines):
        if "\t" in line or line.startswith(("---", "%")):
            raise ValueError("the file is written in another way")
        if _EMPTY.match(line):
            return at
        if _OTHER.match(line):
            raise ValueError("extensions is written in another way")
    return None


def _block(lines: list[str], name: str) -> tuple[int, int] | None:
    """The lines of the entry: from its name to the next line that is indented no deeper."""
    top = _top(lines)
    if top is None:
        return None
    depth: int | None = None
    start: int | None = None
    for at in range(top + 1, len(lines)):
        line = lines[at]
        if not line.strip():
            continue
        indent = len(_indent(line))
        if start is not None and depth is not None and indent <= depth:
            return start, at
        if line.lstrip().startswith("#"):
            continue
        depth = indent if depth is None else depth
        if indent == 0:
            return None
        if indent == depth and re.fullmatch(rf'\s*"?{re.escape(name)}"?:\s*', line):
            start = at
    return None if start is None else (start, len(lines))


def _written(name: str, entry: dict[str, Any], indent: str) -> list[str]:
    values = (f"{indent}  {key}: {json.dumps(entry[key], ensure_ascii=False)}" for key in entry)
    return [f"{indent}{name}:", *values]


def _scalar(text: str) -> Any:
    """JSON is YAML; a plain word is a string."""
    try:
        return json.loads(text)
    except ValueError:
        if text[:1] in "[{&*!|>'\"":
            raise ValueError("the entry is written in another way") from None
        return text


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]

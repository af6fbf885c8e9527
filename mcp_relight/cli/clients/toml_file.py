"""One table of a TOML file, edited line by line; the result is read again before it counts."""

import json
import re
import tomllib
from typing import Any, cast

_HEADER = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?$")


def get(text: str, table: str, name: str) -> dict[str, Any] | None:
    """The entry `[table.name]`. Raises ValueError for text that is no TOML, or another kind of
    entry."""
    servers: Any = tomllib.loads(text).get(table, {})
    entry: Any = servers.get(name) if isinstance(servers, dict) else servers  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if entry is not None and not isinstance(entry, dict):
        raise ValueError("a table is needed here")
    return cast(dict[str, Any] | None, entry)


def put(text: str, table: str, name: str, entry: dict[str, Any]) -> str:
    """The text with this entry. Raises ValueError where that cannot be done without touching
    other lines."""
    known = get(text, table, name)
    if known == entry:
        return text
    wanted = tomllib.loads(text)
    wanted.setdefault(table, {})[name] = entry
    newline = "\r\n" if "\r\n" in text else "\n"
    if known is None:
        gap = "" if not text else newline if text.endswith("\n") else newline * 2
        lines = [f"[{table}.{name}]", *(_assignment(key, entry[key]) for key in entry)]
        text += gap + newline.join(lines) + newline
    else:
        text = _changed(text, f"{table}.{name}", known, entry)
    return _checked(text, wanted)


def drop(text: str, table: str, name: str) -> str:
    """The text without the entry. Raises ValueError where other lines would go with it."""
    wanted = tomllib.loads(text)
    del wanted[table][name]
    if not wanted[table]:
        del wanted[table]
    lines = text.splitlines(keepends=True)
    ours = _lines_of(lines, f"{table}.{name}")
    if not ours:
        raise ValueError("the entry is written in another way")
    if ours[0] > 0 and not lines[ours[0] - 1].strip():
        ours = [ours[0] - 1, *ours]
    kept = "".join(line for at, line in enumerate(lines) if at not in set(ours))
    return _checked(kept, wanted)


def _changed(text: str, header: str, known: dict[str, Any], entry: dict[str, Any]) -> str:
    """Other values for some keys of a table that is there; its other lines stay."""
    lines = text.splitlines(keepends=True)
    ours = _lines_of(lines, header)
    if not ours:
        raise ValueError("the entry is written in another way")
    newline = "\r\n" if "\r\n" in text else "\n"
    for key, value in entry.items():
        if known.get(key) == value:
            continue
        below = _lines_of(lines, f"{header}.{key}")
        changes = {key: value}
        if below:  # a table of its own: only what is new in it
            old, new = known.get(key, {}), cast(dict[str, Any], value)
            changes = {inner: new[inner] for inner in new if old.get(inner) != new[inner]}
        for name, written in changes.items():
            at, count = _assigned(lines, (below or ours)[0] + 1, name)
            lines[at : at + count] = [_assignment(name, written) + newline]
    return "".join(lines)


def _lines_of(lines: list[str], header: str) -> list[int]:
    """The numbers of the lines of a table and of the tables below it."""
    found: list[int] = []
    inside = False
    for at, line in enumerate(lines):
        if match := _HEADER.match(line):
            title = match.group(1).replace('"', "").replace(" ", "")
            inside = title == header or title.startswith(header + ".")
        if inside:
            found.append(at)
    while found and not lines[found[-1]].strip():
        found.pop()
    return found


def _assigned(lines: list[str], start: int, key: str) -> tuple[int, int]:
    """Where a key of the table that starts here gets its value, and over how many lines; at the
    table's top, over none, where it gets none."""
    for at in range(start, len(lines)):
        if _HEADER.match(lines[at]):
            break
        if not re.match(rf'\s*"?{re.escape(key)}"?\s*=', lines[at]):
            continue
        for count in range(1, len(lines) - at + 1):
            try:
                tomllib.loads("".join(lines[at : at + count]))
            except tomllib.TOMLDecodeError:
                continue
            return at, count
    return start, 0


def _assignment(key: str, value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(_assignment(*pair) for pair in cast(dict[str, Any], value).items())
        return f"{key} = {{ {inner} }}"
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"


def _checked(text: str, wanted: dict[str, Any]) -> str:
    if tomllib.loads(text) != wanted:
        raise ValueError("the entry is written in another way")
    return text

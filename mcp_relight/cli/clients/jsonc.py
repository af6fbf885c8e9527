"""JSON with comments and trailing commas, edited in place: all that is not changed stays as typed.

The dialect of VS Code and Zed; plain JSON is part of it.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

_SKIP = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_DECODER = json.JSONDecoder()

Path = tuple[str, ...]


@dataclass(slots=True)
class Node:
    """A value and where it stands in the text: `text[start:end]`."""

    start: int
    end: int
    value: Any
    members: list["Member"] | None = None
    """Of an object, in order; None for everything else."""


@dataclass(slots=True)
class Member:
    start: int
    """Of the key."""
    key: str
    node: Node
    comma: int | None = field(default=None)
    """Where the comma after it stands, if there is one."""


def parse(text: str) -> Node:
    """The whole text as one value. Raises ValueError where it is none, or names a key twice."""
    start = _skip(text, 0)
    root = _value(text, start)
    if _skip(text, root.end) != len(text):
        raise ValueError("something follows the value")
    return root


def get(text: str, path: Path) -> Any:
    """The value at `path`, None where there is none. Raises ValueError for text that is no JSON."""
    if not text.strip():
        return None
    node: Node | None = parse(text)
    for key in path:
        node = _find(node, key)
    return node.value if node else None


def put(text: str, path: Path, value: Any) -> str:
    """The text with `value` at `path`; objects on the way are made, and a null there counts as
    none. Raises ValueError where something else is in the way."""
    if not text.strip():
        return json.dumps(_nested(path, value), indent=2, ensure_ascii=False) + "\n"
    node = parse(text)
    for depth, key in enumerate(path):
        if node.value is None:
            return _replace(text, node, _nested(path[depth:], value))
        if node.members is None:
            raise ValueError("an object is needed here")
        below = _find(node, key)
        if below is None:
            return _insert(text, node, key, _nested(path[depth + 1 :], value))
        node = below
    return text if node.value == value else _replace(text, node, value)


def drop(text: str, path: Path) -> str:
    """The text without the member at `path`, which must be there."""
    node = parse(text)
    for key in path[:-1]:
        below = _find(node, key)
        if below is None:
            raise ValueError("there is no such member")
        node = below
    members = node.members or []
    index = next(i for i, member in enumerate(members) if member.key == path[-1])
    member = members[index]
    start = _line_start(text, member.start)
    if member.comma is not None:
        return text[:start] + text[member.comma + 1 :]
    if index == 0:
        return text[:start] + text[member.node.end :]
    comma = members[index - 1].comma or members[index - 1].node.end
    return text[:comma] + text[comma + 1 : start] + text[member.node.end :]


def _line_start(text: str, start: int) -> int:
    """Where to cut before a key: with the white space and the end of line before it."""
    while start > 0 and text[start - 1] in " \t":
        start -= 1
    if start > 0 and text[start - 1] == "\n":
        start -= 2 if text[start - 2 : start] == "\r\n" else 1
    return start


def _skip(text: str, at: int) -> int:
    match = _SKIP.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int) -> Node:
    if text[at : at + 1] == "{":
        return _object(text, at)
    if text[at : at + 1] == "[":
        return _array(text, at)
    value, end = _DECODER.raw_decode(text, at)
    return Node(at, end, value)


def _object(text: str, at: int) -> Node:
    members: list[Member] = []
    position = _skip(text, at + 1)
    while text[position : position + 1] != "}":
        if members and members[-1].comma is None:
            raise ValueError("a comma is missing")
        key, end = _DECODER.raw_decode(text, position)
        colon = _skip(text, end)
        if not isinstance(key, str) or text[colon : colon + 1] != ":":
            raise ValueError("a key and a colon are needed")
        if any(member.key == key for member in members):
            raise ValueError("a key stands twice")
        member = Member(position, key, _value(text, _skip(text, colon + 1)))
        members.append(member)
        position = _skip(text, member.node.end)
        if text[position : position + 1] == ",":
            member.comma = position
            position = _skip(text, position + 1)
    value = {member.key: member.node.value for member in members}
    return Node(at, position + 1, value, members)


def _array(text: str, at: int) -> Node:
    values: list[Any] = []
    position = _skip(text, at + 1)
    needs_comma = False
    while text[position : position + 1] != "]":
        if needs_comma:
            raise ValueError("a comma is missing")
        node = _value(text, position)
        values.append(node.value)
        position = _skip(text, node.end)
        needs_comma = text[position : position + 1] != ","
        if not needs_comma:
            position = _skip(text, position + 1)
    return Node(at, position + 1, values)


def _find(node: Node | None, key: str) -> Node | None:
    members = node.members if node else None
    return next((member.node for member in members or () if member.key == key), None)


def _nested(path: Path, value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _replace(text: str, node: Node, value: Any) -> str:
    return (
        text[: node.start] + _written(text, value, _indent_at(text, node.start)) + text[node.end :]
    )


def _insert(text: str, parent: Node, key: str, value: Any) -> str:
    """As the last member, written as the others are: a line each, or all on one line."""
    members = parent.members or []
    outer = _indent_at(text, parent.start)
    name = json.dumps(key, ensure_ascii=False) + ": "
    newline = _newline(text)
    if members and _indent_of(text, members[0].start) is None:
        last = members[-1].node.end
        compact = json.dumps(value, ensure_ascii=False)
        return f"{text[:last]}, {name}{compact}{text[last:]}"
    indent = _indent_of(text, members[0].start) if members else None
    if indent is None:
        indent = outer + _unit(text)
    line = newline + indent + name + _written(text, value, indent)
    if members and members[-1].comma is None:
        last = members[-1].node.end
        text = text[:last] + "," + text[last:]
        parent_end = parent.end + 1
    else:
        parent_end = parent.end
    brace = parent_end - 1
    tail = text[parent.start + 1 : brace]
    kept = tail.rstrip()
    after = tail[len(kept) :] if "\n" in tail[len(kept) :] else newline + outer
    return text[: parent.start + 1] + kept + line + after + text[brace:]


def _written(text: str, value: Any, indent: str) -> str:
    lines = json.dumps(value, indent=_unit(text), ensure_ascii=False).split("\n")
    return (_newline(text) + indent).join(lines)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _unit(text: str) -> str:
    """What one level is indented by."""
    match = re.search(r"\n([ \t]+)\S", text)
    return match.group(1) if match else "  "


def _indent_of(text: str, at: int) -> str | None:
    """The white space before `at` on its line; None where something else stands there too."""
    start = text.rfind("\n", 0, at) + 1
    before = text[start:at]
    return before if start and not before.strip() else None


def _indent_at(text: str, at: int) -> str:
    """How the line that holds `at` is indented."""
    start = text.rfind("\n", 0, at) + 1
    match = re.match(r"[ \t]*", text[start:])
    return match.group() if match else ""

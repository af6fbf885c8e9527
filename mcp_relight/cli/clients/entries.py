"""Our entry in a client's configuration: read, put in, taken out, in that client's own format."""

from pathlib import Path
from typing import Any, cast

from mcp_relight.errors import InvalidArgument

from . import files, jsonc, toml_file, yaml_file
from .places import NAME, Client


def find(client: Client, text: str) -> dict[str, Any] | None:
    """The entry that is there. Raises InvalidArgument for a file nobody can edit safely."""
    try:
        match client.format:
            case "toml":
                return toml_file.get(text, client.key, NAME)
            case "yaml":
                return yaml_file.get(text, NAME)
            case _:
                entry = jsonc.get(text, (client.key, NAME))
    except (ValueError, RecursionError):
        raise _refused() from None
    if entry is not None and not isinstance(entry, dict):
        raise _refused()
    return cast(dict[str, Any] | None, entry)


def put(client: Client, text: str, entry: dict[str, Any]) -> str:
    """The text with this entry; every other line stays. Raises InvalidArgument."""
    try:
        match client.format:
            case "toml":
                return toml_file.put(text, client.key, NAME, entry)
            case "yaml":
                return yaml_file.put(text, NAME, entry)
            case _:
                return _put_json(text, (client.key, NAME), entry)
    except (ValueError, RecursionError):
        raise _refused() from None


def drop(client: Client, text: str) -> str:
    """The text without our entry, which must be there. Raises InvalidArgument."""
    try:
        match client.format:
            case "toml":
                return toml_file.drop(text, client.key, NAME)
            case "yaml":
                return yaml_file.drop(text, NAME)
            case _:
                return jsonc.drop(text, (client.key, NAME))
    except (ValueError, RecursionError):
        raise _refused() from None


def origin(client: Client, file: files.ConfigFile, entry: dict[str, Any]) -> Path | None:
    """The copy that became this file by nothing but `put` of this entry."""
    for copy in files.backups(file.path):
        before = files.read(copy)
        try:
            if find(client, before.text) is None and put(client, before.text, entry) == file.text:
                return copy
        except InvalidArgument:
            continue
    return None


def _put_json(text: str, path: jsonc.Path, entry: dict[str, Any]) -> str:
    """Only what differs is written anew, so that comments inside an entry survive."""
    if not isinstance(jsonc.get(text, path), dict):
        return jsonc.put(text, path, entry)
    for key, value in entry.items():
        if isinstance(value, dict) and isinstance(jsonc.get(text, (*path, key)), dict):
            for name, inner in cast(dict[str, Any], value).items():
                text = jsonc.put(text, (*path, key, name), inner)
        else:
            text = jsonc.put(text, (*path, key), value)
    return text


def _refused() -> InvalidArgument:
    return InvalidArgument(
        "The client's configuration file is written in a way that cannot be edited safely; "
        "it was left untouched.",
        hint="Correct it, or use --dry-run and add the entry by hand.",
    )

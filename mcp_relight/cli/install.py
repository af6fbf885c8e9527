"""`install` and `uninstall`: this server in a client's configuration file, and out of it again."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from mcp_relight.bootstrap import key_variables
from mcp_relight.errors import InvalidArgument, LocalError

from .clients import entries, files
from .clients.places import CLIENTS, NAME, Client
from .session import answer, load_settings

_OURS = ("-P", "-m", "mcp_relight", "serve")


def install(namespace: argparse.Namespace) -> int:
    settings = load_settings(namespace)
    client = CLIENTS[namespace.client]
    file = files.read(client.place(Path.home()))
    known = entries.find(client, file.text)
    given = {name: _value(name) for name in namespace.env or ()}
    keys = key_variables() if namespace.keys_from_shell else ()
    carried = [name for name in keys if os.environ.get(name)]
    key_files = {name: settings.data_dir / "keys" / name for name in carried}
    env = {**given, **{f"{name}_FILE": str(path) for name, path in key_files.items()}}
    entry = _entry(client, known, _arguments(namespace, known), env)
    text = entries.put(client, file.text, entry)
    changes = text != file.text
    backup = None
    if changes and not namespace.dry_run:
        for name, path in key_files.items():
            _keep_key(path, os.environ[name])
        backup = file.save()
        file.write(text)
    left = _not_carried(entry.get(client.env) or {})
    facts: dict[str, Any] = {
        "client": namespace.client,
        "file": str(file.path),
        "changed": changes and not namespace.dry_run,
        "backup": backup and str(backup),
        client.key: {NAME: entry},
        "key_files": [str(path) for path in key_files.values()],
        "keys_not_carried": left,
        "next_step": client.restart,
    }
    verb = "Would add to" if namespace.dry_run else "Added to" if changes else "Already in"

    def draw() -> None:
        print(f"{verb} {client.title}: {file.path}")
        print(json.dumps({client.key: {NAME: entry}}, indent=2, ensure_ascii=False))
        _draw_around(facts)
        if not namespace.dry_run:
            print(client.restart)

    answer(facts, as_json=namespace.json, draw=draw)
    return 0


def _draw_around(facts: dict[str, Any]) -> None:
    """What came of the old file and of the keys."""
    if facts["backup"]:
        print(f"The file as it was: {facts['backup']}")
    for path in facts["key_files"]:
        print(f"Key file, readable by you alone: {path}")
    if left := facts["keys_not_carried"]:
        print(f"Not carried over: {', '.join(left)}. Add --keys-from-shell to keep each in a")
        print("file of its own that only you can read.")


def uninstall(namespace: argparse.Namespace) -> int:
    settings = load_settings(namespace)
    client = CLIENTS[namespace.client]
    file = files.read(client.place(Path.home()))
    entry = entries.find(client, file.text)
    backup, restored = None, False
    if entry is not None and not namespace.dry_run:
        backup, restored = _take_out(client, file, entry)
    keys = sorted(map(str, (settings.data_dir / "keys").glob("*_API_KEY")))
    facts: dict[str, Any] = {
        "client": namespace.client,
        "file": str(file.path),
        "changed": entry is not None and not namespace.dry_run,
        "restored": restored,
        "backup": backup and str(backup),
        "key_files": keys,
        "data_dir": str(settings.data_dir),
    }

    def draw() -> None:
        if entry is None:
            print(f"{client.title} has no entry named {NAME}: {file.path}")
            return
        print(f"{'Would take' if namespace.dry_run else 'Took'} it out of {file.path}.")
        if restored:
            print("The file is as it was before, byte for byte.")
        if backup:
            print(f"The file with the entry: {backup}")
        for key in keys:
            print(f"Still here, for other clients: {key}")
        print(f"Jobs and stored pictures stay in {settings.data_dir} (mcp-relight forget --all).")

    answer(facts, as_json=namespace.json, draw=draw)
    return 0


def _take_out(
    client: Client, file: files.ConfigFile, entry: dict[str, Any]
) -> tuple[Path | None, bool]:
    """Where nothing else has changed since, the file becomes what it was, and the copy that says
    so goes; else only the entry goes, and a copy with it stays."""
    if origin := entries.origin(client, file, entry):
        try:
            origin.replace(file.path)
        except OSError:
            raise LocalError("The client's configuration file cannot be written.") from None
        return None, True
    if entries.put(client, "", entry) == file.text and not files.backups(file.path):
        file.path.unlink()  # there was none before
        return None, True
    backup = file.save()
    file.write(entries.drop(client, file.text))
    return backup, False


def _entry(
    client: Client, known: dict[str, Any] | None, arguments: list[str], env: dict[str, str]
) -> dict[str, Any]:
    """What was in the entry stays, but for what starts the server. Raises InvalidArgument for an
    entry that starts none."""
    entry = dict(known or client.extra)
    if known is not None and client.command not in known:
        raise InvalidArgument(
            f"The entry {NAME} is there and starts no program.",
            hint="Take it out first: mcp-relight uninstall, or by hand.",
        )
    entry[client.command] = sys.executable
    entry["args"] = arguments
    if env or client.env in entry:
        entry[client.env] = {**(entry.get(client.env) or {}), **env}
    return entry


def _arguments(namespace: argparse.Namespace, known: dict[str, Any] | None) -> list[str]:
    """Absolute paths: desktop programs start servers with next to no PATH. Flags that an earlier
    entry had stay, unless the same flag is given anew."""
    folders = [("--allow-dir", folder) for folder in namespace.allowed_dirs or ()]
    folders += [("--data-dir", namespace.data_dir), ("--output-dir", namespace.output_dir)]
    given: list[tuple[str, str | None]] = [
        (flag, str(Path(at).expanduser().absolute())) for flag, at in folders if at
    ]
    if namespace.local_only:
        given.append(("--local-only", None))
    if namespace.log_level:
        given.append(("--log-level", namespace.log_level))
    named = {flag for flag, _ in given} - {"--allow-dir"}  # of which there may be several
    earlier = [pair for pair in _flags_of(known) if pair[0] not in named and pair not in given]
    return [*_OURS, *(part for pair in (*earlier, *given) for part in pair if part is not None)]


def _flags_of(known: dict[str, Any] | None) -> list[tuple[str, str | None]]:
    arguments = list(map(str, (known or {}).get("args") or ()))
    if "serve" not in arguments:
        return []
    tail = arguments[arguments.index("serve") + 1 :]
    pairs: list[tuple[str, str | None]] = []
    while tail:
        flag = tail.pop(0)
        if "=" not in flag and tail and not tail[0].startswith("-"):
            pairs.append((flag, tail.pop(0)))
        else:
            pairs.append((flag, None))
    return pairs


def _value(name: str) -> str:
    """A variable for the entry, as it stands in this shell. Raises InvalidArgument."""
    if name in key_variables() or name == "MCP_RELIGHT_BUCKET_SECRET":
        raise InvalidArgument(
            f"{name} is a secret, and a client's configuration file is no place for it.",
            hint="Use --keys-from-shell: it keeps the keys in files that only you can read.",
            argument="env",
        )
    value = os.environ.get(name)
    if value is None:
        raise InvalidArgument(
            f"{name} is not set in this shell.",
            hint=f"Set it first, as in: {name}=… mcp-relight install …",
            argument="env",
        )
    return value


def _keep_key(path: Path, key: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(key)
    except OSError:
        raise LocalError("A key file could not be written into the data folder.") from None


def _not_carried(env: dict[str, Any]) -> list[str]:
    return [
        name
        for name in key_variables()
        if os.environ.get(name) and name not in env and f"{name}_FILE" not in env
    ]

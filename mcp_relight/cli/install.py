"""`install`: adds this server to a client's configuration file."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, cast

from mcp_relight.errors import InvalidArgument, LocalError

from .session import answer, load_settings

_NAME = "relight"


def install(namespace: argparse.Namespace) -> int:
    load_settings(namespace)
    path, key = _place(namespace.client)
    entry = _entry(namespace)
    facts: dict[str, Any] = {"file": str(path), key: {_NAME: entry}}
    if not namespace.print:
        _merge(path, key, entry)
    verb = "Would add to" if namespace.print else "Added to"

    def draw() -> None:
        print(f"{verb} {path}:")
        print(json.dumps({key: {_NAME: entry}}, indent=2))

    answer(facts, as_json=namespace.json, draw=draw)
    return 0


def _entry(namespace: argparse.Namespace) -> dict[str, Any]:
    """Absolute paths: desktop programs start servers with next to no PATH. Keys stay out: a
    configuration file is no place for them."""
    arguments = ["-P", "-m", "mcp_relight", "serve"]
    folders = [("--allow-dir", folder) for folder in namespace.allowed_dirs or ()]
    folders += [("--data-dir", namespace.data_dir), ("--output-dir", namespace.output_dir)]
    for flag, folder in folders:
        if folder is not None:
            arguments += [flag, str(Path(folder).expanduser().absolute())]
    if namespace.local_only:
        arguments.append("--local-only")
    if namespace.log_level:
        arguments += ["--log-level", namespace.log_level]
    return {"command": sys.executable, "args": arguments}


def _place(client: str) -> tuple[Path, str]:
    """The client's file, and the key its servers stand under."""
    home = Path.home()
    match client:
        case "claude-desktop":
            return _claude_desktop(home) / "claude_desktop_config.json", "mcpServers"
        case "claude-code":
            return home / ".claude.json", "mcpServers"
        case "cursor":
            return home / ".cursor" / "mcp.json", "mcpServers"
        case _:
            return Path.cwd() / ".vscode" / "mcp.json", "servers"


def _claude_desktop(home: Path) -> Path:
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "Claude"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", home / "AppData" / "Roaming")) / "Claude"
    return home / ".config" / "Claude"


def _merge(path: Path, key: str, entry: dict[str, Any]) -> None:
    """Keeps everything else in the file; the old file stays beside it as `.bak`."""
    config: Any = {}
    try:
        if path.exists():
            text = path.read_text("utf-8")
            config = json.loads(text) if text.strip() else {}
            path.with_name(path.name + ".bak").write_text(text, "utf-8")
    except (OSError, ValueError):
        raise InvalidArgument(
            "The client's configuration file cannot be read as JSON.",
            hint="Correct it, or use --print and add the entry by hand.",
        ) from None
    if not isinstance(config, dict):
        raise InvalidArgument(
            "The client's configuration file is not a JSON object.", hint="Use --print."
        )
    typed = cast(dict[str, Any], config)
    servers = typed.setdefault(key, {})
    servers[_NAME] = entry
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".new")
        temporary.write_text(json.dumps(typed, indent=2) + "\n", "utf-8")
        temporary.replace(path)
    except OSError:
        raise LocalError(
            "The client's configuration file cannot be written.", hint="Use --print."
        ) from None

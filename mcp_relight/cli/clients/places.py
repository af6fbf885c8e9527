"""Which clients there are, where each keeps its servers, and how an entry looks there.

Sources: each client's own documents, read in November 2026.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Format = Literal["json", "toml", "yaml"]

NAME = "relight"
"""What our entry is called in every client."""


@dataclass(frozen=True, slots=True)
class Client:
    """`place` gives the file; `key` is what all servers stand under in it."""

    title: str
    place: Callable[[Path], Path]
    restart: str
    """What makes the client see the change."""
    key: str = "mcpServers"
    format: Format = "json"
    extra: tuple[tuple[str, Any], ...] = ()
    """What an entry of this client holds besides command, arguments and environment."""
    command: str = "command"
    env: str = "env"
    quirk: str = ""
    """What was reported of it that a person should know; see docs/clients.md."""


def _claude_desktop(home: Path) -> Path:
    if sys.platform == "darwin":
        folder = home / "Library" / "Application Support" / "Claude"
    elif sys.platform == "win32":
        folder = _roaming(home) / "Claude"
    else:
        folder = home / ".config" / "Claude"
    return folder / "claude_desktop_config.json"


def _codex(home: Path) -> Path:
    return Path(os.environ.get("CODEX_HOME") or home / ".codex") / "config.toml"


def _goose(home: Path) -> Path:
    if sys.platform == "win32":
        return _roaming(home) / "Block" / "goose" / "config" / "config.yaml"
    return _config(home) / "goose" / "config.yaml"


def _zed(home: Path) -> Path:
    if sys.platform == "win32":
        return _roaming(home) / "Zed" / "settings.json"
    # On macOS too: Zed does not use the Library folder for settings.
    return (_config(home) if sys.platform != "darwin" else home / ".config") / "zed/settings.json"


def _roaming(home: Path) -> Path:
    return Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")


def _config(home: Path) -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")


CLIENTS: dict[str, Client] = {
    "claude-desktop": Client(
        "Claude Desktop",
        _claude_desktop,
        "Quit Claude Desktop wholly and start it again.",
        quirk="pictures are inside the folded call; its model sees them after your next message",
    ),
    "claude-code": Client(
        "Claude Code",
        lambda home: home / ".claude.json",
        "Start Claude Code again; /mcp shows the server.",
        extra=(("type", "stdio"),),
    ),
    "cursor": Client(
        "Cursor",
        lambda home: home / ".cursor" / "mcp.json",
        "Cursor sees it at once; its settings under MCP show the server.",
    ),
    "vscode": Client(
        "VS Code, for this folder",
        lambda _: Path.cwd() / ".vscode" / "mcp.json",
        "Open this folder in VS Code and press Start above the entry in .vscode/mcp.json.",
        key="servers",
        extra=(("type", "stdio"),),
    ),
    "windsurf": Client(
        "Windsurf",
        lambda home: home / ".codeium" / "windsurf" / "mcp_config.json",
        "Press refresh in Windsurf's MCP settings.",
    ),
    "codex": Client(
        "Codex", _codex, "Start Codex again; /mcp shows it.", key="mcp_servers", format="toml"
    ),
    "gemini": Client(
        "Gemini CLI",
        lambda home: home / ".gemini" / "settings.json",
        "Start Gemini CLI again; /mcp shows the server.",
    ),
    "goose": Client(
        "goose",
        _goose,
        "Start a new goose session.",
        key="extensions",
        format="yaml",
        extra=(
            ("enabled", True),
            ("type", "stdio"),
            ("name", NAME),
            ("description", "Relights photos"),
            ("timeout", 300),
        ),
        command="cmd",
        env="envs",
    ),
    "zed": Client(
        "Zed", _zed, "Zed sees it at once; the agent panel shows the server.", key="context_servers"
    ),
    "lm-studio": Client(
        "LM Studio",
        lambda home: home / ".lmstudio" / "mcp.json",
        "Switch the server on in LM Studio's Program tab.",
    ),
}

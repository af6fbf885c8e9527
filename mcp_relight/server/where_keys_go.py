"""Where a person sets a key in the client that asks: the client says its name in the handshake."""

from typing import Any

from mcp.server.mcpserver import Context

from mcp_relight.errors import ModelNotReady

_INSTALLED_AS = {
    "claude-ai": "claude-desktop",
    "claude-code": "claude-code",
    "codex-mcp-client": "codex",
    "cursor": "cursor",
    "cursor-vscode": "cursor",
    "gemini-cli-mcp-client": "gemini",
    "goose": "goose",
    "lm-studio": "lm-studio",
    "visual studio code": "vscode",
    "windsurf-client": "windsurf",
    "zed": "zed",
}
"""By the name a client gives itself, what `mcp-relight install` calls it."""


def with_a_way(error: ModelNotReady, ctx: Context[Any]) -> ModelNotReady:
    """The same refusal, its hint naming the command that sets a key for this client."""
    client = _INSTALLED_AS.get(_name_of_client(ctx))
    if client is None or "_API_KEY" not in error.message:
        return error
    return ModelNotReady(
        error.message,
        hint="The person sets it in a terminal, never in the chat: export it, run `mcp-relight "
        f"install {client} --keys-from-shell`, then restart this client. local/classic needs "
        "no key.",
        argument=error.argument,
    )


def _name_of_client(ctx: Context[Any]) -> str:
    told = ctx.session.client_params
    info = getattr(told, "client_info", None)
    return str(getattr(info, "name", "")).strip().lower()

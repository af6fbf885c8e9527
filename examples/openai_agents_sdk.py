"""OpenAI Agents SDK.

    pip install openai-agents
    OPENAI_API_KEY=... python openai_agents_sdk.py ~/Pictures/mug.jpg

Switches: `client_session_timeout_seconds`, because the default ends every call after 5 s; and the
Responses API (the default), because the chat completions model drops pictures.
"""

import asyncio
import os
import sys

from agents import Agent, Runner, set_tracing_disabled
from agents.mcp import MCPServerStdio

MODEL = os.environ.get("MODEL", "gpt-5.1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


async def main(photo: str) -> None:
    set_tracing_disabled(True)
    async with MCPServerStdio(
        {"command": SERVER[0], "args": SERVER[1:], "env": dict(os.environ)},
        client_session_timeout_seconds=60,
        cache_tools_list=True,
    ) as server:
        agent = Agent(name="photographer", model=MODEL, mcp_servers=[server])
        result = await Runner.run(agent, f"Relight {photo} as golden hour.", max_turns=20)
        print(result.final_output)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

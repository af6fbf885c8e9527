"""Microsoft Agent Framework.

    pip install agent-framework-core agent-framework-openai "mcp>=2.2,<3" tenacity
    OPENAI_API_KEY=... python agent_framework_agent.py ~/Pictures/mug.jpg

No switch is needed, but `tenacity` must be installed for servers of protocol 2026-07-28. It
shows the model structured content alone, which carries every fact, and `view_image` has none, so
that its picture arrives.
"""

import asyncio
import os
import sys

from agent_framework import Agent, MCPStdioTool
from agent_framework.openai import OpenAIChatClient

MODEL = os.environ.get("MODEL", "gpt-5.1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


async def main(photo: str) -> None:
    async with (
        MCPStdioTool(
            name="relight", command=SERVER[0], args=SERVER[1:], env=dict(os.environ)
        ) as tools,
        Agent(client=OpenAIChatClient(model=MODEL), tools=tools) as agent,
    ):
        print(await agent.run(f"Relight {photo} as golden hour."))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

"""Pydantic AI.

    pip install "pydantic-ai-slim[mcp,openai]"
    OPENAI_API_KEY=... python pydantic_ai_agent.py ~/Pictures/mug.jpg

No switch is needed.
"""

import asyncio
import os
import sys

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset

MODEL = os.environ.get("MODEL", "gpt-5.1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


async def main(photo: str) -> None:
    transport = StdioTransport(SERVER[0], SERVER[1:], env=dict(os.environ))
    agent = Agent(f"openai-responses:{MODEL}", toolsets=[MCPToolset(transport)])
    async with agent:
        result = await agent.run(f"Relight {photo} as golden hour.")
        print(result.output)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

"""mcp-use.

    pip install mcp-use langchain-openai
    OPENAI_API_KEY=... python mcp_use_agent.py ~/Pictures/mug.jpg

Switch: `MCP_RELIGHT_RESOURCE_LINKS=off`, because a link becomes a Python object's text.
"""

import asyncio
import os
import sys

from langchain_openai import ChatOpenAI
from mcp_use import MCPAgent, MCPClient

MODEL = os.environ.get("MODEL", "gpt-5.1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


async def main(photo: str) -> None:
    relight = {
        "command": SERVER[0],
        "args": SERVER[1:],
        "env": {**os.environ, "MCP_RELIGHT_RESOURCE_LINKS": "off"},
    }
    client = MCPClient.from_dict({"mcpServers": {"relight": relight}})
    agent = MCPAgent(llm=ChatOpenAI(model=MODEL), client=client, max_steps=30)
    try:
        print(await agent.run(f"Relight {photo} as golden hour."))
    finally:
        await client.close_all_sessions()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

"""LangChain, with its MCP adapters.

    pip install langchain langchain-mcp-adapters langchain-openai
    OPENAI_API_KEY=... python langchain_agent.py ~/Pictures/mug.jpg

Switches: `MCP_RELIGHT_RESOURCE_LINKS=off`, because a link becomes a picture with an address the
model's provider cannot fetch; a session of our own, because without it every call starts a new
server; and the Responses API, because chat completions refuse pictures in tool results.
"""

import asyncio
import os
import sys

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from langchain_openai import ChatOpenAI

MODEL = os.environ.get("MODEL", "gpt-5.1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


async def main(photo: str) -> None:
    client = MultiServerMCPClient(
        {
            "relight": {
                "transport": "stdio",
                "command": SERVER[0],
                "args": SERVER[1:],
                "env": {**os.environ, "MCP_RELIGHT_RESOURCE_LINKS": "off"},
            }
        }
    )
    async with client.session("relight") as session:
        tools = await load_mcp_tools(session)
        agent = create_agent(ChatOpenAI(model=MODEL, use_responses_api=True), tools)
        question = {"role": "user", "content": f"Relight {photo} as golden hour."}
        answer = await agent.ainvoke({"messages": [question]})  # type: ignore[arg-type]
        print(answer["messages"][-1].text)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

"""LlamaIndex.

    pip install llama-index-core llama-index-tools-mcp llama-index-llms-openai-like
    OPENAI_API_KEY=... python llama_index_agent.py ~/Pictures/mug.jpg

Switches: `timeout`, and a client that keeps text alone, because LlamaIndex writes a picture into
the prompt as text; a person can open the path. Each call starts a new server, which finds the jobs
of the one before in the data folder.
"""

import asyncio
import os
import sys
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai_like import OpenAILike
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec
from mcp.types import CallToolResult, TextContent

MODEL = os.environ.get("MODEL", "gpt-5.1")
BASE = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


class TextClient(BasicMCPClient):
    """Hands on the text of a result and says where a picture was."""

    async def call_tool(self, *arguments: Any, **named: Any) -> CallToolResult:
        result = await super().call_tool(*arguments, **named)
        texts = [block for block in result.content if isinstance(block, TextContent)]
        return CallToolResult(content=list(texts), is_error=result.is_error)


async def main(photo: str) -> None:
    client = TextClient(SERVER[0], args=SERVER[1:], env=dict(os.environ), timeout=60)
    tools = await McpToolSpec(client).to_tool_list_async()
    llm = OpenAILike(
        model=MODEL,
        api_base=BASE,
        api_key=os.environ["OPENAI_API_KEY"],
        is_chat_model=True,
        is_function_calling_model=True,
    )
    agent = FunctionAgent(tools=tools, llm=llm, streaming=False)
    print(await agent.run(f"Relight {photo} as golden hour."))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

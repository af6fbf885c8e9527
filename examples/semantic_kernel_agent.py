"""Semantic Kernel.

    pip install "semantic-kernel[mcp]"
    OPENAI_API_KEY=... python semantic_kernel_agent.py ~/Pictures/mug.jpg

Switches: `MCP_RELIGHT_RESOURCE_LINKS=off`, because a link makes it throw the whole result away.
Its pictures go into the prompt as text.
"""

import asyncio
import os
import sys

from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.connectors.mcp import MCPStdioPlugin

MODEL = os.environ.get("MODEL", "gpt-5.1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


async def main(photo: str) -> None:
    async with MCPStdioPlugin(
        name="relight",
        command=SERVER[0],
        args=SERVER[1:],
        env={**os.environ, "MCP_RELIGHT_RESOURCE_LINKS": "off"},
    ) as plugin:
        agent = ChatCompletionAgent(
            service=OpenAIChatCompletion(ai_model_id=MODEL), name="photographer", plugins=[plugin]
        )
        print(await agent.get_response(f"Relight {photo} as golden hour."))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

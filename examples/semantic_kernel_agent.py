"""Semantic Kernel.

    pip install "semantic-kernel[mcp]"
    OPENAI_API_KEY=... python semantic_kernel_agent.py ~/Pictures/mug.jpg

Switches: `MCP_RELIGHT_RESOURCE_LINKS=off`, because a link makes it throw the whole result away;
more than the five calls that it allows by default; and a plugin that keeps text alone, because it
writes a picture into the prompt as text: a person can open the path.
"""

import asyncio
import os
import sys
from typing import Any

from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.connectors.mcp import MCPStdioPlugin
from semantic_kernel.contents import TextContent

MODEL = os.environ.get("MODEL", "gpt-5.1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


class TextPlugin(MCPStdioPlugin):
    """Hands on the text of a result alone."""

    async def call_tool(self, tool_name: str, **arguments: Any) -> Any:
        parts = await super().call_tool(tool_name, **arguments)
        return [part for part in parts if isinstance(part, TextContent)]


async def main(photo: str) -> None:
    async with TextPlugin(
        name="relight",
        command=SERVER[0],
        args=SERVER[1:],
        env={**os.environ, "MCP_RELIGHT_RESOURCE_LINKS": "off"},
    ) as plugin:
        many = FunctionChoiceBehavior.Auto()
        many.maximum_auto_invoke_attempts = 20
        agent = ChatCompletionAgent(
            service=OpenAIChatCompletion(ai_model_id=MODEL),
            name="photographer",
            plugins=[plugin],
            function_choice_behavior=many,
        )
        print(await agent.get_response(f"Relight {photo} as golden hour."))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

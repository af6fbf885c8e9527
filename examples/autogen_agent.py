"""AutoGen.

    pip install "autogen-ext[mcp,openai]" autogen-agentchat "mcp<2"
    OPENAI_API_KEY=... python autogen_agent.py ~/Pictures/mug.jpg

Switches: `mcp<2` in its environment; the workbench, which keeps one server; `read_timeout_seconds`,
because the default ends every call after 5 s; `MCP_RELIGHT_RESOURCE_LINKS=off`, because a link
makes AutoGen throw the whole result away; and a workbench that keeps text alone, because AutoGen
writes a picture into the prompt as text: a person can open the path.
"""

import asyncio
import os
import sys
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import ModelFamily
from autogen_core.tools import TextResultContent, ToolResult
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams

MODEL = os.environ.get("MODEL", "gpt-5.1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


class TextWorkbench(McpWorkbench):
    """Hands on the text of a result alone."""

    async def call_tool(self, *arguments: Any, **named: Any) -> ToolResult:
        result = await super().call_tool(*arguments, **named)
        texts = [part for part in result.result if isinstance(part, TextResultContent)]
        return result.model_copy(update={"result": texts})


async def main(photo: str) -> None:
    server = StdioServerParams(
        command=SERVER[0],
        args=SERVER[1:],
        env={**os.environ, "MCP_RELIGHT_RESOURCE_LINKS": "off"},
        read_timeout_seconds=60,
    )
    model = OpenAIChatCompletionClient(
        model=MODEL,
        model_info={
            "vision": True,
            "function_calling": True,
            "json_output": True,
            "structured_output": True,
            "family": ModelFamily.UNKNOWN,
        },
    )
    async with TextWorkbench(server) as workbench:
        agent = AssistantAgent(
            "photographer", model_client=model, workbench=workbench, max_tool_iterations=20
        )
        result = await agent.run(task=f"Relight {photo} as golden hour.")
        print(result.messages[-1].to_text())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

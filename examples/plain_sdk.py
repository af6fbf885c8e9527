"""An agent loop by hand: the MCP SDK on one side, OpenAI's client on the other.

    pip install mcp openai
    OPENAI_API_KEY=... python plain_sdk.py ~/Pictures/mug.jpg

Nothing is lost here, because the loop hands on both the text and the picture of each result.
"""

import asyncio
import json
import os
import sys
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, ImageContent, TextContent
from openai import AsyncOpenAI

MODEL = os.environ.get("MODEL", "gpt-5.1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


async def main(photo: str) -> None:
    server = StdioServerParameters(command=SERVER[0], args=SERVER[1:], env=dict(os.environ))
    openai = AsyncOpenAI()
    async with Client(server) as client:
        tools = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.input_schema,
                "strict": False,
            }
            for tool in (await client.list_tools()).tools
        ]
        talk: list[Any] = [{"role": "user", "content": f"Relight {photo} as golden hour."}]
        while True:
            reply = await openai.responses.create(model=MODEL, input=talk, tools=tools)  # type: ignore[arg-type]
            talk += [item.model_dump(exclude_none=True) for item in reply.output]
            calls = [item for item in reply.output if item.type == "function_call"]
            if not calls:
                print(reply.output_text)
                return
            for call in calls:
                result = await client.call_tool(call.name, json.loads(call.arguments))
                talk.append(
                    {
                        "type": "function_call_output",
                        "call_id": call.call_id,
                        "output": parts(result),
                    }
                )


def parts(result: CallToolResult) -> list[dict[str, str]]:
    """Text and pictures as the Responses API takes them."""
    shown: list[dict[str, str]] = []
    for block in result.content:
        if isinstance(block, TextContent):
            shown.append({"type": "input_text", "text": block.text})
        elif isinstance(block, ImageContent):
            url = f"data:{block.mime_type};base64,{block.data}"
            shown.append({"type": "input_image", "image_url": url})
    return shown


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

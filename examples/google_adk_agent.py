"""Google's Agent Development Kit.

    pip install "google-adk[mcp]"
    GOOGLE_API_KEY=... python google_adk_agent.py ~/Pictures/mug.jpg

Switches: `timeout`, because the default ends every call after 5 s; and `after_tool_callback`, which
drops pictures, because ADK writes them into the prompt as text: a person can open the path.
"""

import asyncio
import os
import sys
from typing import Any

from google.adk.agents import LlmAgent
from google.adk.runners import InMemoryRunner
from google.adk.tools.mcp_tool import McpToolset, StdioConnectionParams
from google.genai import types
from mcp import StdioServerParameters

MODEL = os.environ.get("MODEL", "gemini-3-flash")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


def without_pictures(
    tool: Any, args: dict[str, Any], tool_context: Any, tool_response: Any
) -> dict[str, Any] | None:
    """The response with its text blocks alone."""
    if not isinstance(tool_response, dict) or "content" not in tool_response:
        return None
    blocks = [block for block in tool_response["content"] if block.get("type") == "text"]
    return {**tool_response, "content": blocks}


async def main(photo: str) -> None:
    server = StdioServerParameters(command=SERVER[0], args=SERVER[1:], env=dict(os.environ))
    toolset = McpToolset(
        connection_params=StdioConnectionParams(server_params=server, timeout=60),
    )
    agent = LlmAgent(
        name="photographer",
        model=MODEL,
        tools=[toolset],
        after_tool_callback=without_pictures,
    )
    runner = InMemoryRunner(agent=agent)
    session = await runner.session_service.create_session(app_name=runner.app_name, user_id="me")
    question = types.Content(
        role="user", parts=[types.Part(text=f"Relight {photo} as golden hour.")]
    )
    try:
        async for event in runner.run_async(
            user_id="me", session_id=session.id, new_message=question
        ):
            if event.is_final_response() and event.content and event.content.parts:
                print(event.content.parts[0].text)
    finally:
        await toolset.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

"""Strands Agents.

    pip install "strands-agents[openai]"
    OPENAI_API_KEY=... python strands_agent.py ~/Pictures/mug.jpg

No switch is needed.
"""

import os
import sys

from mcp import StdioServerParameters, stdio_client
from strands import Agent
from strands.models.openai import OpenAIModel
from strands.tools.mcp import MCPClient

MODEL = os.environ.get("MODEL", "gpt-5.1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


def main(photo: str) -> None:
    server = StdioServerParameters(command=SERVER[0], args=SERVER[1:], env=dict(os.environ))
    model = OpenAIModel(client_args={"api_key": os.environ["OPENAI_API_KEY"]}, model_id=MODEL)
    with MCPClient(lambda: stdio_client(server)) as client:
        agent = Agent(model=model, tools=client.list_tools_sync(), callback_handler=None)
        print(agent(f"Relight {photo} as golden hour."))


if __name__ == "__main__":
    main(sys.argv[1])

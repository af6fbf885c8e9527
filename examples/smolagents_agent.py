"""smolagents.

    pip install "smolagents[mcp,openai]" "mcp<2"
    OPENAI_API_KEY=... python smolagents_agent.py ~/Pictures/mug.jpg

Switch: `mcp<2` in its environment (with 2.x its adapter cannot be imported); the server has an
environment of its own. It reads the first block of a result, which is always the text.
"""

import os
import sys

from mcp import StdioServerParameters
from smolagents import OpenAIModel, ToolCallingAgent, ToolCollection

MODEL = os.environ.get("MODEL", "gpt-5.1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


def main(photo: str) -> None:
    server = StdioServerParameters(command=SERVER[0], args=SERVER[1:], env=dict(os.environ))
    with ToolCollection.from_mcp(server, trust_remote_code=True, structured_output=False) as tools:
        model = OpenAIModel(
            model_id=MODEL,
            api_base=os.environ.get("OPENAI_BASE_URL"),
            api_key=os.environ["OPENAI_API_KEY"],
        )
        agent = ToolCallingAgent(tools=[*tools.tools], model=model, max_steps=20)
        print(agent.run(f"Relight {photo} as golden hour."))


if __name__ == "__main__":
    main(sys.argv[1])

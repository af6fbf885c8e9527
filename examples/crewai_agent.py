"""CrewAI, with its MCP adapter.

    pip install crewai "crewai-tools[mcp]"
    OPENAI_API_KEY=... python crewai_agent.py ~/Pictures/mug.jpg

Switch: the adapter of crewai-tools, which keeps one server; the native `mcps=` repeats calls that
take longer than 30 s. Only text reaches the model; a person can open the path.
"""

import os
import sys

from crewai import LLM, Agent, Crew, Task
from crewai_tools import MCPServerAdapter
from mcp import StdioServerParameters

MODEL = os.environ.get("MODEL", "gpt-5.1")
SERVER = os.environ.get("MCP_RELIGHT_COMMAND", "mcp-relight").split()


def main(photo: str) -> None:
    server = StdioServerParameters(command=SERVER[0], args=SERVER[1:], env=dict(os.environ))
    with MCPServerAdapter(server, connect_timeout=60) as tools:
        agent = Agent(
            role="photographer",
            goal="Relight photos",
            backstory="Knows light.",
            tools=[*tools],
            llm=LLM(model=f"openai/{MODEL}", base_url=os.environ.get("OPENAI_BASE_URL")),
        )
        task = Task(
            description=f"Relight {photo} as golden hour.",
            expected_output="The path of the result.",
            agent=agent,
        )
        print(Crew(agents=[agent], tasks=[task]).kickoff())


if __name__ == "__main__":
    main(sys.argv[1])

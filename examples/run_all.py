"""Runs every example against the recording model and prints what reached the model's side.

    python examples/run_all.py                       all of them
    python examples/run_all.py langchain crewai      some
    python examples/run_all.py --environments DIR    where the environments are made

Run it with a Python that has mcp-relight installed. Each framework gets an environment of its own
(`.cache/examples/` unless told otherwise), because their versions of the SDK exclude each other.
Needs a package index for the first run, and no key at all.
"""

import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

from recording_model import RecordingModel

HERE = Path(__file__).resolve().parent
PHOTO = HERE.parent / "mcp_relight" / "cli" / "samples" / "astronaut.jpg"
LONGEST_S = 240


@dataclass(frozen=True)
class Example:
    """One program, and the packages its environment needs; the first names the version shown."""

    name: str
    program: str
    packages: tuple[str, ...]

    @property
    def package(self) -> str:
        return re.split(r"[\[<>=]", self.packages[0])[0]


EXAMPLES = (
    Example("plain", "plain_sdk.py", ("mcp>=2.3,<3", "openai")),
    Example("openai_agents", "openai_agents_sdk.py", ("openai-agents",)),
    Example(
        "langchain",
        "langchain_agent.py",
        ("langchain-mcp-adapters", "langchain", "langchain-openai"),
    ),
    Example("pydantic_ai", "pydantic_ai_agent.py", ("pydantic-ai-slim[mcp,openai]",)),
    Example(
        "llama_index",
        "llama_index_agent.py",
        ("llama-index-tools-mcp", "llama-index-core", "llama-index-llms-openai-like"),
    ),
    Example("google_adk", "google_adk_agent.py", ("google-adk[mcp]",)),
    Example("strands", "strands_agent.py", ("strands-agents[openai]",)),
    Example("smolagents", "smolagents_agent.py", ("smolagents[mcp,openai]", "mcp<2")),
    Example(
        "autogen", "autogen_agent.py", ("autogen-ext[mcp,openai]", "autogen-agentchat", "mcp<2")
    ),
    Example(
        "agent_framework",
        "agent_framework_agent.py",
        ("agent-framework-core", "agent-framework-openai", "mcp>=2.2,<3", "tenacity"),
    ),
    Example("semantic_kernel", "semantic_kernel_agent.py", ("semantic-kernel[mcp]",)),
    Example("mcp_use", "mcp_use_agent.py", ("mcp-use", "langchain-openai")),
    Example("crewai", "crewai_agent.py", ("crewai", "crewai-tools[mcp]")),
)
FACTS = ("story", "path", "uri", "status", "next_step", "picture")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these examples")
    parser.add_argument("--environments", type=Path, default=HERE.parent / ".cache" / "examples")
    chosen = parser.parse_args()
    known = {example.name: example for example in EXAMPLES}
    unknown = [name for name in chosen.names if name not in known]
    if unknown:
        parser.error("known examples: " + ", ".join(known))
    print("| date | framework | version | mcp | " + " | ".join(FACTS) + " |", flush=True)
    print("|---" * (4 + len(FACTS)) + "|")
    complete = [
        show(example, prepared(example, chosen.environments.absolute()))
        for example in (known[name] for name in chosen.names or known)
    ]
    return 0 if all(complete) else 1


def prepared(example: Example, folder: Path) -> Path:
    """The example's own Python, its packages installed once."""
    home = folder / example.name
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(home, with_pip=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        subprocess.run([*pip, *example.packages], check=True, stdout=sys.stderr)
    return python


def show(example: Example, python: Path) -> bool:
    """Run one example and print its row; True when every fact of the text arrived."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos, results = folder / "photos", folder / "results"
        photos.mkdir()
        photo = shutil.copy(PHOTO, photos)
        with RecordingModel(str(photo)) as model:
            outcome = run(example, python, photo=str(photo), folder=folder, url=model.url)
            facts = model.recorder.reached(str(results))
    if outcome:
        print(f"{example.name}: {outcome}", file=sys.stderr)
    versions = [version(python, package) for package in (example.package, "mcp")]
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    cells = [date, example.package, *versions, *(facts[fact] for fact in FACTS)]
    print("| " + " | ".join(cells) + " |", flush=True)
    return facts["story"] == "whole" and "NO" not in facts.values()


def run(example: Example, python: Path, *, photo: str, folder: Path, url: str) -> str:
    """The end of what the program complained about, if it failed."""
    environment = {
        **os.environ,
        "MODEL": "gpt-5.1" if example.name != "google_adk" else "gemini-3-flash",
        "MCP_RELIGHT_COMMAND": f"{sys.executable} -m mcp_relight",
        "MCP_RELIGHT_DATA_DIR": str(folder / "data"),
        "MCP_RELIGHT_OUTPUT_DIR": str(folder / "results"),
        "MCP_RELIGHT_ALLOWED_DIRS": str(folder / "photos"),
        "MCP_RELIGHT_WORKER_IDLE_S": "2",
        "OPENAI_API_KEY": "none-needed",
        "OPENAI_BASE_URL": f"{url}/v1",
        "GOOGLE_API_KEY": "none-needed",
        "GOOGLE_GEMINI_BASE_URL": url,
        "CREWAI_TRACING_ENABLED": "false",
        "CREWAI_DISABLE_TELEMETRY": "true",
        "OTEL_SDK_DISABLED": "true",
        "MCP_USE_ANONYMIZED_TELEMETRY": "false",
        "PYTHONWARNINGS": "ignore",
    }
    try:
        done = subprocess.run(
            [python, str(HERE / example.program), photo],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {LONGEST_S} s"
    return "" if done.returncode == 0 else done.stderr[-1500:]


def version(python: Path, package: str) -> str:
    """The installed version, asked of the environment itself."""
    ask = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())

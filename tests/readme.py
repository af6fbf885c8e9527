"""The tables of the README that follow from code. Renew: `python -m tests.readme`."""

from pathlib import Path

import anyio

from tests.server.surface import listed_tools

README = Path(__file__).parents[1] / "README.md"
START = "<!-- tools: renewed by `python -m tests.readme` -->\n"
END = "<!-- /tools -->"


async def tools_table() -> str:
    rows = ["| tool | what for |", "|---|---|"]
    for tool in await listed_tools():
        purpose = tool["description"].removeprefix("Use ").split(". ")[0].rstrip(".")
        rows.append(f"| `{tool['name']}` | {purpose[0].upper()}{purpose[1:]}. |")
    return "\n".join(rows) + "\n"


def with_table(text: str, table: str) -> str:
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return before + START + table + END + after


async def renew() -> None:
    path = anyio.Path(README)
    await path.write_text(with_table(await path.read_text("utf-8"), await tools_table()), "utf-8")


if __name__ == "__main__":
    anyio.run(renew)

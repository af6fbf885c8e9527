"""The documents people read, cut into what can be run and what can be followed."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    *(ROOT / name for name in ("README.md", "PRIVACY.md", "SECURITY.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "examples" / "README.md",
    ROOT / "benchmarks" / "README.md",
    ROOT / "CHANGELOG.md",
)

_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*$")
_FENCE = re.compile(r"^(\s*)```(\w*)\s*$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `why_not` says why it is not run, where the document says so."""

    document: str
    line: int
    language: str
    text: str
    why_not: str | None

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks() -> Iterator[Block]:
    for path in DOCUMENTS:
        yield from _blocks(str(path.relative_to(ROOT)), path.read_text("utf-8").splitlines())


def _blocks(document: str, lines: list[str]) -> Iterator[Block]:
    started: tuple[int, str, str] | None = None
    why_not: str | None = None
    for number, line in enumerate(lines, start=1):
        fence = _FENCE.match(line)
        if started is None and fence:
            started = number, fence[1], fence[2]
        elif started is not None and fence:
            first, indent, language = started
            text = "\n".join(one.removeprefix(indent) for one in lines[first : number - 1]) + "\n"
            yield Block(document, first, language, text, why_not)
            started = why_not = None
        elif started is None and line.strip():
            marked = _NOT_RUN.search(line)
            why_not = marked[1] if marked else None


def commands(block: Block) -> list[list[str]]:
    """The lines of a `sh` block as words, without comments and what follows a `&`."""
    joined = block.text.replace("\\\n", " ")
    split = (shlex.split(line, comments=True) for line in joined.splitlines())
    return [[*takewhile(lambda word: word != "&", words)] for words in split if words]


def indented_commands() -> list[str]:
    """Commands that stand outside of a fence, where nothing would run them."""
    found: list[str] = []
    for path in DOCUMENTS:
        inside = False
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            inside ^= bool(_FENCE.match(line))
            if not inside and re.match(r"^(    |\t)(mcp-relight|python|pip|uv|claude|npx) ", line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    return found


def broken_links() -> list[str]:
    broken: list[str] = []
    for path in DOCUMENTS:
        for target in _LINK.findall(path.read_text("utf-8")):
            file, _, anchor = target.partition("#")
            if file.startswith(("https://", "mailto:")):
                continue
            place = (path.parent / file).resolve() if file else path
            if not place.exists() or (anchor and anchor not in _anchors(place)):
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    return broken


def _anchors(path: Path) -> set[str]:
    titles = _HEADING.findall(path.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def missing_files() -> list[str]:
    """Files of this repository that a document names in code type and that are not there."""
    named = re.compile(r"`((?:docs|tests|examples|benchmarks|packaging|\.ci)/[\w./-]*)`")
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in DOCUMENTS
        for name in named.findall(path.read_text("utf-8"))
        if not (ROOT / name).exists()
    ]

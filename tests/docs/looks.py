"""The table of docs/looks.md, from the looks themselves. Renew: `python -m tests.docs.looks`."""

from mcp_relight.domain.lighting import Light
from mcp_relight.domain.looks import LOOKS

from .documents import ROOT

PAGE = ROOT / "docs" / "looks.md"
START = "<!-- looks: renewed by `python -m tests.docs.looks` -->\n"
END = "<!-- /looks -->"


def table() -> str:
    rows = ["| look | what it is | its lights | ambient |", "|---|---|---|---|"]
    for name, look in LOOKS.items():
        lights = "; ".join(_words(light) for light in look.lighting.lights)
        rows.append(f"| `{name}` | {look.prompt} | {lights} | {look.lighting.ambient:g} |")
    return "\n".join(rows) + "\n"


def _words(light: Light) -> str:
    tone = f"{light.kelvin:g} K" if light.color is None else light.color
    place = f"{light.azimuth_deg:g}°, {light.elevation_deg:g}° up"
    return f"{light.role} {place}, {tone}, softness {light.softness:g}"


def renewed(text: str) -> str:
    before, _, rest = text.partition(START)
    return before + START + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")

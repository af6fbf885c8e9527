"""Build the bundle for Claude Desktop: `python packaging/mcpb/build.py [OUT]`.

The bundle holds the wheel of this very tree, so it needs no release on the package index; what the
wheel depends on is fetched when the bundle is installed, as `uv.lock` says where uv is at hand to
write one. Needs the `dev` extra. Prints the path of the bundle.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ICON_PX = 512

PROJECT = """\
[project]
name = "mcp-relight-bundle"
version = "{version}"
requires-python = ">=3.11"
dependencies = ["mcp-relight"]

[tool.uv]
package = false

[tool.uv.sources]
mcp-relight = {{ path = "{wheel}" }}
"""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("out", nargs="?", type=Path, default=ROOT / "dist")
    out: Path = options.parse_args().out
    manifest = json.loads((HERE / "manifest.json").read_text("utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder), manifest["version"])
        out.mkdir(parents=True, exist_ok=True)
        bundle = out / f"mcp-relight-{manifest['version']}.mcpb"
        pack(Path(folder), bundle)
    print(bundle)
    return 0


def lay_out(folder: Path, version: str) -> None:
    """Everything the bundle holds, as files below `folder`."""
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    (wheel,) = folder.glob("*.whl")
    project = PROJECT.format(version=version, wheel=wheel.name)
    (folder / "pyproject.toml").write_text(project, "utf-8")
    (folder / ".python-version").write_text("3.13\n", "utf-8")
    shutil.copy(HERE / "manifest.json", folder)
    shutil.copytree(HERE / "src", folder / "src")
    draw_icon().save(folder / "icon.png")
    if uv := shutil.which("uv"):
        run(uv, "lock", "--quiet", "--directory", folder)


def pack(folder: Path, bundle: Path) -> None:
    """One archive, with the same bytes for the same files."""
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def draw_icon(edge_px: int = ICON_PX) -> Image.Image:
    """A ball lit warm from the upper left, on dark ground: what the product does."""
    big = edge_px * 2  # drawn twice as large, so that edges come out smooth
    plate = Image.new("L", (big, big))
    ImageDraw.Draw(plate).rounded_rectangle((0, 0, big - 1, big - 1), big // 5, fill=255)
    ball = Image.new("L", (big, big))
    box = (big * 0.2, big * 0.2, big * 0.8, big * 0.8)
    ImageDraw.Draw(ball).ellipse(box, fill=255)
    glow = Image.radial_gradient("L").resize((int(big * 1.5), int(big * 1.5)))
    lit = ImageChops.invert(glow).crop(
        (int(big * 0.38), int(big * 0.38), int(big * 1.38), int(big * 1.38))
    )
    ground = Image.composite(
        Image.new("RGB", (big, big), (64, 42, 74)), Image.new("RGB", (big, big), (24, 24, 38)), lit
    )
    bright = lit.point(lambda value: min(255, max(0, round((value - 122) * 1.92))))
    sphere = Image.composite(
        Image.new("RGB", (big, big), (255, 214, 140)),
        Image.new("RGB", (big, big), (58, 36, 66)),
        bright,
    )
    shadow = ImageChops.offset(ball, big // 16, big // 16).filter(
        ImageFilter.GaussianBlur(big / 18)
    )
    ground = Image.composite(Image.new("RGB", (big, big), (12, 12, 22)), ground, shadow)
    ground.paste(sphere, mask=ball)
    ground.putalpha(plate)
    return ground.resize((edge_px, edge_px), Image.Resampling.LANCZOS)


def run(*command: str | Path) -> None:
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr, timeout=600)


if __name__ == "__main__":
    sys.exit(main())

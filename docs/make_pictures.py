"""Make the README's picture with the local engine, from the sample photo that ships.

    python docs/make_pictures.py
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "mcp_relight" / "cli" / "samples" / "astronaut.jpg"
TARGET = ROOT / "docs" / "images" / "before-after.jpg"
LOOKS = ("golden_hour", "rembrandt", "neon")
GAP_PX = 8


def relit(photo: Path, look: str, folder: Path) -> Image.Image:
    """The photo under one look, through the command line."""
    command = [sys.executable, "-m", "mcp_relight", "relight", str(photo), "--look", look, "--json"]
    done = subprocess.run(
        [*command, "--data-dir", str(folder / "data"), "--output-dir", str(folder / "results")],
        capture_output=True,
        check=True,
        text=True,
    )
    return Image.open(json.loads(done.stdout)["images"][0]["path"]).convert("RGB")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        pictures = [Image.open(SAMPLE).convert("RGB")]
        pictures += [relit(SAMPLE, look, Path(folder)) for look in LOOKS]
    width = sum(picture.width for picture in pictures) + GAP_PX * (len(pictures) - 1)
    strip = Image.new("RGB", (width, pictures[0].height), "white")
    left = 0
    for picture in pictures:
        strip.paste(picture, (left, 0))
        left += picture.width + GAP_PX
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    strip.save(TARGET, quality=85)


if __name__ == "__main__":
    main()

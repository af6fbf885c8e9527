"""Make every picture of the documentation with the local engine, from photographs free to ship.

    python docs/make_pictures.py

Writes docs/images/before-after.jpg for the README and one sheet per photograph for docs/gallery.md.
Nothing is picked by hand: all looks of the list, on all photographs, with default settings.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
PORTRAIT = ROOT / "mcp_relight" / "cli" / "samples" / "astronaut.jpg"
PHOTOS = [PORTRAIT, *sorted((ROOT / "docs" / "photos").glob("*.*"))]
README_LOOKS = ("golden_hour", "rembrandt", "neon")
GALLERY_LOOKS = (
    "golden_hour",
    "sunset_backlight",
    "blue_hour",
    "overcast",
    "window_left",
    "rembrandt",
    "split",
    "rim_light",
    "low_key",
    "neon",
    "candlelight",
    "moonlight",
)
GAP_PX = 8
CELL_PX = 300
LABEL_PX = 22


def relit(photo: Path, looks: tuple[str, ...], folder: Path) -> list[Image.Image]:
    """The photo under each look, through the command line."""
    command = [sys.executable, "-m", "mcp_relight", "relight", str(photo), "--json"]
    folders = ["--data-dir", str(folder / "data"), "--output-dir", str(folder / "results")]
    done = subprocess.run(
        [*command, "--look", ",".join(looks), *folders], capture_output=True, check=True, text=True
    )
    jobs = {job["lighting"]["look"]: job for job in json.loads(done.stdout)["jobs"]}
    return [Image.open(jobs[look]["images"][0]["path"]).convert("RGB") for look in looks]


def strip(pictures: list[Image.Image]) -> Image.Image:
    width = sum(picture.width for picture in pictures) + GAP_PX * (len(pictures) - 1)
    drawn = Image.new("RGB", (width, pictures[0].height), "white")
    left = 0
    for picture in pictures:
        drawn.paste(picture, (left, 0))
        left += picture.width + GAP_PX
    return drawn


def sheet(pictures: list[Image.Image], labels: list[str], columns: int = 4) -> Image.Image:
    """Before and all looks, labelled."""
    height = round(CELL_PX * pictures[0].height / pictures[0].width)
    rows = -(-len(pictures) // columns)
    drawn = Image.new(
        "RGB",
        (columns * (CELL_PX + GAP_PX), rows * (height + LABEL_PX + GAP_PX)),
        "white",
    )
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(15)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        left = index % columns * (CELL_PX + GAP_PX)
        top = index // columns * (height + LABEL_PX + GAP_PX)
        drawn.paste(picture.resize((CELL_PX, height), Image.Resampling.LANCZOS), (left, top))
        pen.text((left + 2, top + height + 2), label, fill="black", font=font)
    return drawn


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = Image.open(PORTRAIT).convert("RGB")
        strip([before, *relit(PORTRAIT, README_LOOKS, folder)]).save(
            IMAGES / "before-after.jpg", quality=85
        )
        for photo in PHOTOS:
            before = Image.open(photo).convert("RGB")
            pictures = [before, *relit(photo, GALLERY_LOOKS, folder)]
            drawn = sheet(pictures, ["before", *GALLERY_LOOKS])
            drawn.save(IMAGES / f"gallery-{photo.stem}.jpg", quality=82)
            print(photo.stem, drawn.size)


if __name__ == "__main__":
    main()

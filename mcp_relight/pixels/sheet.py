"""Contact sheets: several pictures, lettered and labelled, in one."""

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

_INK, _PAPER = (32, 32, 32), (246, 246, 244)
_FONT_SHARE = 0.022
_SMALLEST_FONT_PX = 12


def draw_sheet(cells: Sequence[tuple[Image.Image, str]], edge_px: int) -> Image.Image:
    """A grid whose longer side is about `edge_px`; the label stands below each picture."""
    columns = math.ceil(math.sqrt(len(cells)))
    rows = math.ceil(len(cells) / columns)
    font_px = max(_SMALLEST_FONT_PX, round(edge_px * _FONT_SHARE))
    font = ImageFont.load_default(font_px)
    gap = max(6, font_px // 2)
    cell_px = max(32, edge_px // columns - gap)
    aspect = max(image.height / image.width for image, _ in cells)
    tall_px = min(int(cell_px * aspect), int(cell_px * 1.5))
    line_px = font_px * 2
    sheet = Image.new(
        "RGB",
        (gap + columns * (cell_px + gap), gap + rows * (tall_px + line_px + gap)),
        _PAPER,
    )
    pen = ImageDraw.Draw(sheet)
    for index, (image, label) in enumerate(cells):
        left = gap + (index % columns) * (cell_px + gap)
        top = gap + (index // columns) * (tall_px + line_px + gap)
        fitted = _fitted(image, cell_px, tall_px)
        sheet.paste(
            fitted, (left + (cell_px - fitted.width) // 2, top + (tall_px - fitted.height) // 2)
        )
        text = _cut(pen, f"{chr(ord('A') + index)}  {label}", font, cell_px)
        pen.text((left, top + tall_px + font_px // 3), text, fill=_INK, font=font)
    return sheet


def _fitted(image: Image.Image, width: int, height: int) -> Image.Image:
    scale = min(width / image.width, height / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _cut(
    pen: ImageDraw.ImageDraw,
    text: str,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
    width: int,
) -> str:
    while len(text) > 1 and pen.textlength(text, font=font) > width:
        text = text[:-2].rstrip() + "…"
    return text

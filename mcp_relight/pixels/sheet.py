"""A labelled contact sheet: several pictures in one, for eyes that can be shown one only."""

import math
import unicodedata
from collections.abc import Sequence
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from mcp_relight.domain.image import SheetCell

from .encode import on_paper
from .photo import read_srgb, shrunk

_GAP_PX = 8
_BACKGROUND = (24, 24, 24)
_INK = (255, 255, 255)
_LABEL_SHARE = 18
"""A line is this many times lower than its cell is wide: about 18 px in a chat's 512 px."""

_SMALLEST_LABEL_PX = 18
_LABEL_LINES = 2
_BETWEEN_FACTS = " · "
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CARD_WIDTH_PX, _CARD_HEIGHT_PX = 640, 320
_CARD_PAPER, _CARD_INK, _CARD_FRAME = (250, 244, 230), (40, 34, 26), (216, 138, 44)
_CARD_FRAME_PX = 14
_CARD_SHARE = 0.82
_CARD_TALLEST_PX = 120


def contact_sheet(cells: Sequence[SheetCell], max_edge_px: int) -> Image.Image:
    """A grid of pictures, each below its letter and label. `cells` must not be empty."""
    columns = math.ceil(math.sqrt(len(cells)))
    rows = math.ceil(len(cells) / columns)
    cell_px = (max_edge_px - _GAP_PX * (columns + 1)) // columns
    label_px = max(_SMALLEST_LABEL_PX, cell_px // _LABEL_SHARE)
    labels = [
        _lines(f"{_letter(index)}  {_printable(cell.label)}".rstrip(), cell_px, label_px)
        for index, cell in enumerate(cells)
    ]
    strip_px = max(len(lines) for lines in labels) * label_px * 3 // 2
    picture_px = cell_px - strip_px
    pictures = [_picture(cell, cell_px, picture_px) for cell in cells]
    row_heights = [
        strip_px + max(picture.height for picture in pictures[row * columns : (row + 1) * columns])
        for row in range(rows)
    ]
    height = sum(row_heights) + _GAP_PX * (rows + 1)
    sheet = Image.new("RGB", (columns * (cell_px + _GAP_PX) + _GAP_PX, height), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for index, (lines, picture) in enumerate(zip(labels, pictures, strict=True)):
        row, column = divmod(index, columns)
        left = _GAP_PX + column * (cell_px + _GAP_PX)
        top = _GAP_PX + sum(row_heights[:row]) + row * _GAP_PX
        draw.text((left, top), "\n".join(lines), fill=_INK, font=_font(label_px))
        sheet.paste(picture, (left + (cell_px - picture.width) // 2, top + strip_px))
    return sheet


def _picture(cell: SheetCell, width_px: int, height_px: int) -> Image.Image:
    image = on_paper(read_srgb(cell.image, max_edge_px=max(width_px, height_px)))
    scale = min(width_px / image.width, height_px / image.height, 1.0)
    return shrunk(image, max(1, int(max(image.size) * scale)))


def _letter(index: int) -> str:
    return _LETTERS[index] if index < len(_LETTERS) else str(index + 1)


def _printable(label: str) -> str:
    return "".join(char for char in label if unicodedata.category(char)[0] != "C")


def _lines(label: str, width_px: int, size_px: int) -> list[str]:
    """The label, broken between its facts where it is too wide; the last line is shortened."""
    font = _font(size_px)
    lines = [""]
    for fact in label.split(_BETWEEN_FACTS):
        joined = lines[-1] + _BETWEEN_FACTS + fact if lines[-1] else fact
        is_full = len(lines) == _LABEL_LINES or not lines[-1]
        if font.getlength(joined) <= width_px or is_full:
            lines[-1] = joined
        else:
            lines.append(fact)
    return [_fitting(line, width_px, size_px) for line in lines]


def _fitting(text: str, width_px: int, size_px: int) -> str:
    """The text, shortened until it is no wider than its cell."""
    font = _font(size_px)
    shortened = text
    while font.getlength(shortened) > width_px and len(shortened) > 1:
        text = text[:-1]
        shortened = text.rstrip() + "…"
    return shortened


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


def word_card(words: str) -> Image.Image:
    """One line in the middle of a framed card. `words` must not be empty."""
    card = Image.new("RGB", (_CARD_WIDTH_PX, _CARD_HEIGHT_PX), _CARD_PAPER)
    pen = ImageDraw.Draw(card)
    pen.rectangle(
        (0, 0, _CARD_WIDTH_PX - 1, _CARD_HEIGHT_PX - 1), outline=_CARD_FRAME, width=_CARD_FRAME_PX
    )
    font = ImageFont.load_default(_CARD_TALLEST_PX)
    fitting = min(1.0, _CARD_WIDTH_PX * _CARD_SHARE / pen.textlength(words, font=font))
    font = ImageFont.load_default(int(_CARD_TALLEST_PX * fitting))
    pen.text(
        (_CARD_WIDTH_PX / 2, _CARD_HEIGHT_PX / 2), words, fill=_CARD_INK, font=font, anchor="mm"
    )
    return card

"""Words as a picture, large and clear: what eyes and vision models read without doubt."""

from PIL import Image, ImageDraw, ImageFont

_WIDTH_PX, _HEIGHT_PX = 640, 320
_PAPER, _INK, _FRAME = (250, 244, 230), (40, 34, 26), (216, 138, 44)
_FRAME_PX = 14
_SHARE = 0.82
_TALLEST_PX = 120


def placard(words: str) -> Image.Image:
    """One line in the middle of a framed card. `words` must not be empty."""
    card = Image.new("RGB", (_WIDTH_PX, _HEIGHT_PX), _PAPER)
    pen = ImageDraw.Draw(card)
    pen.rectangle((0, 0, _WIDTH_PX - 1, _HEIGHT_PX - 1), outline=_FRAME, width=_FRAME_PX)
    font = ImageFont.load_default(_TALLEST_PX)
    fitting = min(1.0, _WIDTH_PX * _SHARE / pen.textlength(words, font=font))
    font = ImageFont.load_default(int(_TALLEST_PX * fitting))
    pen.text((_WIDTH_PX / 2, _HEIGHT_PX / 2), words, fill=_INK, font=font, anchor="mm")
    return card

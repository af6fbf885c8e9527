"""Words: in error messages, in what callers write, and in text given as JSON."""

import difflib
import json
import re
from collections.abc import Collection, Iterable
from typing import NoReturn


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.5) -> str | None:
    """The known word most like `word`, or None when nothing is near."""
    matches = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=cutoff)
    return matches[0] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean "azimuth_deg"?`, or the empty string."""
    match = nearest(word, known)
    return f'Did you mean "{match}"?' if match else ""


def is_unset(value: object, *, null_is_a_word: bool = False) -> bool:
    """Whether this stands for nothing: models and gateways fill in what they should leave out."""
    if isinstance(value, str):
        word = value.strip()
        return not word or (word == "null" and not null_is_a_word)
    return value is None


def rule_broken(name: str, message: str) -> str:
    """`kelvin must be less than 20000.`: a pydantic message as a sentence about `name`."""
    if message.startswith("Value error, "):
        message = message.removeprefix("Value error, ")
        return f"{name} {message}." if message.startswith("must ") else f"{name}: {message}."
    _, has_rule, rule = message.partition(" should ")
    return f"{name} must {rule}." if has_rule else f"{name}: {message[:1].lower()}{message[1:]}."


def dollars(usd: float) -> str:
    """`$0.0625`: to the last digit, since a limit that is rounded down would be a lie."""
    whole, _, cents = f"{usd:.6f}".rstrip("0").partition(".")
    return f"${whole}.{cents:0<2}"


def json_text(value: object) -> str:
    """JSON as it is answered: in one line, with letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def shortened(text: str, most_chars: int) -> str:
    """At most so many characters; what was cut ends in an ellipsis."""
    return text if len(text) <= most_chars else text[: most_chars - 1].rstrip() + "…"


def printable(text: str, most_chars: int) -> str:
    """At most so many characters, without control characters or line breaks."""
    return "".join(letter for letter in text[:most_chars] if letter.isprintable())


def value_of(text: str) -> object:
    """The value of a JSON text. Raises ValueError or RecursionError, also for what Python reads
    and nobody can be sent: NaN, Infinity, numbers beyond them, halves of characters."""
    value: object = json.loads(text, parse_constant=_refuse)
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a finite number")


_MOST_CHARS = 100
_SIDES = {
    "left": "left",
    "right": "right",
    "top": "top above overhead over",
    "bottom": "bottom below beneath under underneath",
    "front": "front frontal ahead camera flash",
    "back": "back behind backlight backlit backlighting rear",
    "top-left": "top-left left-top upper-left left-upper above-left left-above",
    "top-right": "top-right right-top upper-right right-upper above-right right-above",
    "bottom-left": "bottom-left left-bottom lower-left left-lower below-left left-below",
    "bottom-right": "bottom-right right-bottom lower-right right-lower below-right right-below",
}
_SIDE_OF_WORD = {word: side for side, words in _SIDES.items() for word in words.split()}
_AROUND_SIDES = re.compile(r"^(?:(?:light|from|at|in|on|the|coming)-)+|-(?:side|hand|light)$")

_CSS_COLORS = """
aliceblue f0f8ff antiquewhite faebd7 aqua 00ffff aquamarine 7fffd4 azure f0ffff beige f5f5dc
bisque ffe4c4 black 000000 blanchedalmond ffebcd blue 0000ff blueviolet 8a2be2 brown a52a2a
burlywood deb887 cadetblue 5f9ea0 chartreuse 7fff00 chocolate d2691e coral ff7f50 cornflowerblue
6495ed cornsilk fff8dc crimson dc143c cyan 00ffff darkblue 00008b darkcyan 008b8b darkgoldenrod
b8860b darkgray a9a9a9 darkgreen 006400 darkkhaki bdb76b darkmagenta 8b008b darkolivegreen
556b2f darkorange ff8c00 darkorchid 9932cc darkred 8b0000 darksalmon e9967a darkseagreen 8fbc8f
darkslateblue 483d8b darkslategray 2f4f4f darkturquoise 00ced1 darkviolet 9400d3 deeppink ff1493
deepskyblue 00bfff dimgray 696969 dodgerblue 1e90ff firebrick b22222 floralwhite fffaf0
forestgreen 228b22 fuchsia ff00ff gainsboro dcdcdc ghostwhite f8f8ff gold ffd700 goldenrod
daa520 gray 808080 green 008000 greenyellow adff2f honeydew f0fff0 hotpink ff69b4 indianred
cd5c5c indigo 4b0082 ivory fffff0 khaki f0e68c lavender e6e6fa lavenderblush fff0f5 lawngreen
7cfc00 lemonchiffon fffacd lightblue add8e6 lightcoral f08080 lightcyan e0ffff
lightgoldenrodyellow fafad2 lightgray d3d3d3 lightgreen 90ee90 lightpink ffb6c1 lightsalmon
ffa07a lightseagreen 20b2aa lightskyblue 87cefa lightslategray 778899 lightsteelblue b0c4de
lightyellow ffffe0 lime 00ff00 limegreen 32cd32 linen faf0e6 magenta ff00ff maroon 800000
mediumaquamarine 66cdaa mediumblue 0000cd mediumorchid ba55d3 mediumpurple 9370db mediumseagreen
3cb371 mediumslateblue 7b68ee mediumspringgreen 00fa9a mediumturquoise 48d1cc mediumvioletred
c71585 midnightblue 191970 mintcream f5fffa mistyrose ffe4e1 moccasin ffe4b5 navajowhite ffdead
navy 000080 oldlace fdf5e6 olive 808000 olivedrab 6b8e23 orange ffa500 orangered ff4500 orchid
da70d6 palegoldenrod eee8aa palegreen 98fb98 paleturquoise afeeee palevioletred db7093
papayawhip ffefd5 peachpuff ffdab9 peru cd853f pink ffc0cb plum dda0dd powderblue b0e0e6 purple
800080 rebeccapurple 663399 red ff0000 rosybrown bc8f8f royalblue 4169e1 saddlebrown 8b4513
salmon fa8072 sandybrown f4a460 seagreen 2e8b57 seashell fff5ee sienna a0522d silver c0c0c0
skyblue 87ceeb slateblue 6a5acd slategray 708090 snow fffafa springgreen 00ff7f steelblue 4682b4
tan d2b48c teal 008080 thistle d8bfd8 tomato ff6347 turquoise 40e0d0 violet ee82ee wheat f5deb3
white ffffff whitesmoke f5f5f5 yellow ffff00 yellowgreen 9acd32
"""
_WORDS = _CSS_COLORS.split()
_HEX_OF_NAME: dict[str, str] = {
    **dict(zip(_WORDS[::2], _WORDS[1::2], strict=True)),
    "amber": "ffbf00",
    "rose": "ff007f",
    "mint": "98ff98",
    "peach": "ffcba4",
}
"""The colour names of CSS, and those photographers use of gels beside them."""
_SHORT_HEX = re.compile(r"#([0-9a-f]{3})")
_LONG_HEX = re.compile(r"(?:#|0x|(?=[a-f]*\d))([0-9a-f]{6})(?:ff)?")
_RGB = re.compile(r"(?:rgb)?\(?(\d{1,3})[, ]+(\d{1,3})[, ]+(\d{1,3})\)?")


def choice(value: object, known: Collection[str]) -> object:
    """The known word that was meant, whatever its case and its hyphens; else the value itself."""
    if not known or not isinstance(value, str):
        return value
    meant = _hyphened(value)
    return next((word for word in known if _hyphened(word) == meant), value)


def side(value: object) -> object:
    """The word of `light_from` that was meant: `Left`, `bottom right`, `from below`."""
    if not isinstance(value, str):
        return value
    word = _AROUND_SIDES.sub("", _hyphened(value).replace("-and-", "-"))
    return _SIDE_OF_WORD.get(word, value)


def color(value: object) -> object:
    """`#RRGGBB` of `orange`, `Dark Orange`, `#f80`, `ff8800` or `rgb(255, 136, 0)`. Raises
    ValueError."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if text.startswith("#") and _LONG_HEX.fullmatch(text) and len(text) == len("#rrggbb"):
        return value.strip()
    name = re.sub(r"[\s_-]", "", text).replace("grey", "gray")
    if named := _HEX_OF_NAME.get(name):
        return f"#{named.upper()}"
    if short := _SHORT_HEX.fullmatch(text):
        return "#" + "".join(2 * digit for digit in short[1]).upper()
    if long := _LONG_HEX.fullmatch(text):
        return f"#{long[1].upper()}"
    parts = [int(part) for part in rgb.groups()] if (rgb := _RGB.fullmatch(text)) else []
    if parts and max(parts) <= 255:
        return "#" + "".join(f"{part:02X}" for part in parts)
    meant = did_you_mean(name[:_MOST_CHARS], _HEX_OF_NAME)
    raise ValueError(f"must be #RRGGBB or the name of a colour. {meant}".strip(" ."))


def kelvin(value: object) -> object:
    """`3200` of `3200 K`."""
    return (
        re.sub(r"(?<=\d)\s*k(?:elvin)?\s*$", "", value.lower()) if isinstance(value, str) else value
    )


def _hyphened(text: str) -> str:
    return re.sub(r"[\s_-]+", "-", text.strip().lower())

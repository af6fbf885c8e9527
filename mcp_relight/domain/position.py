"""A lamp's place in the picture, read kindly, and the direction it is seen in from elsewhere.

`x`, `y` are fractions of width and height (0, 0 = top left), `z` the distance before the picture
plane in long sides of the picture; negative is behind the subject.
"""

import math
import re
from typing import Annotated, cast

from pydantic import BeforeValidator

DEFAULT_Z = 0.35
MIDDLE = (0.5, 0.5)

_ACROSS = (-1.0, 2.0)
_DEEP = (-3.0, 3.0)
_RULE = (
    'must be "x,y" or "x,y,z": fractions of width and height from the top left, -1..2, and z long '
    "sides before the picture, -3..3"
)
_NAMED = re.compile(r"[\"']?\b[xyz]\b[\"']?\s*[=:]", re.IGNORECASE)
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+))\s*(%?)")
_MOST_CHARS = 200

Place = tuple[float, float, float]


def read_place(value: object) -> Place:
    """(x, y, z) from text, a list or an object of them, z optional. Raises ValueError."""
    numbers = _numbers(value)
    if not 2 <= len(numbers) <= 3:
        raise ValueError(_RULE)
    x, y = numbers[0], numbers[1]
    z = numbers[2] if len(numbers) == 3 else DEFAULT_Z
    if not (_within(x, _ACROSS) and _within(y, _ACROSS) and _within(z, _DEEP)):
        pixels = max(abs(x), abs(y)) > 2 * _ACROSS[1]
        raise ValueError(_RULE + ("; divide pixels by the picture's size" if pixels else ""))
    return x, y, z


def place_text(place: Place) -> str:
    """The one spelling of a place."""
    return ",".join(f"{number:.6g}" for number in place)


PlaceOf = Annotated[Place, BeforeValidator(read_place)]


def _within(number: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= number <= limits[1]


def _numbers(value: object) -> list[float]:
    if isinstance(value, str):
        return _in_text(value)
    if isinstance(value, dict):
        named = {
            str(name).lower(): part for name, part in cast(dict[object, object], value).items()
        }
        if not {"x", "y"} <= named.keys() <= {"x", "y", "z"}:
            raise ValueError(_RULE)
        value = [named[name] for name in ("x", "y", "z") if named.get(name) is not None]
    if not isinstance(value, (list, tuple)):
        raise ValueError(_RULE)  # noqa: TRY004 - pydantic reports ValueError only
    return [_number(part) for part in cast(list[object], value)]


def _number(part: object) -> float:
    if isinstance(part, str):
        numbers = _in_text(part)
        if len(numbers) == 1:
            return numbers[0]
    if isinstance(part, (int, float)) and not isinstance(part, bool) and math.isfinite(part):
        return float(part)
    raise ValueError(_RULE)


def _in_text(text: str) -> list[float]:
    """The numbers of "0.2, 0.3", "(20%, 30%)", "x=0.2 y=0.3" or "0,2; 0,3"."""
    plain = _NAMED.sub(" ", text[:_MOST_CHARS].replace("\N{MINUS SIGN}", "-"))
    if ";" in plain:
        plain = plain.replace(",", ".").replace(";", " ")
    rest = _NUMBER.sub(" ", plain)
    if re.search(r"[^\s,()\[\]{}\"']", rest):
        raise ValueError(_RULE)
    return [float(number) / (100 if percent else 1) for number, percent in _NUMBER.findall(plain)]


def seen_from(
    place: Place, middle: tuple[float, float], width: float, height: float
) -> tuple[float, float]:
    """(azimuth_deg, elevation_deg) of a place, seen from a point of the picture plane.

    `middle` is that point, in fractions; `width` and `height` are the picture's, in any unit.
    """
    longest = max(width, height)
    across = (place[0] - middle[0]) * width / longest
    up = (middle[1] - place[1]) * height / longest
    distance = math.hypot(across, up, place[2])
    if distance < 1e-6:
        return 0.0, 0.0
    azimuth = math.degrees(math.atan2(across, place[2]))
    return round(azimuth, 1), round(math.degrees(math.asin(up / distance)), 1)

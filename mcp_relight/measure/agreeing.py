"""One report, one story: what its measures say apart is brought to agree before it is told.

Words and numbers come from different measures: sides from the gain, angles from a rough shape,
kelvin from the mean colour. Where two differ the less sure one is left out, or the word follows.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mcp_relight.domain.report import (
    SURE,
    DirectionReport,
    KelvinReport,
    MatchReport,
    Parts,
    PartWord,
)

NEAR_KELVIN = 0.2
"""Share off the kelvin asked for that still passes as that colour."""
_SAME_KELVIN = 0.08
_SURE_OF_COLOR, _SURE_OF_ANGLE = 0.6, 0.6
_NEAR_DEG, _FAR_DEG = 35, 60
_UNSURE = 0.29
_BACK, _CLEARLY_CLOSER, _MIREDS = -0.2, 0.6, 20


@dataclass(frozen=True, slots=True)
class Told:
    """What a report is going to say of the light."""

    parts: Parts
    direction: DirectionReport
    kelvin: KelvinReport
    match: MatchReport | None = None


def of_another_picture(told: Told) -> Told:
    """Light means nothing on another picture: no part of it is measured."""
    parts = _each(told.parts, lambda word: word if word == "not asked" else "not measurable")
    return replace(
        told,
        parts=parts,
        direction=_unplaced(told.direction),
        kelvin=_untoned(told.kelvin),
        match=None
        if told.match is None
        else told.match.model_copy(update={"direction_deg": None, "kelvin_percent": None}),
    )


def of_the_same_light(told: Told) -> Told:
    """Where nothing changed, nothing that was asked for was done."""
    if told.match is not None:
        return told
    done = ("as asked", "stronger", "wrong")
    parts = _each(told.parts, lambda word: "weaker" if word in done else word)
    is_there = _is_other_tone(parts.colour, told.kelvin)
    return replace(told, parts=parts, kelvin=_untoned(told.kelvin) if is_there else told.kelvin)


def agreed(
    told: Told,
    *,
    is_one_light: bool,
    angle_confidence: float,
    is_tone_named: bool,
    color_confidence: float,
) -> Told:
    """`is_one_light`: a single direction was asked for; `is_tone_named`: the caller, not a look,
    named the kelvin; `angle_confidence` that of the light found, `color_confidence` that of the
    original's."""
    parts, direction, kelvin = told.parts, told.direction, told.kelvin
    if not is_one_light or direction.confidence < SURE:
        direction = _unplaced(direction)
    elif _is_elsewhere(parts.direction, direction):
        if parts.direction == "as asked" and angle_confidence >= _SURE_OF_ANGLE:
            # It moved that way, but has not arrived.
            parts = parts.model_copy(update={"direction": "weaker"})
        else:
            direction = _unplaced(direction)
    if _is_other_tone(parts.colour, kelvin):
        if is_tone_named and color_confidence >= _SURE_OF_COLOR:
            parts = parts.model_copy(update={"colour": _word_of(kelvin)})
        else:
            kelvin = _untoned(kelvin)
    return replace(told, parts=parts, direction=direction, kelvin=kelvin)


def _each(parts: Parts, change: Callable[[PartWord], PartWord]) -> Parts:
    return Parts.model_validate({name: change(word) for name, word in parts.model_dump().items()})


def _unplaced(direction: DirectionReport) -> DirectionReport:
    return direction.model_copy(update={"after": None, "error_deg": None})


def _untoned(kelvin: KelvinReport) -> KelvinReport:
    unsure = min(kelvin.confidence, _UNSURE)
    return kelvin.model_copy(update={"after": None, "shift": None, "confidence": unsure})


def _is_elsewhere(word: PartWord, direction: DirectionReport) -> bool:
    """The angle found is not where the word says that the light is."""
    error = direction.error_deg
    if error is None:
        return False
    return (word == "as asked" and error > _FAR_DEG) or (word == "wrong" and error < _NEAR_DEG)


def _is_other_tone(word: PartWord, kelvin: KelvinReport) -> bool:
    """The kelvin measured are not what the word says of them."""
    if kelvin.requested is None or kelvin.after is None or kelvin.before is None:
        return False
    off = abs(kelvin.after / kelvin.requested - 1)
    match word:
        case "as asked":
            return off > NEAR_KELVIN
        case "weaker":
            return off <= _SAME_KELVIN or _way(kelvin) > 1
        case "stronger":
            return _way(kelvin) < 1
        case "wrong":
            return off <= _SAME_KELVIN or _way(kelvin) > _CLEARLY_CLOSER
        case _:
            return False


def _word_of(kelvin: KelvinReport) -> PartWord:
    before, after, asked = kelvin.before, kelvin.after, kelvin.requested
    if before is None or after is None or asked is None:
        return "not measurable"
    if abs(after / asked - 1) <= NEAR_KELVIN:
        return "as asked"
    way = _way(kelvin)
    return "wrong" if way < _BACK else "weaker" if way < 1 else "stronger"


def _way(kelvin: KelvinReport) -> float:
    """How much of the way from before to the kelvin asked for was gone, in reciprocal kelvin."""
    kelvins = (kelvin.before, kelvin.after, kelvin.requested)
    before, after, asked = (1e6 / (one or 1) for one in kelvins)
    if abs(asked - before) < _MIREDS:
        return -abs(after - before) / _MIREDS
    return (after - before) / (asked - before)

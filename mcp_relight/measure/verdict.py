"""The verdict word, the sentence and the next step, from what was measured."""

from dataclasses import dataclass

from mcp_relight.domain.report import Verdict

from .analyze import direction_words
from .content import Content
from .direction import Change
from .request import Wish

_UNCHANGED_STOPS = 0.12
_WEAK, _STRONG = 0.3, 2.5
_SURE = 0.5
_TOO_UNSURE = 0.1
"""Below this the light may come from anywhere: no verdict is built on where it seems to be."""
_UNSURE = 0.25
"""Below this it may be hard to tell where the light is, and yet plain which way it went."""
_FAR_OFF_DEG = 70


@dataclass(frozen=True, slots=True)
class Measured:
    """All that the verdict rests on.

    `direction_confidence` is the one the report gives; `moved_stops` is how much anything changed
    at all; `done` the share of the asked change of shading, colour or exposure that happened
    (1 = all, negative = the other way).
    """

    content: Content
    change: Change
    wish: Wish | None
    error_deg: int | None
    direction_confidence: float
    moved_stops: float
    done: float


def judge(measured: Measured) -> Verdict:
    """One word; content before light, since a light measured on another picture means nothing."""
    if measured.moved_stops < _UNCHANGED_STOPS:
        return "weaker"
    if measured.content.changed:
        return "changed content"
    if _is_wrong_way(measured):
        return "wrong direction"
    if measured.done < _WEAK:
        return "weaker"
    return "stronger" if measured.done > _STRONG else "as asked"


def _is_wrong_way(measured: Measured) -> bool:
    wish, before, after = measured.wish, measured.change.before, measured.change.after
    if wish is None or not wish.single or measured.direction_confidence < _TOO_UNSURE:
        return False
    far_off = (measured.error_deg or 0) > _FAR_OFF_DEG and after.confidence >= _SURE
    if not wish.sided or far_off:
        return far_off
    went_there = wish.approached(before.direction, after.direction)
    is_unsure = measured.direction_confidence < _UNSURE
    return wish.opposed_by(after.direction) and not (is_unsure and went_there)


def sentence_of(verdict: Verdict, measured: Measured) -> str:
    """One plain sentence for a person, and one more when a face is no longer the same."""
    sentence = _light_sentence(verdict, measured)
    face = measured.content.face
    if verdict == "changed content" or face is None or not face.changed:
        return sentence
    return f"{sentence} The face looks like another one."


def _light_sentence(verdict: Verdict, measured: Measured) -> str:
    came = direction_words(*measured.change.after.angles)
    match verdict:
        case "changed content":
            return "The model returned a different picture, not only a different light."
        case "weaker" if measured.moved_stops < _UNCHANGED_STOPS:
            return "Nothing visible changed."
        case "weaker":
            return "The light changed less than asked."
        case "stronger":
            return "The light changed more than asked."
        case "wrong direction":
            asked = direction_words(*measured.wish.angles) if measured.wish else came
            return f"Light was asked from {asked} but comes from {came}."
        case "as asked" if measured.direction_confidence < _UNSURE:
            return "The light changed as asked."
        case "as asked":
            return f"The light changed as asked; it now comes from {came}."


def next_step_of(verdict: Verdict) -> str:
    """What to try next, in words."""
    steps: dict[Verdict, str] = {
        "as asked": "Nothing to do; view_image shows it.",
        "weaker": "Raise strength or intensity, lower ambient, or try another model.",
        "stronger": "Lower strength or raise ambient.",
        "wrong direction": "Try another seed, a model with direction control, or local/classic.",
        "changed content": 'Use finish="light-only", another seed, or local/classic.',
    }
    return steps[verdict]

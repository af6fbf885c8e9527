"""The verdict word from the words of the parts, by one table, and a sentence that says both."""

from dataclasses import dataclass

from mcp_relight.domain.report import Flaw, Parts, PartWord, Verdict

from .content import Content
from .light_words import direction_words

UNCHANGED_STOPS = 0.12

PART_NAMES = tuple(Parts.model_fields)
TABLE: tuple[tuple[tuple[str, ...], PartWord, Verdict], ...] = (
    (("direction",), "wrong", "wrong direction"),
    (PART_NAMES, "wrong", "weaker"),
    (PART_NAMES, "weaker", "weaker"),
    (PART_NAMES, "stronger", "stronger"),
    (PART_NAMES, "as asked", "as asked"),
)
"""The first row of which any named part has that word gives the verdict; none of them, "not
judged". docs/report.md shows the same table."""


@dataclass(frozen=True, slots=True)
class Measured:
    """All that the verdict rests on.

    `is_light_asked` is False for a prompt alone; `is_original_asked` True at strength 0;
    `moved_stops` is how much anything changed at all; `came_from` the sure direction after;
    `is_matched`: judged by a reference, whose light may have been there before.
    """

    content: Content
    parts: Parts
    flaws: tuple[Flaw, ...]
    moved_stops: float
    is_light_asked: bool = True
    is_original_asked: bool = False
    asked_from: tuple[int, int] | None = None
    came_from: tuple[int, int] | None = None
    is_two_toned: bool = False
    is_matched: bool = False

    @property
    def is_unchanged(self) -> bool:
        return self.moved_stops < UNCHANGED_STOPS


def judge(measured: Measured) -> Verdict:
    """One word. Content outranks flaws, flaws the light: on another picture it means nothing."""
    if not measured.is_light_asked and not measured.is_original_asked:
        return "not judged"
    if measured.is_unchanged:
        is_there = measured.is_matched and _of_parts(measured.parts) == "as asked"
        return "as asked" if measured.is_original_asked or is_there else "weaker"
    if measured.content.changed:
        return "changed content"
    if measured.flaws:
        return "flawed"
    if measured.is_original_asked:
        return "stronger"
    return _of_parts(measured.parts)


def _of_parts(parts: Parts) -> Verdict:
    words = parts.model_dump()
    for names, word, verdict in TABLE:
        if any(words[name] == word for name in names):
            return verdict
    return "not judged"


_SHOWS: dict[Flaw, str] = {
    "stain": "patches on smooth surfaces",
    "halo": "a glow or dark band along an outline",
    "seam": "a visible step where the picture has none",
    "noise": "grain",
    "posterized": "bands instead of smooth tones",
    "clipped": "burnt or drowned areas",
}


def sentence_of(verdict: Verdict, measured: Measured) -> str:
    """One plain sentence for a person, and one more when a face is no longer the same."""
    sentence = _sentence(verdict, measured)
    face = measured.content.face
    if verdict == "changed content" or face is None or not face.changed:
        return sentence
    return f"{sentence} The face looks like another one."


def _sentence(verdict: Verdict, measured: Measured) -> str:
    match verdict:
        case "not judged":
            return _unjudged(measured)
        case "changed content":
            return "The model returned a different picture, not only a different light."
        case "flawed":
            shown = ", ".join(_SHOWS[flaw] for flaw in measured.flaws)
            return f"The result shows damage: {shown}."
        case "weaker" if measured.is_unchanged:
            return "Nothing visible changed."
        case "as asked" if measured.is_original_asked:
            return "Strength 0: the original, as asked."
        case "stronger" if measured.is_original_asked:
            return "The original was asked for, but the picture changed."
        case "wrong direction":
            return _wrong_way(measured)
        case "weaker" | "stronger":
            return _not_as_asked(verdict, measured.parts)
        case "as asked" if measured.came_from is not None:
            return f"As asked; the light now comes from {direction_words(*measured.came_from)}."
        case "as asked":
            return "The light changed as asked."


def _unjudged(measured: Measured) -> str:
    if measured.is_light_asked:
        return "What was asked of the light cannot be measured on this picture."
    if measured.is_unchanged:
        return "No light was described to judge by; nothing visible changed."
    if measured.content.changed:
        return "No light was described to judge by; the picture is a different one."
    return "No light was described to judge by."


def _wrong_way(measured: Measured) -> str:
    asked = direction_words(*measured.asked_from) if measured.asked_from else "the other side"
    if measured.is_two_toned:
        return f"Light was asked from {asked} but its colours lie on the other sides."
    if measured.came_from is None:
        return f"Light was asked from {asked} but the other side became brighter."
    came = direction_words(*measured.came_from)
    return f"Light was asked from {asked} but comes from {came}."


def _not_as_asked(verdict: Verdict, parts: Parts) -> str:
    words = set(parts.model_dump().values())
    if words & {"weaker", "stronger", "wrong"} == {verdict}:
        much = "less" if verdict == "weaker" else "more"
        return f"The light changed {much} than asked ({_telling(parts)})."
    return f"The light changed, but not as asked ({_telling(parts)})."


def _telling(parts: Parts) -> str:
    """The parts that are not as asked: "colour weaker, contrast weaker"."""
    quiet = ("as asked", "not asked", "not measurable")
    words = parts.model_dump()
    return ", ".join(f"{name} {word}" for name, word in words.items() if word not in quiet)

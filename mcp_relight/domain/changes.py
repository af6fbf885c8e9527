"""What one light changes of another, in the words of a file name: `mug-golden_hour-softer.jpg`."""

import math
from collections.abc import Iterator

from .job import JobRequest
from .lighting import DAYLIGHT_KELVIN, LIGHT_FROM, Light, Lighting
from .looks import look_of

_MORE_LESS: dict[str, tuple[str, str]] = {
    "softness": ("softer", "harder"),
    "kelvin": ("cooler", "warmer"),
    "exposure": ("brighter", "darker"),
    "strength": ("stronger", "gentler"),
    "ambient": ("more_fill", "less_fill"),
}
_REGION = {"all": "everywhere", "subject": "subject_only", "background": "background_only"}
_DIRECTION = frozenset({"lamp", *(f"from_{word}" for word in LIGHT_FROM)})
_MAX_WORDS = 6


def result_stem(request: JobRequest, number: int = 1) -> str:
    """The file name of a result without its extension; `number` counts those of one job."""
    words = request.changes
    if request.lighting.look is not None:
        words = (request.lighting.look, *words)
    stem = "-".join((request.image_name, *(words or ("relit",))))
    return stem if number == 1 else f"{stem}-{number}"


def words_of_changes(
    lighting: Lighting, model: str, base: JobRequest | None = None
) -> tuple[str, ...]:
    """What a light changes of its look, or of the job it is based on, most telling first."""
    if base is None or base.lighting.look != lighting.look:
        look = look_of(lighting)
        if look is None:
            return tuple(_told(lighting))[:_MAX_WORDS]
        return tuple(_differences(look.lighting, lighting))[:_MAX_WORDS]
    new = list(_differences(base.lighting, lighting))
    if base.model != model:
        new.append(model.rpartition("/")[2].replace(":", "_"))
    kept = [word for word in base.changes if not any(_same_kind(word, other) for other in new)]
    return tuple((kept + new)[-_MAX_WORDS:])


def _told(lighting: Lighting) -> Iterator[str]:
    """A light of no look."""
    key = lighting.key
    if key is not None:
        yield _direction(key)
        if key.color is not None:
            yield key.color.removeprefix("#").lower()
        elif key.kelvin is not None:
            yield "warm" if key.kelvin < DAYLIGHT_KELVIN else "cool"
    if lighting.region != "all":
        yield _REGION[lighting.region]


def _differences(before: Lighting, after: Lighting) -> Iterator[str]:
    was, now = before.key, after.key
    if was is not None and now is not None:
        if (was.azimuth_deg, was.elevation_deg, was.at) != (
            now.azimuth_deg, now.elevation_deg, now.at
        ):  # fmt: skip
            yield _direction(now)
        yield from _compared("softness", was.softness, now.softness)
        yield from _color(was, now)
    was_ev, now_ev = _exposure(before), _exposure(after)
    yield from _compared("exposure", was_ev, now_ev)
    yield from _compared("strength", before.strength, after.strength)
    yield from _compared("ambient", before.ambient, after.ambient)
    if before.region != after.region:
        yield _REGION[after.region]
    if before.prompt != after.prompt:
        yield "reworded"


def _compared(kind: str, before: float, after: float) -> Iterator[str]:
    if not math.isclose(before, after):
        yield _MORE_LESS[kind][0 if after > before else 1]


def _color(was: Light, now: Light) -> Iterator[str]:
    if now.color is not None:
        if now.color != was.color:
            yield now.color.removeprefix("#").lower()
        return
    yield from _compared("kelvin", was.kelvin or DAYLIGHT_KELVIN, now.kelvin or DAYLIGHT_KELVIN)


def _exposure(lighting: Lighting) -> float:
    """How bright it is meant to be, in stops."""
    key = lighting.key
    stops = math.log2(key.intensity) if key is not None and key.intensity > 0 else 0.0
    return lighting.exposure_ev + stops


def _direction(light: Light) -> str:
    """The nearest word for where it comes from."""
    if light.at is not None:
        return "lamp"

    def nearness(word: str) -> float:
        azimuth, elevation = LIGHT_FROM[word]
        other = Light(azimuth_deg=azimuth, elevation_deg=elevation).direction
        return sum(a * b for a, b in zip(light.direction, other, strict=True))

    return f"from_{max(LIGHT_FROM, key=nearness)}"


def _same_kind(word: str, other: str) -> bool:
    pairs = (*_MORE_LESS.values(), tuple(_REGION.values()), tuple(_DIRECTION))
    return word == other or any(word in kind and other in kind for kind in pairs)

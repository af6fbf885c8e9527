"""What of a light a model would not bring: said before it is paid for."""

from collections.abc import Sequence

from mcp_relight.domain.job import FieldHonesty

_TELLING = {
    "light_at": "where the lamp stands",
    "azimuth_deg": "the direction",
    "elevation_deg": "the direction",
    "color": "the colour",
    "kelvin": "the colour temperature",
    "lights": "all lights but one",
    "region": "the region",
    "role": "the lights of the background",
    "prompt": "the words",
}
"""Fields without which it is another light; of the others a person would hardly notice."""


def lost_words(model: str, fields: Sequence[FieldHonesty]) -> str | None:
    """`segmind/segmind-relighting leaves out the colour.`; None where nothing telling is lost."""
    ignored = {field.name for field in fields if field.how == "ignored"}
    lost = dict.fromkeys(words for name, words in _TELLING.items() if name in ignored)
    if not lost:
        return None
    *first, last = lost
    named = f"{', '.join(first)} and {last}" if first else last
    return f"{model} leaves out {named} of this light."

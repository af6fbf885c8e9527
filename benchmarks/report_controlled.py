"""Ask for one light, make another, and count how often the report notices.

    PYTHONPATH=. python benchmarks/report_controlled.py PHOTO_DIR [--every N]

PHOTO_DIR holds PNG or JPEG photos; each is relit by the local engine. Every line is the share of
the photos and looks on which the report said what it should: the light itself "as asked" and
without a flaw, a quarter of it "weaker", the mirrored one "wrong direction" (of two lamps whose
colors changed sides also by itself), half the way from daylight, or from the photo's own light
where that is warmer, (in reciprocal kelvin) a weaker colour, the photo unchanged "weaker", the next
photo "changed content", and damage painted into a good window light "flawed", with its own name
among the flaws, where the photo has ground on which that is seen. A black-and-white photo keeps its
gray under a look: colors are not asked of it.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.lit_scenes import Pixels, read_rgb
from benchmarks.painted_damage import DAMAGE, is_seen
from mcp_relight.domain.lighting import DAYLIGHT_KELVIN, Light, Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.engine.pipeline import analyze_shape, relight
from mcp_relight.measure.analyze import analyze
from mcp_relight.measure.report import report

SIDED = ("golden_hour", "split", "rembrandt", "low_key", "window_right", "neon")
TWO_COLORED = "neon"
WARM = ("golden_hour", "candlelight")
_GRAY, _LEFT = 2, 0.33
"""Levels between the channels; of the way from daylight."""

Tally = dict[str, list[bool]]


def with_lights(lighting: Lighting, lights: list[Light]) -> Lighting:
    return lighting.model_copy(update={"lights": tuple(lights)})


def mirrored(lighting: Lighting) -> Lighting:
    turned = [one.model_copy(update={"azimuth_deg": -one.azimuth_deg}) for one in lighting.lights]
    return with_lights(lighting, turned)


def half_as_warm(lighting: Lighting, own_kelvin: float) -> Lighting:
    """A light is laid over the photo's own: half the way from there is half of the difference."""

    def half(kelvin: float | None) -> float:
        way = 1 / (kelvin or DAYLIGHT_KELVIN) - 1 / own_kelvin
        return 1 / (1 / DAYLIGHT_KELVIN + way / 2)

    return with_lights(
        lighting, [one.model_copy(update={"kelvin": half(one.kelvin)}) for one in lighting.lights]
    )


def is_warm_already(lighting: Lighting, own_kelvin: float) -> bool:
    """Whether hardly any of the way from daylight is left to go."""
    key = lighting.key
    asked = 1 / (DAYLIGHT_KELVIN if key is None or key.kelvin is None else key.kelvin)
    return asked - 1 / own_kelvin < _LEFT * (asked - 1 / DAYLIGHT_KELVIN)


def is_gray(photo: Pixels) -> bool:
    return float(np.ptp(photo, axis=2).mean()) < _GRAY


def measure(photo: Pixels, other: Pixels, tally: Tally) -> None:
    shape, before = analyze_shape(photo), analyze(photo)
    is_colored = not is_gray(photo)
    for look in SIDED:
        if look == TWO_COLORED and not is_colored:
            continue
        asked = LOOKS[look].lighting
        quarter = asked.model_copy(update={"strength": 0.25})
        right, weak, wrong = (
            report(photo, relight(photo, shape, made).rgb, asked, before=before)
            for made in (asked, quarter, mirrored(asked))
        )
        tally["as asked"].append(right.verdict == "as asked")
        tally["no flaw"].append(not right.flaws)
        tally["quarter"].append(weak.verdict == "weaker")
        tally["mirrored"].append(wrong.verdict == "wrong direction")
        if look == TWO_COLORED:
            tally["sides swapped"].append(wrong.verdict == "wrong direction")
    own_kelvin = min(before.kelvin or DAYLIGHT_KELVIN, DAYLIGHT_KELVIN)
    for look in WARM:
        asked = LOOKS[look].lighting
        if not is_colored or is_warm_already(asked, own_kelvin):
            continue
        made = relight(photo, shape, half_as_warm(asked, own_kelvin)).rgb
        word = report(photo, made, asked, before=before).parts.colour
        tally["half as warm"].append(word == "weaker")
    window = LOOKS["window_right"].lighting
    clean = relight(photo, shape, window).rgb
    for flaw, paint in DAMAGE.items():
        if not is_seen(flaw, clean):
            continue
        spoilt = report(photo, paint(clean), window, before=before)
        tally[f"{flaw} flawed"].append(spoilt.verdict == "flawed")
        tally[f"{flaw} named"].append(flaw in spoilt.flaws)
    asked = LOOKS["golden_hour"].lighting
    tally["unchanged"].append(report(photo, photo, asked, before=before).verdict == "weaker")
    replaced = report(photo, other, asked, before=before).verdict
    tally["another photo"].append(replaced == "changed content")


def main() -> None:
    parser = argparse.ArgumentParser(description="Count how often the report notices.")
    parser.add_argument("photo_dir", type=Path)
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    kinds = (".png", ".jpg", ".jpeg")
    paths = [one for one in sorted(arguments.photo_dir.iterdir()) if one.suffix in kinds]
    if len(paths) < 2:
        raise SystemExit("photo_dir holds fewer than two photos")
    tally: Tally = defaultdict(list)
    for index in range(0, len(paths), arguments.every):
        photo, other = (read_rgb(paths[at % len(paths)]) for at in (index, index + 1))
        measure(photo, other, tally)
    for name, found in tally.items():
        print(f"{name:18s} {sum(found) / len(found):.3f} of {len(found)}")


if __name__ == "__main__":
    main()

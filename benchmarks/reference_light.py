"""Measure how well the light of a reference photo is told, and how near a result comes to it.

    PYTHONPATH=. python benchmarks/reference_light.py DATA_DIR [--every N] [--told-only]

DATA_DIR holds scenes as in relight_quality.py. Every N-th photograph is the reference for one photo
of each other scene in colour, relit by the local engine; nothing but the pictures is given.
Columns:
  sure      references whose direction is told at all
  near      of these, how many are told within 35° of the real light
  error     median angle in degrees of what is told
  kelvin    results within 12 % of the reference's kelvin, of those references that tell one
The last lines give the same by confidence: a confidence can be believed when few of its angles are
wrong. `--told-only` relights nothing.
"""

import argparse
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.lit_scenes import LitScene, Pixels, scenes
from benchmarks.report_quality import Angles, angle_deg
from mcp_relight.domain.matching import matched
from mcp_relight.domain.report import LightAnalysis
from mcp_relight.domain.request import PlanArguments
from mcp_relight.engine.pipeline import analyze_shape, relight
from mcp_relight.measure.analyze import analyze
from mcp_relight.measure.report import report

NEAR_DEG, NEAR_PERCENT = 35, 12
BINS = (0.3, 0.5, 0.7, 0.9, 1.01)


@dataclass(frozen=True)
class Told:
    """`error_deg` is None where no direction is told; `kelvin_percents` has one of each result."""

    confidence: float
    error_deg: float | None
    kelvin_percents: list[int]


class Photo:
    """A photo to be relit, looked at once."""

    def __init__(self, rgb: Pixels) -> None:
        self.rgb, self.shape, self.light = rgb, analyze_shape(rgb), analyze(rgb)

    def kelvin_off(self, target: LightAnalysis) -> int | None:
        """How many percent the kelvin of the relit photo lies from those of `target`."""
        asked = matched(
            PlanArguments(image="photo", reference="other"),
            light=target,
            own=self.light,
            reference="other",
        )
        (lighting,) = asked.lightings()
        made = relight(self.rgb, self.shape, lighting).rgb
        match = report(self.rgb, made, lighting, before=self.light, target=target).match
        return None if match is None else match.kelvin_percent


def measure(scene: LitScene, others: list[Photo], every: int) -> list[Told]:
    """The photographs of `scene` as references for the photos of other scenes."""
    found: list[Told] = []
    for photo, angles in list(zip(scene.photos, scene.angles, strict=True))[::every]:
        light = analyze(photo)
        relit = others if light.kelvin is not None else []
        off = [percent for one in relit if (percent := one.kelvin_off(light)) is not None]
        found.append(Told(light.direction_confidence, error_of(light, angles), off))
    return found


def error_of(light: LightAnalysis, truth: Angles) -> float | None:
    if light.azimuth_deg is None or light.elevation_deg is None:
        return None
    return angle_deg((light.azimuth_deg, light.elevation_deg), truth)


def in_color(everything: list[LitScene]) -> dict[str, Photo]:
    """By scene: a photo of each whose own kelvin can be told."""
    photos = {scene.name: Photo(scene.photos[1]) for scene in everything}
    return {name: photo for name, photo in photos.items() if photo.light.kelvin is not None}


def show(name: str, found: list[Told]) -> None:
    errors = [one.error_deg for one in found if one.error_deg is not None]
    near = sum(error <= NEAR_DEG for error in errors)
    off = [percent for one in found for percent in one.kelvin_percents]
    toned = sum(abs(percent) <= NEAR_PERCENT for percent in off)
    print(
        f"{name:14s} {len(found):4d} {len(errors):6d} {near:6d} "
        f"{np.median(errors or [np.nan]):7.0f} {toned:6d} of {len(off)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how well a reference's light is told.")
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--told-only", action="store_true")
    arguments = parser.parse_args()
    everything = list(scenes(arguments.data_dir))
    if len(everything) < 2:
        raise SystemExit("data_dir holds fewer than two scenes")
    photos = {} if arguments.told_only else in_color(everything)
    print("scene             n   sure   near   error  kelvin")
    found: list[Told] = []
    for scene in everything:
        others = [photo for name, photo in photos.items() if name != scene.name]
        told = measure(scene, others, arguments.every)
        show(scene.name, told)
        found += told
    show("all", found)
    for low, high in pairwise(BINS):
        show(f"from {low:.1f}", [one for one in found if low <= one.confidence < high])


if __name__ == "__main__":
    main()

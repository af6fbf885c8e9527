"""Measure how far the report can be believed, on pairs whose change is known.

    PYTHONPATH=. python benchmarks/report_quality.py DATA_DIR [--every N]

DATA_DIR holds scenes as in relight_quality.py; nothing but the two pictures is given to the report.
Pairs: the mean of a scene's lights, and one other photograph, each against every N-th photograph.
Columns:
  Only what the report is sure of is counted as an angle.
  error     median angle in degrees between the light found afterwards and the real one; "alone" is
            the same from the one photograph without the other (analyze)
  moved     share of pairs whose side of change (before to after, left or right) is right
  mirrored  share of results lit from the mirrored side called "wrong direction" (lights 25° or more
            off axis)
  same      share of unchanged pictures (as they are, and through JPEG 85 at half size) called
            "weaker"
  alarm     share of right results called "wrong direction" or "changed content"
"other" is the share of photographs of other scenes called "changed content".
"""

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from benchmarks.lit_scenes import LitScene, Pixels, as_a_provider_returns, scenes
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.measure.analyze import analyze
from mcp_relight.measure.report import report

Angles = tuple[float, float]
OFF_AXIS_DEG = 25
CLEARLY_MOVED = 0.15


@dataclass
class Tally:
    error_deg: list[float] = field(default_factory=list)
    alone_deg: list[float] = field(default_factory=list)
    moved: list[bool] = field(default_factory=list)
    mirrored: list[bool] = field(default_factory=list)
    same: list[bool] = field(default_factory=list)
    alarm: list[bool] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        for name, values in vars(other).items():
            getattr(self, name).extend(values)

    def show(self, name: str) -> None:
        medians = (f"{np.median(one or [np.nan]):6.0f}" for one in (self.error_deg, self.alone_deg))
        shares = (
            f"{np.mean(one):7.2f} of {len(one):3d}" if one else "              -"
            for one in (self.moved, self.mirrored, self.same, self.alarm)
        )
        print(f"{name:14s}", *medians, *shares)


def vector(angles: Angles) -> np.ndarray:
    azimuth, elevation = np.radians(angles)
    across = np.cos(elevation)
    return np.array([np.sin(azimuth) * across, np.sin(elevation), np.cos(azimuth) * across])


def angle_deg(one: Angles, other: Angles) -> float:
    return float(np.degrees(np.arccos(np.clip(vector(one) @ vector(other), -1, 1))))


def asked(angles: Angles, *, mirrored: bool = False) -> Lighting:
    azimuth, elevation = angles
    light = Light(azimuth_deg=-azimuth if mirrored else azimuth, elevation_deg=elevation)
    return Lighting(lights=(light,))


def measure(scene: LitScene, every: int, random: np.random.Generator) -> Tally:
    tally, soft, count = Tally(), scene.soft, len(scene.photos)
    for index in range(0, count, every):
        angles, photo = scene.angles[index], scene.photos[index]
        seen = analyze(photo)
        if seen.azimuth_deg is not None and seen.elevation_deg is not None:
            tally.alone_deg.append(angle_deg((seen.azimuth_deg, seen.elevation_deg), angles))
        other = (index + 3) % count
        for before, known in ((soft, None), (scene.photos[other], scene.angles[other])):
            judge_pair(tally, before, known, photo, angles)
        returned, _ = as_a_provider_returns(photo, random, None)
        for unchanged in (photo, returned):
            verdict = report(photo, unchanged, asked((-60, 10))).verdict
            tally.same.append(verdict == "weaker")
    return tally


def judge_pair(
    tally: Tally, before: Pixels, known: Angles | None, photo: Pixels, angles: Angles
) -> None:
    made = report(before, photo, asked(angles))
    first, second = made.direction.before, made.direction.after
    if second is not None:
        tally.error_deg.append(angle_deg(second, angles))
    tally.alarm.append(made.verdict in ("wrong direction", "changed content"))
    if known is not None and first is not None and second is not None:
        truth = vector(angles)[0] - vector(known)[0]
        if abs(truth) > CLEARLY_MOVED:
            found = vector(second)[0] - vector(first)[0]
            tally.moved.append(bool(np.sign(found) == np.sign(truth)))
    if abs(angles[0]) >= OFF_AXIS_DEG:
        verdict = report(before, photo, asked(angles, mirrored=True)).verdict
        tally.mirrored.append(verdict == "wrong direction")


def other_scenes(all_scenes: list[LitScene]) -> list[bool]:
    called: list[bool] = []
    for one in all_scenes:
        for other in all_scenes:
            if one.name != other.name:
                for photo in (other.soft, other.photos[0], other.photos[-1]):
                    verdict = report(one.soft, photo, asked((-60, 10))).verdict
                    called.append(verdict == "changed content")
    return called


def twelve_megapixels(scene: LitScene) -> None:
    before, after = (
        np.asarray(cv2.resize(one, (4000, 3000)), np.uint8) for one in (scene.soft, scene.photos[1])
    )
    report(before, after, asked((-60, 10)))
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    report(before, after, asked((-60, 10)))
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    print(f"12 MP: {1000 * wall_s:.0f} ms ({1000 * cpu_s:.0f} ms of CPU)")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how far the report can be believed.")
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    random, total = np.random.default_rng(1), Tally()
    everything = list(scenes(arguments.data_dir))
    if not everything:
        raise SystemExit("data_dir holds no scene.json")
    print(
        "scene           error  alone          moved       mirrored           same          alarm"
    )
    for scene in everything:
        tally = measure(scene, arguments.every, random)
        tally.show(scene.name)
        total.add(tally)
    total.show("all")
    called = other_scenes(everything)
    print(f"other: {np.mean(called):.3f} of {len(called)}")
    twelve_megapixels(everything[0])


if __name__ == "__main__":
    main()

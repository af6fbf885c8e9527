"""Measure how well only the light of a returned picture comes over to the original.

    PYTHONPATH=. python benchmarks/light_transfer.py DATA_DIR

DATA_DIR holds scenes as in relight_quality.py. The original is the mean of a scene's lights; the
returned picture is the photograph under one of them, half size, JPEG 85, cropped by 1 %, a little
soft and with a disc painted in. Columns:
  gain      PSNR of the transfer against the real photograph minus that of the enlarged picture, dB
  won       share of cases with a gain above 0
  detail    correlation of high-pass log luminance (sigma 2 px) with the original, in the mask
  object    rms error where the disc was painted, as a share of the enlarged picture's
  refused   results that did not register
The last lines give seconds and peak memory for a 12-megapixel original.
"""

import argparse
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.lit_scenes import OBJECTS, LitScene, Pixels, as_a_provider_returns, scenes
from mcp_relight.engine.color import decode, luminance
from mcp_relight.finish.light_only import transfer


@dataclass(frozen=True)
class Case:
    gain_db: float
    detail: float
    object_left: float


def psnr_db(one: Pixels, other: Pixels) -> float:
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return float(10 * np.log10(255**2 / max(float(error), 1e-9)))


def rmse(one: Pixels, other: Pixels, area: NDArray[np.bool_]) -> float:
    return float(np.sqrt(np.mean((one.astype(np.float64) - other)[area] ** 2)))


def detail(rgb: Pixels, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    level = np.log(luminance(decode(rgb)) + 0.02)
    return (level - cv2.GaussianBlur(level, (0, 0), 2))[mask]


def measure(scene: LitScene, random: np.random.Generator) -> tuple[list[Case], int]:
    """The cases of one scene, and how many results were refused."""
    soft, cases, refused = scene.soft, [], 0
    size = (soft.shape[1], soft.shape[0])
    for index, real in enumerate(scene.photos):
        returned, disc = as_a_provider_returns(real, random, OBJECTS[index % len(OBJECTS)])
        made = transfer(soft, returned).rgb
        if made is None:
            refused += 1
            continue
        enlarged = np.asarray(cv2.resize(returned, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        kept = float(np.corrcoef(detail(made, scene.mask), detail(soft, scene.mask))[0, 1])
        left = rmse(made, real, disc) / rmse(enlarged, real, disc)
        cases.append(Case(psnr_db(made, real) - psnr_db(enlarged, real), kept, left))
    return cases, refused


def show(name: str, cases: list[Case], refused: int) -> None:
    gains, kept, left = (
        np.array([getattr(case, field) for case in cases])
        for field in ("gain_db", "detail", "object_left")
    )
    print(
        f"{name:14s} {len(cases):4d} {np.median(gains):7.1f} {gains.min():6.1f} "
        f"{(gains > 0).mean():6.2f} {np.median(kept):8.3f} {kept.min():6.3f} "
        f"{(kept >= 0.9).mean():6.2f} {np.median(left):8.2f} {refused:8d}"
    )


def twelve_megapixels(scene: LitScene) -> None:
    original = np.asarray(cv2.resize(scene.soft, (4000, 3000)), np.uint8)
    returned = np.asarray(cv2.resize(scene.photos[1], (1024, 768)), np.uint8)
    transfer(original, returned)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    transfer(original, returned)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"12 MP: {wall_s:.2f} s ({cpu_s:.2f} s of CPU), peak memory {peak_mb:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the transfer of light.")
    parser.add_argument("data_dir", type=Path)
    folder = parser.parse_args().data_dir
    random = np.random.default_rng(1)
    print("scene          n    gain: med    min    won  detail: med   min   >=.9  object  refused")
    everything: list[Case] = []
    refusals, last = 0, None
    for scene in scenes(folder):
        cases, refused = measure(scene, random)
        show(scene.name, cases, refused)
        everything += cases
        refusals, last = refusals + refused, scene
    if last is None:
        raise SystemExit("data_dir holds no scene.json")
    show("all", everything, refusals)
    twelve_megapixels(last)


if __name__ == "__main__":
    main()

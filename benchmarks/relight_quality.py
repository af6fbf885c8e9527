"""Measure relighting against photographs of the same scene under other lights.

    python benchmarks/relight_quality.py DATA_DIR [--through-cli] [--no-mask] [--edge-px 320]
                                         [--scenes a,b]

DATA_DIR holds one folder per scene: L00.png… (one light each), mask.png, scene.json with the light
directions (x right, y up, z to the camera), and for rendered scenes normals_gt.png.

Protocol. Inputs: the mean of all photographs (a soft light) and three photographs of single lights
(the most frontal and the two farthest from it). Requests: the five lights farthest apart. The
result is compared with the photograph of the requested light inside the mask, after one global
gain, whether or not (--no-mask) the mask was given:
  PSNR      of sRGB-encoded pixels, dB.
  dL        correlation of the change of log luminance: input to result, against input to truth.
            Says whether the light moved the right way; paint cancels. Doing nothing scores about 0.
  no-op     the input itself, as if nothing had been asked.
  mirror    share of requests (mean input, four most sideways lights) in which asking for the right
            side scores a better dL than asking for the mirrored one.
Every scene gets the same LIGHT_ARGS: nothing is tuned to one picture.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.pipeline import analyze_shape, relight

LIGHT_ARGS: dict[str, float] = {
    "softness": 0.15,
    "ambient": 0.1,
    "exposure_ev": -0.7,
    "strength": 0.95,
}
"""Flags of `mcp-relight relight` (with dashes there), the same for every scene and request."""

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
REQUESTS = 5
SINGLE_INPUTS = 3

Image = NDArray[np.float32]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """Linear photographs (H, W, 3), unit light directions (N, 3), the subject (H, W)."""

    name: str
    photos: list[Image]
    lights: Vector
    mask: NDArray[np.bool_]
    normals: Image | None


@dataclass(frozen=True)
class Score:
    psnr: float
    change: float
    noop_psnr: float


Relighter = Callable[[NDArray[np.uint8], NDArray[np.uint8], float, float], NDArray[np.uint8]]
"""(photo, mask, azimuth_deg, elevation_deg) -> relit photo."""


# --- pictures


def decode(encoded: Image) -> Image:
    low, high = encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
    return np.where(encoded <= 0.04045, low, high).astype(np.float32)


def encode(linear: Image) -> Image:
    linear = np.clip(linear, 0, 1)
    high = 1.055 * linear ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, high).astype(np.float32)


def to_pixels(linear: Image) -> NDArray[np.uint8]:
    return np.round(encode(linear) * 255).astype(np.uint8)


def read_png(path: Path) -> Image:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise SystemExit(f"cannot read {path.name} of scene {path.parent.name}")
    return np.asarray(pixels[..., ::-1], np.float32) / 255


def shrink(image: Image, edge_px: int) -> Image:
    scale = min(1.0, edge_px / max(image.shape[:2]))
    if scale == 1:
        return image
    resized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.float32)


def load(folder: Path, edge_px: int) -> Scene:
    described = json.loads((folder / "scene.json").read_text())
    photos = [
        shrink(decode(read_png(folder / one["file"])), edge_px) for one in described["lights"]
    ]
    mask = shrink(read_png(folder / "mask.png"), edge_px)[..., 0] > 0.5
    lights = np.array([one["dir"] for one in described["lights"]], np.float64)
    lights /= np.linalg.norm(lights, axis=1, keepdims=True)
    level = 0.85 / np.percentile(np.stack([photo[mask] for photo in photos]), 99.5)
    photos = [np.clip(photo * level, 0, 1.2).astype(np.float32) for photo in photos]
    truth = folder / "normals_gt.png"
    normals = shrink(read_png(truth) * 2 - 1, edge_px) if truth.exists() else None
    return Scene(folder.name, photos, lights, mask, normals)


# --- the two ways to relight


def in_process(*, give_mask: bool) -> Relighter:
    """Call the engine directly; the analysis of the last photo is kept."""
    known: dict[bytes, Analysis] = {}

    def run(
        photo: NDArray[np.uint8], mask: NDArray[np.uint8], azimuth_deg: float, elevation_deg: float
    ) -> NDArray[np.uint8]:
        key = photo.tobytes()
        if key not in known:
            known.clear()
            known[key] = analyze_shape(photo, mask=mask if give_mask else None)
        return relight(photo, known[key], lighting(azimuth_deg, elevation_deg)).rgb

    return run


def lighting(azimuth_deg: float, elevation_deg: float) -> Lighting:
    """LIGHT_ARGS as the value the engine takes."""
    of_light = {name: value for name, value in LIGHT_ARGS.items() if name in Light.model_fields}
    of_all = {name: value for name, value in LIGHT_ARGS.items() if name not in of_light}
    light = Light.model_validate(
        {"azimuth_deg": azimuth_deg, "elevation_deg": elevation_deg, **of_light}
    )
    return Lighting.model_validate({"lights": (light,), **of_all})


def through_cli(folder: Path, *, give_mask: bool) -> Relighter:
    """Run the installed command as a user would, in a data folder of its own."""

    def run(
        photo: NDArray[np.uint8], mask: NDArray[np.uint8], azimuth_deg: float, elevation_deg: float
    ) -> NDArray[np.uint8]:
        source, mask_path, target = folder / "A.png", folder / "mask.png", folder / "OUT.png"
        cv2.imwrite(str(source), photo[..., ::-1])
        cv2.imwrite(str(mask_path), mask)
        target.unlink(missing_ok=True)
        command = [sys.executable, "-m", "mcp_relight", "relight", str(source)]
        command += ["-o", str(target)]
        command += ["--mask", str(mask_path)] if give_mask else []
        command += ["--data-dir", str(folder / "data"), "--output-dir", str(folder / "pictures")]
        command += [f"--azimuth-deg={azimuth_deg:.3f}", f"--elevation-deg={elevation_deg:.3f}"]
        command += [f"--{name.replace('_', '-')}={value}" for name, value in LIGHT_ARGS.items()]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)
        return np.round(read_png(target) * 255).astype(np.uint8)

    return run


# --- the protocol


def farthest(lights: Vector, count: int) -> list[int]:
    """The most frontal light, then always the one farthest from all chosen."""
    chosen = [int(np.argmax(lights[:, 2]))]
    while len(chosen) < min(count, len(lights)):
        nearest = (lights @ lights[chosen].T).max(axis=1)
        chosen.append(int(np.argmin(nearest)))
    return chosen


def angles_deg(direction: Vector) -> tuple[float, float]:
    x, y, z = direction
    return float(np.degrees(np.arctan2(x, z))), float(np.degrees(np.arcsin(np.clip(y, -1, 1))))


def log_luminance(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(np.log(image @ LUMINANCE + 0.02), (0, 0), 1.5), np.float32)


def compare(
    result: Image, before: Image, truth: Image, mask: NDArray[np.bool_]
) -> tuple[float, float]:
    """(PSNR dB, dL) inside the mask, after the one gain that fits best."""
    values, wanted = result[mask].ravel(), truth[mask].ravel()
    result = result * float((values @ wanted) / (values @ values + 1e-9))
    error = float(((encode(result)[mask] - encode(truth)[mask]) ** 2).mean())
    start = log_luminance(before)[mask]
    change, wanted_change = log_luminance(result)[mask] - start, log_luminance(truth)[mask] - start
    change, wanted_change = change - change.mean(), wanted_change - wanted_change.mean()
    size = float(np.sqrt((change**2).sum() * (wanted_change**2).sum()))
    moved = size > 1e-9 and change.std() > 1e-5
    return -10 * float(np.log10(error)), float(
        (change * wanted_change).sum()
    ) / size if moved else 0.0


def score(scene: Scene, before: Image, request: int, run: Relighter) -> Score:
    pixels, mask = to_pixels(before), scene.mask.astype(np.uint8) * 255
    result = decode(run(pixels, mask, *angles_deg(scene.lights[request])).astype(np.float32) / 255)
    truth = scene.photos[request]
    psnr, change = compare(result, before, truth, scene.mask)
    return Score(psnr, change, compare(before, before, truth, scene.mask)[0])


def inputs(scene: Scene) -> Iterator[tuple[str, Image, list[int]]]:
    """(kind, input, requested lights) of the whole protocol."""
    requests = farthest(scene.lights, REQUESTS)
    yield "mean", np.mean(scene.photos, axis=0).astype(np.float32), requests
    for source in requests[:SINGLE_INPUTS]:
        yield "single", scene.photos[source], [one for one in requests if one != source]


def mirror(scene: Scene, run: Relighter) -> list[bool]:
    before = np.mean(scene.photos, axis=0).astype(np.float32)
    pixels, mask = to_pixels(before), scene.mask.astype(np.uint8) * 255
    passed: list[bool] = []
    for request in np.argsort(-np.abs(scene.lights[:, 0]))[:4]:
        azimuth, elevation = angles_deg(scene.lights[request])
        right, wrong = (
            compare(
                decode(run(pixels, mask, side * azimuth, elevation).astype(np.float32) / 255),
                before,
                scene.photos[request],
                scene.mask,
            )[1]
            for side in (1, -1)
        )
        passed.append(right > wrong)
    return passed


def normal_error_deg(scene: Scene) -> float | None:
    """Median angle between estimated and true normals, from the mean input."""
    if scene.normals is None:
        return None
    pixels = to_pixels(np.mean(scene.photos, axis=0).astype(np.float32))
    found = analyze_shape(pixels, mask=scene.mask.astype(np.uint8) * 255).normals
    rows, columns = scene.mask.shape
    found = np.asarray(cv2.resize(found, (columns, rows)), np.float32)
    true = scene.normals / np.linalg.norm(scene.normals, axis=2, keepdims=True)
    found = found / np.linalg.norm(found, axis=2, keepdims=True)
    inside = cv2.erode(scene.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    cosine = np.clip((true * found).sum(axis=2)[inside], -1, 1)
    return float(np.degrees(np.median(np.arccos(cosine))))


# --- the report


def average(scores: list[Score]) -> Score:
    return Score(*(float(np.mean([getattr(one, name) for one in scores])) for name in FIELDS))


FIELDS = ("psnr", "change", "noop_psnr")


def measure(scene: Scene, run: Relighter) -> dict[str, Score]:
    scores: dict[str, list[Score]] = {"mean": [], "single": []}
    for kind, before, requests in inputs(scene):
        scores[kind] += [score(scene, before, request, run) for request in requests]
    return {kind: average(some) for kind, some in scores.items()}


def line(name: str, results: dict[str, Score]) -> str:
    cells = [
        f"{one.psnr:6.2f} {one.psnr - one.noop_psnr:+6.2f} {one.change:+6.2f}"
        for one in results.values()
    ]
    return f"{name:14s} | " + " | ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument(
        "--through-cli", action="store_true", help="run mcp-relight for every picture"
    )
    parser.add_argument(
        "--no-mask", action="store_true", help="let the engine find the subject by itself"
    )
    parser.add_argument("--edge-px", type=int, default=320, help="long side of the scenes (320)")
    parser.add_argument("--scenes", default="", help="comma separated names; all without")
    arguments = parser.parse_args()
    wanted = set(filter(None, arguments.scenes.split(",")))
    folders = [path.parent for path in sorted(arguments.data_dir.glob("*/scene.json"))]
    folders = [folder for folder in folders if not wanted or folder.name in wanted]
    if not folders:
        raise SystemExit("no scene found: DATA_DIR must hold folders with a scene.json")
    with tempfile.TemporaryDirectory() as scratch:
        give_mask = not arguments.no_mask
        run = (
            through_cli(Path(scratch), give_mask=give_mask)
            if arguments.through_cli
            else in_process(give_mask=give_mask)
        )
        report(folders, arguments.edge_px, run)


def report(folders: list[Path], edge_px: int, run: Relighter) -> None:
    started = time.perf_counter()
    print("light args:", json.dumps(LIGHT_ARGS))
    print(f"{'':14s} | {'mean input':20s} | {'single input':20s} |")
    print(
        f"{'scene':14s} | {'PSNR vs no-op  dL':20s} | {'PSNR vs no-op  dL':20s} | mirror, normals"
    )
    results: list[dict[str, Score]] = []
    mirrored: list[bool] = []
    for folder in folders:
        scene = load(folder, edge_px)
        results.append(measure(scene, run))
        sides = mirror(scene, run)
        mirrored += sides
        error = normal_error_deg(scene)
        angle = "" if error is None else f", {error:.1f} deg"
        print(f"{line(scene.name, results[-1])} | {sum(sides)}/{len(sides)}{angle}", flush=True)
    total = {kind: average([one[kind] for one in results]) for kind in ("mean", "single")}
    print(f"{line('all', total)} | {sum(mirrored)}/{len(mirrored)}")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

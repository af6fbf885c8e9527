"""Faces by the networks: found in any light and turned, with a face's shape, and none in stone."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import mcp_relight.cli
from mcp_relight.domain.looks import LOOKS
from mcp_relight.engine import people, pipeline
from mcp_relight.engine.color import decode, encode
from mcp_relight.engine.face_mesh import find_faces
from mcp_relight.engine.face_paint import is_monochrome, is_painted
from mcp_relight.engine.pipeline import analyze_shape
from tests.matrix import some_now

SAMPLE = Path(mcp_relight.cli.__file__).parent / "samples" / "astronaut.jpg"
EYES = 224, 102

Photo = NDArray[np.uint8]


@pytest.fixture(scope="module")
def sample() -> Photo:
    return np.asarray(cv2.cvtColor(cv2.imread(str(SAMPLE)), cv2.COLOR_BGR2RGB), np.uint8)


def lit(photo: Photo, factors: tuple[float, float, float]) -> Photo:
    return encode(decode(photo) * np.asarray(factors, np.float32))


@pytest.mark.parametrize(
    "light",
    [(0.25, 0.25, 0.25), (1, 0.12, 0.12), (0.12, 1, 0.12), (0.12, 0.12, 1)],
    ids=["a quarter", "red", "green", "blue"],
)
def test_a_face_is_found_in_the_dark_and_under_gels(
    sample: Photo, light: tuple[float, float, float]
) -> None:
    (face,) = find_faces(lit(sample, light))
    assert abs(face.cue.x - EYES[0]) < 8
    assert abs(face.cue.y - EYES[1]) < 8


@pytest.mark.parametrize("turned_deg", [-20, 20])
def test_a_tilted_face_is_found_and_told_to_be_tilted(sample: Photo, turned_deg: float) -> None:
    turn = cv2.getRotationMatrix2D(EYES, -turned_deg, 1.0)
    (face,) = find_faces(np.asarray(cv2.warpAffine(sample, turn, (512, 512)), np.uint8))
    (straight,) = find_faces(sample)
    assert np.degrees(face.turned - straight.turned) == pytest.approx(turned_deg, abs=6)


def test_the_face_has_a_nose_and_the_rest_of_the_person_goes_with_it(sample: Photo) -> None:
    analysis = analyze_shape(sample)
    left, top, right, bottom, _ = analysis.faces[0] * 512 / max(analysis.alpha.shape)
    assert left < EYES[0] < right
    assert top < EYES[1] < bottom
    face = analysis.face > 0.9
    middle = (left + right) / 2 * max(analysis.alpha.shape) / 512
    column = np.broadcast_to(np.arange(face.shape[1]), face.shape)
    leaning = analysis.normals[..., 0]
    assert leaning[face & (column < middle)].mean() < -0.1 < 0.1
    assert leaning[face & (column > middle)].mean() > 0.1
    assert analysis.skin[face].mean() > 0.8
    assert analysis.skin[analysis.alpha == 0].max(initial=0) < 0.1


def test_no_shape_is_made_of_the_paint_on_a_face_under_a_mask_either(sample: Photo) -> None:
    """Brows painted on the photo must not become ridges."""
    whole = np.full(sample.shape[:2], 255, np.uint8)
    whole[:, :60] = 0
    painted = sample.copy()
    cv2.rectangle(painted, (185, 140), (215, 150), (20, 15, 10), -1)
    plain, marked = (analyze_shape(photo, mask=whole) for photo in (sample, painted))
    both = (plain.face > 0.9) & (marked.face > 0.9)
    cosine = (plain.normals * marked.normals).sum(axis=2)[both]
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean() < 5


def test_a_face_of_one_paint_is_no_person(sample: Photo) -> None:
    (face,) = find_faces(sample)
    gray = np.repeat(sample.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    stone = cv2.GaussianBlur(gray, (0, 0), 12) // 4 + 150
    assert is_painted(sample, face, monochrome=False)
    assert is_painted(gray, face, monochrome=True)
    assert not is_painted(stone, face, monochrome=True)


def test_dark_eyes_of_metal_are_no_eyes(sample: Photo) -> None:
    """Bronze in hard light among things of color: lips of the color of the cheeks."""
    (face,) = find_faces(sample)
    bronze = sample.mean(axis=2, keepdims=True) * (1, 0.85, 0.6)
    among = sample.copy()
    left, top, right, bottom = (round(edge) for edge in face.box)
    box = slice(top - 20, bottom + 20), slice(left - 20, right + 20)
    among[box] = bronze[box].astype(np.uint8)
    assert not is_monochrome(among)
    assert not people.find(among, (448, 448))[0].meshes


@pytest.mark.parametrize("tone", [(1, 1, 1), (1, 0.89, 0.69)], ids=["gray", "sepia"])
def test_a_photo_in_one_tone_has_people(sample: Photo, tone: tuple[float, ...]) -> None:
    toned = (sample.mean(axis=2, keepdims=True) * tone).astype(np.uint8)
    assert is_monochrome(toned)
    assert people.find(toned, (448, 448))[0].meshes


def test_no_body_is_looked_for_beside_a_lying_head(sample: Photo) -> None:
    lying = np.ascontiguousarray(np.rot90(sample))
    for photo, upright in ((sample, 1), (lying, 0)):
        found, _ = people.find(photo, (448, 448))
        assert len(found.meshes) == 1
        assert len(found.upright) == upright


@pytest.mark.afresh
@pytest.mark.parametrize("looks", some_now([("loop", "golden_hour"), tuple(LOOKS)]))
def test_one_and_two_threads_see_the_same(
    sample: Photo, monkeypatch: pytest.MonkeyPatch, looks: tuple[str, ...]
) -> None:
    lightings = [LOOKS[name].lighting for name in looks]
    two = analyze_shape(sample).to_bytes()
    seen = analyze_shape(sample)
    assert seen.to_bytes() == two
    pictures = [pipeline.relight(sample, seen, lighting).rgb for lighting in lightings]
    monkeypatch.setattr(pipeline, "_OPENCV_THREADS", 1)
    assert analyze_shape(sample).to_bytes() == two
    for lighting, picture in zip(lightings, pictures, strict=True):
        assert np.array_equal(pipeline.relight(sample, seen, lighting).rgb, picture)

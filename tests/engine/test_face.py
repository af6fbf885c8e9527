"""Faces as a cue: skin of every tone, no cue without eyes or colour, and the person cut out."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import mcp_relight.cli
from mcp_relight.engine.color import decode, encode
from mcp_relight.engine.face import find_face
from mcp_relight.engine.pipeline import analyze_shape
from tests.matrix import some_now

SAMPLE = Path(mcp_relight.cli.__file__).parent / "samples" / "astronaut.jpg"

EYES = (120, 92)
"""Midpoint between the eyes of the drawn person, x and y in pixels."""

EYES_APART_PX = 26

Photo = NDArray[np.uint8]


@pytest.fixture(scope="module")
def sample() -> Photo:
    return np.asarray(cv2.cvtColor(cv2.imread(str(SAMPLE)), cv2.COLOR_BGR2RGB), np.uint8)


def person(*, skin: float = 1.0, eyes: bool = True) -> Photo:
    """A drawn bust before a wall, 240 by 320; `skin` scales the linear light of face and neck."""
    photo = np.full((320, 240, 3), (120, 130, 140), np.uint8)
    tone = tuple(
        int(v) for v in encode(decode(np.array([[[224, 172, 140]]], np.uint8)) * skin)[0, 0]
    )
    shade = tuple(int(v * 0.35) for v in tone)
    cv2.ellipse(photo, (120, 330), (95, 150), 0, 0, 360, (40, 60, 120), -1)
    cv2.ellipse(photo, (120, 92), (44, 56), 0, 0, 360, (30, 26, 24), -1)
    cv2.rectangle(photo, (106, 130), (134, 185), tone, -1)
    cv2.ellipse(photo, (120, 104), (32, 44), 0, 0, 360, tone, -1)
    if eyes:
        for side in (-1, 1):
            center = (EYES[0] + side * EYES_APART_PX // 2, EYES[1])
            cv2.ellipse(photo, center, (6, 3), 0, 0, 360, shade, -1)
        cv2.ellipse(photo, (120, 128), (10, 2), 0, 0, 360, shade, -1)
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), 1.0), np.uint8)


def scaled(photo: Photo, factors: float | tuple[float, ...]) -> Photo:
    """The photo with its linear light multiplied."""
    return encode(decode(photo) * np.asarray(factors, np.float32))


@pytest.mark.parametrize("skin", [1.0, 0.5, 0.3, 0.2, 0.1])
def test_a_face_is_found_whatever_the_tone_of_its_skin(skin: float) -> None:
    face = find_face(person(skin=skin))
    assert face is not None
    assert abs(face.x - EYES[0]) < 4
    assert abs(face.y - EYES[1]) < 4
    assert 0.75 < face.eyes_apart / EYES_APART_PX < 1.3


def test_an_oval_of_skin_without_eyes_is_no_face() -> None:
    assert find_face(person(eyes=False)) is None


def test_a_gray_picture_gives_no_cue() -> None:
    gray = np.repeat(person()[..., 1:2], 3, axis=2)
    assert find_face(gray) is None


def test_paint_all_over_is_no_face(clutter: Photo) -> None:
    assert find_face(clutter) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (500, 3), (9, 7)])
def test_tiny_and_narrow_pictures_hold_no_face(shape: tuple[int, int]) -> None:
    skin = np.full((*shape, 3), (224, 172, 140), np.uint8)
    assert find_face(skin) is None


def test_a_face_is_found_at_the_mirrored_place_in_a_mirrored_picture(sample: Photo) -> None:
    face, mirrored = find_face(sample), find_face(np.ascontiguousarray(sample[:, ::-1]))
    assert face is not None
    assert mirrored is not None
    assert abs(face.x + mirrored.x - sample.shape[1]) < 8


@pytest.mark.parametrize("light", [0.5, (1.25, 1, 0.75), (0.85, 1, 1.2)], ids=str)
def test_a_photographed_face_is_found_in_dim_warm_and_cool_light(
    sample: Photo, light: float | tuple[float, ...]
) -> None:
    face = find_face(scaled(sample, light))
    assert face is not None
    assert abs(face.x - 224) < 12
    assert abs(face.y - 102) < 12


@pytest.mark.parametrize("edge_px", some_now([512, 256, 1600]))
def test_the_sample_portrait_is_cut_out_with_head_and_torso(sample: Photo, edge_px: int) -> None:
    analysis = analyze_shape(np.asarray(cv2.resize(sample, (edge_px, edge_px)), np.uint8))
    assert analysis.mode == "auto_mask"
    alpha = cv2.resize(analysis.alpha, (512, 512))
    assert alpha[80:170, 195:255].mean() > 0.98, "face"
    assert alpha[30:60, 200:260].mean() > 0.9, "hair"
    assert alpha[300:420, 120:240].mean() > 0.95, "torso"
    assert alpha[:120, :100].max() < 0.05, "top left corner"
    assert alpha[:200, -150:].max() < 0.05, "top right corner"


def test_a_drawn_person_is_cut_out_with_the_hair() -> None:
    analysis = analyze_shape(person(skin=0.3))
    assert analysis.mode == "auto_mask"
    assert analysis.alpha[45:60, 110:130].mean() > 0.9
    assert analysis.alpha[250:310, 80:160].mean() > 0.9
    assert analysis.alpha[:100, :50].max() < 0.05


def test_an_outline_through_plain_sky_is_no_subject() -> None:
    """A bright tower in an evening sky: the search must not take a piece of sky along."""
    rows, columns = 240, 360
    sky = np.linspace(40, 90, rows)[:, None, None] * np.array([0.5, 0.7, 1.2])
    photo = np.broadcast_to(sky, (rows, columns, 3)).copy()
    photo[80:230, 175:187] = 220
    photo[225:235, 60:300] = (250, 190, 90)
    analysis = analyze_shape(np.clip(photo, 0, 255).astype(np.uint8))
    if analysis.has_subject:
        assert analysis.alpha.mean() < 0.1

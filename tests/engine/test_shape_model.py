"""A network of the user's own. The two toy files answer 2·colour - 1 as normals; they show that the
loader works, not that any real model does."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcp_relight.domain.image import ShapeModel
from mcp_relight.engine import shape_model
from mcp_relight.engine.pipeline import analyze_shape
from mcp_relight.engine.shape_model import LAYOUTS, ShapeModelRefused, look
from tests.engine import synth
from tests.engine.conftest import Subject

MODELS = Path(__file__).parent / "models"
TOYS = {
    "tiny_normals.onnx": "46a70e2b460f20020e3f8f981b2c9155d32811522c542b2eb88e4628901c64e8",
    "moge_like.onnx": "a453cb11d63d39f124debcf059139cc021c75e4782b8b59aaea4371ff2c543f3",
}


def known(path: Path) -> ShapeModel:
    return ShapeModel(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def normals_as_colors(normals: synth.Image) -> NDArray[np.uint8]:
    return np.round((normals + 1) * 127.5).astype(np.uint8)


@pytest.mark.parametrize("toy", TOYS)
def test_the_toys_are_the_bytes_they_were(toy: str) -> None:
    assert known(MODELS / toy).sha256 == TOYS[toy]


@pytest.mark.parametrize("toy", TOYS)
@pytest.mark.parametrize("edges", [(192, 192), (150, 310), (37, 12), (900, 600)])
def test_normals_come_out_with_x_right_y_up_and_z_to_the_viewer(
    toy: str, edges: tuple[int, int]
) -> None:
    rgb = np.full((*edges, 3), (200, 220, 230), np.uint8)
    learned = look(known(MODELS / toy), rgb)
    wanted = np.array([200, 220, 230]) / 127.5 - 1
    assert learned.kind == "normals"
    assert np.abs(learned.values - wanted / np.linalg.norm(wanted)).max() < 1e-3


@pytest.mark.parametrize("toy", TOYS)
def test_a_subject_gets_the_shape_the_network_sees(toy: str, vase: Subject) -> None:
    """The photo shows the vase's normals as colours, which is what the toys read."""
    photo, mask = normals_as_colors(vase.scene.normals), vase.scene.mask
    learned = look(known(MODELS / toy), photo)
    analysis = analyze_shape(photo, mask=vase.scene.mask_pixels, learned=learned)
    assert analysis.mode == "shape_model"
    cosine = (analysis.normals * vase.scene.normals).sum(axis=2)[mask]
    error_deg = np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1))))
    own = (vase.analysis.normals * vase.scene.normals).sum(axis=2)[mask]
    assert error_deg < 6 < np.degrees(np.median(np.arccos(np.clip(own, -1, 1))))


def test_a_map_of_the_users_wins_over_the_network() -> None:
    photo = np.full((60, 80, 3), 128, np.uint8)
    learned = look(known(MODELS / "tiny_normals.onnx"), photo)
    assert analyze_shape(photo, normals=photo, learned=learned).mode == "user_normals"
    assert analyze_shape(photo, depth=photo[..., 0], learned=learned).mode == "user_depth"


def test_depth_is_understood_as_larger_where_it_is_nearer() -> None:
    across = np.tile(np.linspace(0, 1, 80, dtype=np.float32), (60, 1))
    for shape in ((60, 80), (1, 60, 80), (1, 1, 60, 80)):
        learned = shape_model.understood(across.reshape(shape), LAYOUTS[1])
        assert learned.values.shape == (60, 80)
    analysis = analyze_shape(np.full((60, 80, 3), 128, np.uint8), learned=learned)
    assert analysis.mode == "shape_model"
    assert float(analysis.normals[..., 0].mean()) < -0.05  # it rises to the right, so it faces left


@pytest.mark.parametrize("shape", [(3,), (60, 80), (1, 4, 60, 80), (2, 3, 60, 80), (1, 3, 1, 80)])
def test_an_answer_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    plain = LAYOUTS[-1]
    with pytest.raises(ShapeModelRefused):
        shape_model.understood(np.ones(shape, np.float32), plain)


def test_an_answer_that_is_no_number_is_refused() -> None:
    answer = np.full((1, 3, 20, 20), np.nan, np.float32)
    with pytest.raises(ShapeModelRefused):
        shape_model.understood(answer, LAYOUTS[-1])


def test_every_layout_is_known_by_outputs_of_its_own() -> None:
    assert len({layout.outputs for layout in LAYOUTS}) == len(LAYOUTS)
    assert all(layout.output in layout.outputs for layout in LAYOUTS)


PHOTO = np.full((40, 60, 3), 128, np.uint8)


@pytest.mark.parametrize("length", [0, 1, 40, 150, 280, 296])
def test_a_cut_file_is_refused(length: int, tmp_path: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes((MODELS / "tiny_normals.onnx").read_bytes()[:length])
    with pytest.raises(ShapeModelRefused):
        look(known(path), PHOTO)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "else.onnx"
    path.write_bytes(b"PK\x03\x04 no network at all" * 100)
    with pytest.raises(ShapeModelRefused):
        look(known(path), PHOTO)


def test_an_unknown_output_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes((MODELS / "tiny_normals.onnx").read_bytes().replace(b"normal", b"surfac"))
    with pytest.raises(ShapeModelRefused, match="no known kind"):
        look(known(path), PHOTO)


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "changed.onnx"
    path.write_bytes((MODELS / "tiny_normals.onnx").read_bytes())
    model = known(path)
    path.write_bytes((MODELS / "moge_like.onnx").read_bytes())
    with pytest.raises(ShapeModelRefused, match="changed"):
        look(model, PHOTO)


def test_a_file_too_large_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(shape_model.SHAPE_MODEL_MAX_BYTES + 1)  # sparse: takes no room
    with pytest.raises(ShapeModelRefused, match="larger than 256 MB"):
        look(ShapeModel(path=str(path), sha256=""), PHOTO)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.onnx"):
        with pytest.raises(ShapeModelRefused, match="no such file"):
            look(ShapeModel(path=str(path), sha256=""), PHOTO)

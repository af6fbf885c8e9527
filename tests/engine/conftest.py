"""The synthetic scenes, rendered and analysed once for all engine tests."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.pipeline import analyze_shape
from tests.engine import synth
from tests.networks import networks_look_once

__all__ = ["networks_look_once"]


@dataclass(frozen=True)
class Subject:
    """A scene, its soft photo as pixels, and the engine's analysis of it with the true mask."""

    scene: synth.Scene
    photo: NDArray[np.uint8]
    analysis: Analysis


def _subject(scene: synth.Scene) -> Subject:
    photo = synth.to_pixels(scene.soft_photo)
    return Subject(scene, photo, analyze_shape(photo, mask=scene.mask_pixels))


@pytest.fixture(scope="session")
def sphere() -> Subject:
    return _subject(synth.sphere())


@pytest.fixture(scope="session")
def blobby() -> Subject:
    return _subject(synth.blobby())


@pytest.fixture(scope="session")
def vase() -> Subject:
    return _subject(synth.vase())


@pytest.fixture(scope="session")
def clutter() -> NDArray[np.uint8]:
    """A frame without a subject: paint all over, half in shade."""
    noise = np.random.default_rng(5).integers(40, 220, (12, 16, 3)).astype(np.uint8)
    return np.kron(noise, np.ones((12, 12, 1), np.uint8))


@pytest.fixture(scope="session")
def clutter_analysis(clutter: NDArray[np.uint8]) -> Analysis:
    return analyze_shape(clutter)

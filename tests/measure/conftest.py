"""The rendered scenes, made once, and a real portrait, looked at and relit once."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.report import LightAnalysis
from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.pipeline import analyze_shape, relight
from mcp_relight.measure.analyze import analyze
from tests.engine import synth
from tests.networks import networks_look_once

from .pairs import Lit, Pixels, lit

__all__ = ["networks_look_once"]

PORTRAIT = Path(__file__).parents[2] / "mcp_relight" / "cli" / "samples" / "astronaut.jpg"


@dataclass(frozen=True)
class Portrait:
    """Its pixels, which nobody may write to, and the engine's analysis of them."""

    rgb: Pixels
    analysis: Analysis
    _relit: dict[str, Pixels] = field(default_factory=lambda: dict[str, Pixels]())

    def under(self, lighting: Lighting) -> Pixels:
        """As the engine relights it."""
        named = lighting.model_dump_json()
        if named not in self._relit:
            self._relit[named] = _kept(relight(self.rgb, self.analysis, lighting).rgb)
        return self._relit[named]


def _kept(pixels: Pixels) -> Pixels:
    pixels.setflags(write=False)
    return pixels


_known: dict[str, LightAnalysis] = {}


def _analyzed(rgb: Pixels, *, alpha: Pixels | None = None) -> LightAnalysis:
    """As `analyze` says, which is asked once about a picture."""
    parts = [rgb] if alpha is None else [rgb, alpha]
    named = hashlib.sha256(b"".join(one.tobytes() for one in parts)).hexdigest()
    named += str([one.shape for one in parts])
    if named not in _known:
        _known[named] = analyze(rgb, alpha=alpha)
    return _known[named]


@pytest.fixture(autouse=True)
def originals_analyzed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product gives a report what it knows of the original; most tests judge the same few."""
    monkeypatch.setattr("mcp_relight.measure.report.analyze", _analyzed)


@pytest.fixture(scope="session")
def scenes() -> list[Lit]:
    makers = {"sphere": synth.sphere, "blobby": synth.blobby, "vase": synth.vase}
    return [lit(name, maker()) for name, maker in makers.items()]


@pytest.fixture(scope="session")
def portrait() -> Portrait:
    photo = cv2.imread(str(PORTRAIT))
    assert photo is not None
    rgb = np.ascontiguousarray(photo[..., ::-1], np.uint8)
    return Portrait(_kept(rgb), analyze_shape(rgb))

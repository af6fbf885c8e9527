"""No two statements of one report disagree, whatever was asked and whatever came back."""

import numpy as np
import pytest

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.report import SURE, KelvinReport, Report
from mcp_relight.engine.color import kelvin_color
from mcp_relight.measure.analyze import analyze
from mcp_relight.measure.report import report
from tests.engine import synth
from tests.matrix import some_now

from .pairs import Lit, Pixels, repainted


def contradictions(made: Report) -> list[str]:
    """Pairs of statements that cannot both hold."""
    parts, direction, kelvin, match = made.parts, made.direction, made.kelvin, made.match
    words = set(parts.model_dump().values())
    error = direction.error_deg
    told = parts.direction not in ("not measurable", "not asked")
    claims = {
        "direction judged without confidence": told and direction.confidence < SURE,
        "angles without confidence": direction.after is not None and direction.confidence < SURE,
        "as asked, from elsewhere": parts.direction == "as asked" and (error or 0) > 60,
        "wrong, from there": parts.direction == "wrong" and (error or 180) < 35,
        "an error without angles": error is not None and direction.after is None,
        "kelvin without confidence": kelvin.after is not None and kelvin.confidence < SURE,
        "colour as asked, other kelvin": parts.colour == "as asked" and is_off(kelvin, 0.2),
        "colour weaker, those kelvin": parts.colour == "weaker" and is_there(kelvin),
        "all as asked, verdict not": made.verdict in ("weaker", "stronger", "wrong direction")
        and not words & {"weaker", "stronger", "wrong"},
        "verdict as asked, a part not": made.verdict == "as asked"
        and bool(words & {"weaker", "stronger", "wrong"}),
        "light judged on another picture": made.verdict == "changed content"
        and not words <= {"not measurable", "not asked"},
        "less, and yet wrong": "less than asked" in made.sentence
        and bool(words & {"wrong", "stronger"}),
        "flawed without a flaw": made.verdict == "flawed" and not made.flaws,
        "as asked with a flaw": made.verdict == "as asked" and bool(made.flaws),
        "nothing changed, and yet as asked": "Nothing visible" in made.sentence
        and match is None
        and bool(words & {"as asked", "stronger", "wrong"}),
        "matched far off, as asked": match is not None
        and match.kelvin_percent is not None
        and kelvin.requested is not None
        and parts.colour == "as asked"
        and abs(match.kelvin_percent) > 20
        and kelvin.after is not None
        and is_off(kelvin, 0.2),
    }
    return [name for name, holds in claims.items() if holds]


def is_off(kelvin: KelvinReport, share: float) -> bool:
    if kelvin.requested is None or kelvin.after is None:
        return False
    return abs(kelvin.after / kelvin.requested - 1) > share


def is_there(kelvin: KelvinReport) -> bool:
    measured = kelvin.requested is not None and kelvin.after is not None
    return measured and not is_off(kelvin, 0.05)


def random_lighting(random: np.random.Generator) -> Lighting:
    if random.random() < 0.3:
        return LOOKS[str(random.choice(sorted(LOOKS)))].lighting
    kelvin = float(random.choice([2200, 3200, 4800, 6500, 9000])) if random.random() < 0.7 else None
    light = Light(
        azimuth_deg=float(random.uniform(-180, 180)),
        elevation_deg=float(random.uniform(-80, 80)),
        kelvin=kelvin,
        softness=float(random.uniform(0, 1)),
    )
    return Lighting(
        lights=(light,),
        ambient=float(random.uniform(0, 1)),
        exposure_ev=float(random.choice([0, 0, -1, 1])),
        strength=float(random.choice([0.3, 1, 1.5])),
    )


def random_pair(random: np.random.Generator, scenes: list[Lit]) -> tuple[Pixels, Pixels]:
    scene = scenes[int(random.integers(len(scenes)))]
    photos = [scene.soft, *scene.photos]
    before, after = (photos[int(random.integers(len(photos)))] for _ in range(2))
    tinted = [
        synth.to_linear(one) * kelvin_color(float(random.choice([2500, 4000, 6504, 12000])))
        for one in (before, after)
    ]
    tinted[1] *= np.float32(random.choice([0.6, 1, 1.4]))
    before, after = (synth.to_pixels(one.astype(np.float32)) for one in tinted)
    kind = random.random()
    return before, before if kind < 0.1 else repainted(after) if kind < 0.2 else after


@pytest.mark.parametrize("seed", some_now(range(60), now=8))
def test_a_report_tells_one_story(scenes: list[Lit], seed: int) -> None:
    random = np.random.default_rng(seed)
    before, after = random_pair(random, scenes)
    target = analyze(random_pair(random, scenes)[0]) if random.random() < 0.3 else None
    made = report(before, after, random_lighting(random), target=target)
    assert contradictions(made) == [], made

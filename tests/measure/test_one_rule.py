"""What a model is told and what its result is judged by follow the same rule."""

import pytest

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.measure.request import wished
from mcp_relight.providers.kit.translate import light_source

LEFT, RIGHT = Light(azimuth_deg=-60), Light(azimuth_deg=60)
STEPS = (0.3, 0.6, 0.69, 0.7, 0.71, 1.0, 1.2)


@pytest.mark.parametrize(
    "lighting",
    [
        Lighting(lights=(Light(azimuth_deg=-60, intensity=1.2),), ambient=0.85),
        Lighting(lights=(LEFT, Light(azimuth_deg=60, intensity=0.7)), ambient=0.2),
        Lighting(lights=(Light(azimuth_deg=-60, intensity=0.3),), ambient=0.3),
    ],
)
def test_what_is_sent_is_what_is_judged(lighting: Lighting) -> None:
    wish = wished(lighting)
    assert wish is not None
    assert (light_source(lighting) != "None") == (wish.sided and wish.single)


@pytest.mark.parametrize("ambient", [0.2, 0.5, 0.8, 0.85])
@pytest.mark.parametrize("azimuth_deg", [-100, -60, -25, -10, 0, 15, 40, 90, 170])
@pytest.mark.parametrize("elevation_deg", [-60, 0, 19, 21, 45, 70])
def test_they_agree_for_lights_from_everywhere(
    azimuth_deg: float, elevation_deg: float, ambient: float
) -> None:
    for strength in STEPS:
        key = Light(azimuth_deg=azimuth_deg, elevation_deg=elevation_deg, intensity=strength)
        for other in (None, LEFT, RIGHT):
            lights = (key,) if other is None else (key, other)
            lighting = Lighting(lights=lights, ambient=ambient)
            wish = wished(lighting)
            assert wish is not None
            assert (light_source(lighting) != "None") == (wish.sided and wish.single)
            if wish.sided:
                is_named_across = light_source(lighting) in {"Left Light", "Right Light"}
                assert is_named_across == (wish.axis[0] != 0)

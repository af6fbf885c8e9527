"""The 20 looks."""

from mcp_relight.domain.looks import LOOKS


def test_there_are_twenty_looks_each_under_its_own_name() -> None:
    assert len(LOOKS) == 20
    assert all(look.lighting.look == name for name, look in LOOKS.items())


def test_every_look_has_lights_and_words() -> None:
    for look in LOOKS.values():
        assert 1 <= len(look.lighting.lights) <= 8
        assert look.prompt
        assert look.lighting.key is not None


def test_a_few_looks_have_their_documented_numbers() -> None:
    golden = LOOKS["golden_hour"].lighting
    key = golden.lights[0]
    assert (key.azimuth_deg, key.elevation_deg, key.kelvin, key.softness) == (-70, 8, 3200, 0.25)
    assert (golden.ambient, golden.ambient_kelvin) == (0.35, 7500)
    moonlight = LOOKS["moonlight"].lighting
    assert (moonlight.exposure_ev, moonlight.lights[0].kelvin) == (-1.3, 8500)
    neon = LOOKS["neon"].lighting
    assert [light.color for light in neon.lights] == ["#FF1EB4", "#14AAFF"]

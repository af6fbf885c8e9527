"""Where the sky of a photo is, and where it ends."""

import numpy as np

from mcp_relight.engine.color import decode, luminance
from mcp_relight.engine.grid import Map, Pixels
from mcp_relight.engine.pipeline import analyze_shape
from mcp_relight.engine.sky import sky_of


def sky_in(photo: Pixels) -> Map:
    """Of a photo without a subject, as small as the working grid."""
    guide = np.sqrt(luminance(decode(photo)))
    return sky_of(photo, guide, np.zeros_like(guide))


def rough(rows: int, columns: int, color: tuple[int, int, int]) -> Pixels:
    noise = np.random.default_rng(8).integers(-30, 30, (rows, columns, 3))
    return np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)


def test_a_sunset_in_a_lake_is_sky_without_a_hole() -> None:
    """Blue above, rose at the horizon but far to the left, and the same once more below it."""
    away = np.abs(np.arange(240) - 119.5)[:, None] / 120
    rose = np.clip(1 - 2.5 * away, 0, 1) * np.clip((np.arange(360) - 30) / 60, 0, 1)
    colors = np.array([70, 90, 180]) + rose[..., None] * np.array([180, 100, 10])
    photo = colors.astype(np.uint8)
    photo[118:122, 60:300] = (60, 60, 110)
    photo[90:150, 300:] = rough(60, 60, (40, 40, 45))
    photo[210:] = rough(30, 360, (60, 60, 50))
    sky = sky_in(photo)
    assert sky[:205, :260].min() > 0.9
    assert sky[100:140, 310:].max() < 0.1


def sea_behind_reed() -> Pixels:
    photo = np.full((240, 360, 3), (90, 150, 210), np.uint8)
    grass = rough(240, 360, (150, 110, 40))
    photo[150:] = grass[150:]
    for left in range(0, 350, 10):  # as thick as what lies between
        photo[100 + 7 * left % 30 : 150, left : left + 5] = grass[:50, :5].mean(axis=(0, 1))
    return photo


def test_the_sea_between_reed_is_lit_as_the_sky_is() -> None:
    photo = sea_behind_reed()
    sky = sky_in(photo)
    is_sea = np.zeros(sky.shape, np.bool_)
    is_sea[110:140] = photo[110:140, :, 2] == 210
    assert np.percentile(sky[is_sea], 5) > 0.8
    assert sky[170:].max() < 0.1


def test_a_gray_coat_before_a_white_wall_is_no_sky() -> None:
    photo = np.full((240, 360, 3), 235, np.uint8)
    photo[60:200, 100:] = 190
    assert sky_in(photo)[70:190, 110:].max() < 0.1


def test_the_sky_is_found_once_and_kept_with_the_rest() -> None:
    photo = np.full((240, 360, 3), (110, 160, 210), np.uint8)
    photo[150:] = rough(90, 360, (60, 70, 50))
    analysis = analyze_shape(photo)
    assert analysis.sky[:140].min() > 0.9
    kept = type(analysis).from_bytes(analysis.to_bytes())
    assert np.array_equal(kept.sky, analysis.sky)


def test_the_sky_beyond_a_tower_is_sky_as_well() -> None:
    photo = np.full((200, 300, 3), (110, 160, 210), np.uint8)
    noise = np.random.default_rng(5).integers(0, 90, (200, 300, 1))
    ground = (noise + np.array([40, 60, 30])).astype(np.uint8)
    photo[130:] = ground[130:]
    photo[:, 200:230] = ground[:, 200:230]
    photo[:40, 230:] = ground[:40, 230:]  # leaves, so that it does not reach the upper border
    sky = sky_in(photo)
    rows, columns = sky.shape
    assert sky[rows // 2, columns // 3] > 0.9
    assert sky[rows // 2, 11 * columns // 12] > 0.9


def test_a_stalk_before_the_sky_is_lit_as_the_sky_is() -> None:
    noise = np.random.default_rng(3).integers(0, 40, (200, 300, 1))
    photo = (np.array([120, 160, 205]) + noise // 5).astype(np.uint8)
    photo[130:] = (noise + np.array([90, 70, 20]))[130:]
    photo[50:130, 149:152] = (noise + np.array([150, 100, 30]))[50:130, 149:152]
    sky = sky_in(photo)
    rows, columns = sky.shape
    assert sky[rows // 2 - 8 : rows // 2, : columns - 4].min() > 0.9
    assert sky[3 * rows // 4 :].max() < 0.1

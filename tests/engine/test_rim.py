"""A rim lies where light from behind can get to, and nowhere else."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mcp_relight.domain.looks import LOOKS
from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.evidence import gather
from mcp_relight.engine.grid import Map
from mcp_relight.engine.pipeline import analyze_shape, relight
from mcp_relight.engine.rim import Rim
from mcp_relight.engine.rim_trust import believed

FROM_BEHIND = np.array([0, 0.6, -0.8], np.float32)


def disk(radius_px: int) -> Map:
    alpha = np.zeros((200, 300), np.float32)
    cv2.circle(alpha, (150, 100), radius_px, 1, -1, cv2.LINE_AA)
    return alpha


def rim_px(alpha: Map, face_width_px: float = 0) -> int:
    """How wide the rim is at the top of what stands in the middle."""
    rim = Rim(alpha, np.ones_like(alpha), face_width_px).of(FROM_BEHIND)
    return int((rim[:, 150] > 0.2).sum())


def test_a_rim_is_on_the_lit_side_alone() -> None:
    rim = Rim(disk(60), np.ones((200, 300), np.float32)).of(FROM_BEHIND)
    assert rim[:60].max() > 0.3
    assert rim[110:].max() == 0


def test_what_is_thin_gets_a_thin_rim() -> None:
    assert 1 <= rim_px(disk(5)) < rim_px(disk(60))


def test_a_rim_fades_from_the_outline_on() -> None:
    rim = Rim(disk(60), np.ones((200, 300), np.float32)).of(FROM_BEHIND)[42:100, 150]
    assert (np.diff(rim) < 1e-6).all()
    assert rim[2] < 0.75 * rim[0]
    assert rim[8] < 0.15 * rim[0]


def test_a_small_face_gets_a_thin_rim() -> None:
    assert rim_px(disk(60), face_width_px=15) < rim_px(disk(60), face_width_px=120)


@pytest.mark.parametrize("half_width_px", [6, 12])
def test_no_line_runs_half_way_between_two_outlines(half_width_px: int) -> None:
    """Of a neck, an arm or a tail the left half turns away from a light on the right."""
    alpha = np.zeros((200, 300), np.float32)
    alpha[:, 150 - half_width_px : 150 + half_width_px] = 1
    beside = np.array([0.6, 0, -0.8], np.float32)
    across = Rim(alpha, np.ones_like(alpha)).of(beside)[100]
    assert across.max() > 0.3
    assert across[149] == 0
    assert across[150] < 0.03 * across.max()


def test_on_skin_a_rim_is_a_line() -> None:
    alpha = disk(60)
    everywhere = np.ones_like(alpha)
    light = [Rim(alpha, everywhere, 0, skin).of(FROM_BEHIND) for skin in (None, everywhere)]
    edge, inner = (slice(40, 43), 150), (slice(47, 52), 150)
    assert light[1][edge].mean() > 0.6 * light[0][edge].mean()
    assert light[1][inner].mean() < 0.5 * light[0][inner].mean()


def test_no_line_is_drawn_where_a_cut_out_fades_away() -> None:
    """A glow that was cut out with what glows has no outline."""
    photo = np.full((200, 300, 3), 110, np.uint8)
    brightest = list[int]()
    for spread_px in (1.0, 25.0):
        soft = cv2.GaussianBlur(disk(40), (0, 0), spread_px)
        alpha = (soft / soft.max() * 255).astype(np.uint8)
        found = analyze_shape(photo, alpha=alpha)
        after = relight(photo, found, LOOKS["rim_light"].lighting).rgb
        brightest.append(int(after[alpha > 100].max()))
    assert brightest[0] > brightest[1] + 60


def test_a_cut_out_has_its_rim_to_the_last_pixel() -> None:
    """Left as dark as the front, what fades into nothing would be a fringe on any new ground."""
    photo = np.full((200, 300, 3), 110, np.uint8)
    soft = cv2.GaussianBlur(disk(60), (0, 0), 1.5)
    shape = analyze_shape(photo, alpha=(255 * soft).astype(np.uint8))
    made = relight(photo, shape, LOOKS["rim_light"].lighting).rgb[:, 150].mean(axis=1)
    above = np.arange(200) < 100
    fading, solid = (
        above & (soft[:, 150] > 0.1) & (soft[:, 150] < 0.5),
        above & (soft[:, 150] > 0.9),
    )
    assert made[fading].min() > 0.9 * made[solid].max()


def test_the_rim_of_a_cut_out_ends_gradually() -> None:
    """Ending at once so many pixels inside, it would be a ribbon along the outline."""
    photo = np.full((200, 300, 3), 160, np.uint8)
    alpha = (255 * disk(80)).astype(np.uint8)
    made = relight(photo, analyze_shape(photo, alpha=alpha), LOOKS["rim_light"].lighting).rgb
    inwards = made[22:60, 150].mean(axis=1)
    assert inwards[0] > inwards[-1] + 60
    assert np.diff(inwards).min() > -0.3 * (inwards[0] - inwards[-1])


def person(ground: int, *, hair: bool) -> tuple[NDArray[np.uint8], Analysis]:
    """A face of 60 by 80 pixels, found, on a plain ground; its mask with or without the hair."""
    photo = np.full((200, 300, 3), ground, np.uint8)
    cv2.ellipse(photo, (150, 100), (45, 62), 0, 0, 360, (60, 40, 30), -1)
    cv2.ellipse(photo, (150, 104), (31, 41), 0, 0, 360, (200, 150, 120), -1)
    mask = np.zeros((200, 300), np.uint8)
    size = (45, 62) if hair else (31, 41)
    cv2.ellipse(mask, (150, 100 if hair else 104), size, 0, 0, 360, 255, -1)
    mask[140:, 130:170] = 255
    box = np.array([[120, 64, 180, 144, 0]], np.float32)
    found = replace(analyze_shape(photo, mask=mask), mode="auto_mask", confidence=0.7, faces=box)
    return photo, found


@pytest.mark.parametrize("hair", [True, False])
def test_no_rim_lies_where_the_hair_begins(hair: bool) -> None:
    photo, found = person(20, hair=hair)
    trust = believed(found, gather(photo, found))
    outline = 40 if hair else 65
    above = trust[outline : outline + 3, 145:155]
    assert above.mean() > 0.5 if hair else above.max() < 0.05


def test_inside_of_hair_that_is_lost_in_its_ground_the_forehead_has_no_rim() -> None:
    photo = np.full((200, 300, 3), 34, np.uint8)
    mask = np.zeros((200, 300), np.uint8)
    cv2.circle(photo, (150, 100), 70, (36, 32, 31), -1)
    cv2.circle(photo, (150, 100), 64, (200, 150, 120), -1)
    cv2.circle(mask, (150, 100), 70, 255, -1)
    found = replace(analyze_shape(photo, mask=mask), mode="auto_mask", confidence=0.7)
    forehead = believed(found, gather(photo, found))[38:48, 150]
    assert forehead.max() < 0.2


def test_a_rim_fades_before_a_white_ground() -> None:
    dark, white = (
        believed(found, gather(photo, found))[40:43, 150].mean()
        for photo, found in (person(20, hair=True), person(255, hair=True))
    )
    assert white < 0.6 * dark


def test_a_light_behind_a_scene_leaves_its_sky_the_brightest() -> None:
    photo = np.full((160, 240, 3), (70, 90, 60), np.uint8)
    photo[:70] = (150, 175, 205)
    noise = np.random.default_rng(3).integers(-12, 12, (90, 240, 1))
    photo[70:] = (photo[70:] + noise).astype(np.uint8)
    analysis = analyze_shape(photo)
    assert analysis.mode == "scene"
    relit = relight(photo, analysis, LOOKS["rim_light"].lighting).rgb.astype(float)
    sky, land = (relit[rows].mean() / photo[rows].mean() for rows in (slice(50), slice(100, 160)))
    assert sky > 1.4 * land


def test_a_rim_outshines_the_photo_and_leaves_its_front_in_the_dark() -> None:
    photo = np.full((200, 300, 3), 60, np.uint8)
    cv2.circle(photo, (150, 100), 60, (120, 110, 100), -1)
    mask = np.zeros((200, 300), np.uint8)
    cv2.circle(mask, (150, 100), 60, 255, -1)
    relit = relight(photo, analyze_shape(photo, mask=mask), LOOKS["rim_light"].lighting).rgb
    edge, front = (relit[rows, 145:155].mean() for rows in (slice(41, 43), slice(95, 105)))
    assert edge > 1.7 * 110
    assert front < 0.5 * 110


def test_a_narrow_gap_has_no_rim() -> None:
    """It is a hole in the mask as often as one between an arm and the trunk."""
    photo = np.full((200, 300, 3), 60, np.uint8)
    photo[40:160, 60:240] = 150
    photo[40:160, 140:146] = 60
    found = analyze_shape(photo, mask=np.where(photo[..., 0] > 100, 255, 0).astype(np.uint8))
    found = replace(found, mode="auto_mask")
    trust = believed(found, gather(photo, found))
    assert trust[100, 238] > 0.8
    assert trust[100, 137] < 0.3


def test_where_a_network_was_not_sure_no_rim_is_believed() -> None:
    photo = np.full((200, 300, 3), 60, np.uint8)
    photo[40:160, 60:240] = 150
    found = analyze_shape(photo, mask=np.where(photo[..., 0] > 100, 255, 0).astype(np.uint8))
    sure = np.ones_like(found.alpha)
    sure[:, :150] = 0
    found = replace(found, mode="auto_mask", sure=sure)
    trust = believed(found, gather(photo, found))
    assert trust[100, 238] > 0.8
    assert trust[100, 61] < 0.1


def test_a_rim_raises_no_colored_noise_out_of_black() -> None:
    photo = np.full((200, 300, 3), 90, np.uint8)
    subject = disk(60) > 0
    noise = np.random.default_rng(8).integers(0, 22, photo.shape).astype(np.uint8)
    photo[subject] = noise[subject]
    found = analyze_shape(photo, mask=np.where(subject, 255, 0).astype(np.uint8))
    made = relight(photo, found, LOOKS["rim_light"].lighting).rgb.astype(float)
    edge = made[42:46, 145:156]
    assert edge.mean() > 30, "there is no rim"
    assert np.ptp(edge, axis=2).mean() < 0.3 * edge.mean()


def test_the_last_pixels_of_a_cut_out_lend_a_rim_little_color_of_their_old_ground() -> None:
    grain = np.random.default_rng(3).integers(0, 24, (200, 300, 1))
    photo = (np.array([120, 90, 60]) + grain).astype(np.uint8)
    subject = disk(60) > 0
    fringe = subject & (disk(58) == 0)
    photo[fringe] = (60, 200, 60)
    shape = analyze_shape(photo, alpha=np.where(subject, 255, 0).astype(np.uint8))
    made = relight(photo, shape, LOOKS["rim_light"].lighting).rgb.astype(float)
    red, green, blue = made[fringe & (np.arange(200)[:, None] < 80)].mean(axis=0)
    assert (red + green + blue) / 3 > 120, "there is no rim"
    assert green < red + blue


def test_before_a_light_from_behind_the_front_keeps_its_form() -> None:
    photo = np.full((200, 300, 3), 60, np.uint8)
    mask = (255 * disk(60)).astype(np.uint8)
    photo[mask > 0] = 130
    relit = relight(photo, analyze_shape(photo, mask=mask), LOOKS["rim_light"].lighting).rgb
    column = relit[:, 148:153].astype(float).mean(axis=(1, 2))
    assert column[95] > 1.12 * column[140], "its underside faces no sky"


def test_beside_a_roof_the_sky_is_as_bright_as_elsewhere() -> None:
    noise = np.random.default_rng(3).integers(0, 40, (200, 300, 1))
    photo = (np.array([190, 200, 205]) + noise // 5).astype(np.uint8)
    houses = np.zeros((200, 300), np.bool_)
    houses[110:] = houses[40:, 190:] = True
    photo[houses] = (noise + np.array([20, 15, 15]))[houses]
    found = analyze_shape(photo)
    found = replace(found, mode="scene", alpha=np.zeros_like(found.alpha))
    relit = relight(photo, found, LOOKS["rim_light"].lighting).rgb.astype(float)
    beside, away = (relit[60:80, columns].mean() for columns in (slice(186, 190), slice(120, 160)))
    assert abs(beside - away) < 4


def test_a_scrap_that_juts_out_of_a_mask_has_no_rim_of_its_own() -> None:
    torn, finger = disk(60), disk(60)
    cv2.ellipse(torn, (150, 38), (3, 9), 0, 0, 360, 1, -1)
    finger[5:45, 148:153] = 1
    found = [
        Rim(one, np.ones_like(one)).of(FROM_BEHIND)[:38, 140:160].max() for one in (torn, finger)
    ]
    assert found[0] < 0.05
    assert found[1] > 0.2


def test_no_light_from_behind_gets_into_a_corner_of_an_outline() -> None:
    neck = np.zeros((200, 300), np.float32)
    neck[120:, 60:240] = neck[40:130, 120:180] = 1
    from_the_right = np.array([0.65, 0, -0.75], np.float32)
    rim = Rim(neck, np.ones_like(neck)).of(from_the_right)
    assert rim[70:90, 178].min() > 0.5
    assert rim[115:120, 178].max() < 0.15


def test_a_searched_outline_that_is_torn_shows_little_of_a_rim() -> None:
    photo = np.full((200, 300, 3), 60, np.uint8)
    mask = np.zeros((200, 300), np.uint8)
    mask[60:160, 60:240] = 255
    for column in range(60, 150, 6):
        mask[57:60, column : column + 3] = 255
    photo[mask > 0] = 150
    found = replace(analyze_shape(photo, mask=mask), mode="auto_mask")
    trust = believed(found, gather(photo, found))
    assert trust[61, 180:230].min() > 0.8
    assert trust[61, 80:130].max() < 0.4


def test_thin_dark_hair_before_the_dark_is_lit_as_hair() -> None:
    """Not as the skin a little further in."""
    photo = np.full((200, 300, 3), 12, np.uint8)
    photo[disk(60) > 0], photo[disk(57) > 0] = 25, 200
    shape = analyze_shape(photo, mask=(255 * disk(60)).astype(np.uint8))
    made = relight(photo, shape, LOOKS["rim_light"].lighting).rgb.astype(float)
    assert made[41:43, 145:156].mean() < 100

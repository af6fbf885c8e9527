"""An outline counts only where the picture has an edge."""

import cv2
import numpy as np

from mcp_relight.engine import portrait, salient_subject
from mcp_relight.engine.contour import colors_shared, contour_gaps, hues_shared
from mcp_relight.engine.face import Face
from mcp_relight.engine.mask import search_subject


def test_the_gap_is_the_difference_of_color_where_there_is_an_edge_and_nothing_elsewhere() -> None:
    lab = np.full((80, 80, 3), 100, np.float32)
    lab[20:60, 20:40] = (160, 100, 100)
    half_on_the_edge = np.zeros((80, 80), np.bool_)
    half_on_the_edge[20:60, 20:60] = True  # its right half lies in plain ground
    gaps = contour_gaps(lab, half_on_the_edge)
    assert gaps.max() > 40
    assert 0.3 < (gaps > 6).mean() < 0.7


def test_a_fence_shares_its_colors_with_the_street_behind_it() -> None:
    street = np.random.default_rng(4).integers(90, 130, (120, 120, 3)).astype(np.uint8)
    fence, ball = street.copy(), street.copy()
    fence[30:90:16, 30:90] = (220, 180, 20)
    ball[30:90, 30:90] = (220, 180, 20)
    cut_out = np.zeros((120, 120), np.float32)
    cut_out[30:90, 30:90] = 1
    assert colors_shared(fence, cut_out) > 0.6
    assert colors_shared(ball, cut_out) < 0.05


def test_without_surroundings_no_color_is_shared() -> None:
    photo = np.full((60, 60, 3), 128, np.uint8)
    assert colors_shared(photo, np.ones((60, 60), np.float32)) == 0


def test_a_petal_of_many_has_the_hue_of_the_others() -> None:
    petal = np.zeros((120, 120), np.float32)
    petal[30:90, 30:90] = 1
    inside = petal[..., None] > 0
    orange, dark_orange = np.array([250, 130, 20], np.uint8), np.array([185, 92, 8], np.uint8)
    assert hues_shared(np.where(inside, orange, dark_orange), petal) > 0.5
    assert hues_shared(np.where(inside, orange, np.array([20, 90, 200], np.uint8)), petal) < 0.1
    assert hues_shared(np.where(inside, orange, np.array([140, 135, 130], np.uint8)), petal) == 0


def test_a_sharp_outline_of_a_large_thing_may_have_the_colors_of_its_ground() -> None:
    """A red saucer on a red table; of a petal among others the hue still tells nothing."""
    table = np.full((192, 256, 3), (120, 40, 25), np.uint8)
    for radius_px, is_found in ((70, True), (24, False)):
        photo, salient = table.copy(), np.zeros((192, 256), np.float32)
        cv2.circle(photo, (128, 96), radius_px, (190, 60, 35), -1)
        cv2.circle(salient, (128, 96), radius_px, 1, -1)
        confidence = salient_subject.of(photo, salient, [])[1]
        assert (confidence > 0.9) is is_found


def test_two_eyes_are_not_the_person() -> None:
    """Of a face that fills the frame nothing can be cut out, and what stands out stays alone."""
    photo = np.full((192, 256, 3), (200, 150, 120), np.uint8)
    salient = np.zeros((192, 256), np.float32)
    for x in (64, 192):
        cv2.circle(photo, (x, 90), 24, (240, 245, 250), -1)
        cv2.circle(salient, (x, 90), 24, 1, -1)
    face = Face(128, 90, 128, 1)
    assert salient_subject.of(photo, salient, [])[1] > 0.9
    assert salient_subject.of(photo, salient, [face])[1] == 0


def test_a_network_is_sure_where_it_ends_sharply() -> None:
    across = np.mgrid[:256, :256][1].astype(np.float32)
    salient = np.clip((across - 60) / 2, 0, 1) * np.clip((220 - across) / 60, 0, 1)
    sure = salient_subject.sureness(salient.astype(np.float32), (256, 256))
    assert sure[128, 60] > 0.9
    assert sure[128, 190] < 0.1
    assert sure[128, 130] < 0.1


def test_a_ball_before_white_that_a_network_sees_in_part_is_whole() -> None:
    photo = np.full((200, 200, 3), 255, np.uint8)
    balls, salient = np.zeros((2, 200, 200), np.float32)
    for x in (60, 140):
        cv2.circle(photo, (x, 105), 20, (120, 120, 120), -1)  # a shadow
        cv2.circle(photo, (x + 4, 105), 20, (235, 235, 235), -1)
        cv2.circle(photo, (x, 100), 20, (30, 60, 200), -1)
        cv2.circle(balls, (x, 100), 18, 1, -1)
        cv2.circle(salient, (x, 100), 20, 1, -1)
    salient[:, 140:] = 0
    found = search_subject(photo, (200, 200), salient, [])
    assert found.source == "auto"
    assert found.alpha[balls > 0].min() > 0.8
    assert found.alpha[125:].max() < 0.2


def test_who_bends_forward_has_no_trunk_straight_below_the_head() -> None:
    person = np.zeros((256, 256), np.uint8)
    cv2.circle(person, (118, 75), 17, 1, -1)
    cv2.fillPoly(person, [np.array([(20, 255), (30, 120), (100, 65), (134, 95), (80, 255)])], 1)
    noise = np.random.default_rng(6).integers(-25, 25, (256, 256, 1))
    photo = np.clip(np.array([150, 150, 150]) + noise, 0, 255).astype(np.uint8)
    photo[person > 0] = 40
    salient = cv2.GaussianBlur(person.astype(np.float32), (0, 0), 1)
    salient[65:90, 125:] = 0  # it holds something before the face
    face = Face(120, 75, 9, 1.0)
    assert portrait.face_kept(face, salient) < 0.95
    found, confidence = salient_subject.of(photo, salient, [face])
    assert confidence > 0.7
    assert found[175:, 115:].max() < 0.1
    assert found[120:, 60:70].min() > 0.9

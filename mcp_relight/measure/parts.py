"""Direction, colour, brightness and contrast of a change of light, each judged on its own.

What was asked is laid on a white dome as wide as the frame (`request.expected`); what happened is
the gain between the two pictures. Neither knows how the result was made.
"""

from dataclasses import dataclass

import numpy as np

from mcp_relight.domain.lighting import NOTED_EV, Light, Lighting
from mcp_relight.domain.looks import look_of, names_color
from mcp_relight.domain.report import SURE, Parts, PartWord
from mcp_relight.engine.grid import Bits

from .direction import Change
from .gain import Gain, Tone, middle_of
from .request import Wish, expected
from .rim import Rim

_LEAST_ASKED_STOPS = 0.3
"""Across a dome: below this no viewer would name a side."""
_OTHER_SIDE, _SAME_SIDE = -0.05, 0.2
_HARDLY_MOVED, _FAR_OTHER_SIDE = 0.04, -0.2
"""Of the stops asked across the frame. Where the whole change is far weaker than asked, it takes
more to say that it lies on the other side."""
_FAR_OFF, _SURE_OF_SIDE = 0.34, 0.5
_FLAT, _DEEP = 0.36, 2.5
"""Of the spread asked."""
_LEAST_SPREAD, _MOST_SPREAD = 0.4, 1.6
"""Stops."""
_FLAT_UNFILLED, _MOST_UNFILLED = 0.6, 2.4
"""The same of one light without fill, which lights and leaves dark."""
_OVERDONE_SPREAD = 3.0
_UNEVEN_STOPS = 1.8
_LINE, _RIM, _FRONT = 0.45, 0.75, -1.3
_FAINT_LINE, _WHOLE_RIM = 0.25, 1.6
"""Of a subject lit from behind: steps of brightness by which a line stands out, stops that its edge
gains over its inside, and that the inside keeps at most; and for a fainter line the same."""
_LINE_ANYWHERE = 0.6
"""The same where no subject is known: a fainter line may be anything that stood out."""
_BACK_KEPT, _FRONT_FALLEN = -0.6, 1.9
"""Stops by which a frame of bright back and dark front darkens at most, and by which they part."""
_MOOD_LIT, _RIM_LIT = 0.3, 0.2
"""Brightness (square root of light) that the brightest twentieth has at least for anything to look
lit: by one light without fill, by light from behind."""
_LIT_SIDE = 0.05
"""Stops that the side towards a filled light gains at least, in the frame or on the subject."""
_FALLEN_SHORT = 1.9
"""Stops by which the lit side may be darker than a light that keeps the mean level makes it."""
_APART, _FALLEN, _FALLEN_IN_LOOK, _BRIGHT = 0.5, 1.1, 2.0, -4.5
"""Without fill: how far the two sides lie apart in the picture seen, of the stops asked; stops by
which the lit one may be darker than it was, and in a look, which is a mood; and stops below white
that it has at least where the frame lost more."""
_EV_DONE, _EV_OVERDONE, _EV_MUCH, _EV_WRONG = 0.5, 3.0, 1.7, 0.3
LITTLE_FILL = 0.15
"""Of the key: with less the side away from it falls dark."""
_VEILED = 0.15
"""Share of the subject on which a colour may lie that its surfaces cannot send back."""
_TINTED = 0.6
"""Log ratio of a light's tone that a look asks for on purpose; below it is nearly white."""
_CAST, _SHOWS = 0.7, 0.15
"""And the least brightness (square root of light) after of what shows a cast."""
_TONE_SIZES, _TONE_DONE = (0.65, 2.0), (0.85, 0.8)
"""Log ratios of a tone asked for, and how much of it is enough: a strong one looks full sooner."""
_TONE_OVERDONE, _TONE_WRONG = 2.9, -0.2
"""Of what that much shows."""
_LEAST_TONE = 0.1
_SIDES_DONE, _SIDES_WRONG = 0.3, -0.08
_KELVIN_NEAR, _SURE_OF_COLOR = 0.08, 0.75
"""Brown paint passes for a warm light too easily to let a doubtful kelvin outvote the change."""
_LEAST_TONED, _LEAST_TONED_SIDES = 0.08, 0.03
_BY_SIDES, _UNTOLD = 0.5, 0.29
"""How sure a side of the gain is at least; the most that is said of what is not measurable."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the parts rest on.

    `subject` (h, w) on the grid of `gain`, None where none was found; `rim` None where it was not
    looked for; `ev` is the change of the mean level in stops; `kelvin` the one after,
    `color_confidence` that the one before is right.
    """

    lighting: Lighting
    wish: Wish | None
    gain: Gain
    change: Change
    direction_confidence: float
    subject: Bits | None
    rim: Rim | None
    ev: float
    kelvin: int | None
    color_confidence: float
    is_gray: bool
    """The original: no look alone colors it."""


def parts_of(seen: Evidence) -> tuple[Parts, float]:
    """The word for every part, and how sure (0…1) the direction is. What has no wish is not asked,
    a direction below `SURE` not measurable."""
    if seen.lighting.strength == 0:
        return Parts(), seen.direction_confidence
    if seen.lighting.lit_region == "background":
        # Light is read from the subject, and that was to stay as it was.
        unread: PartWord = "not measurable"
        untold = Parts(direction=unread, colour=unread, brightness=unread, contrast=unread)
        return untold, min(seen.direction_confidence, _UNTOLD)
    asked = _Asked(seen)
    direction, sure = asked.direction()
    parts = Parts(
        direction=direction if sure >= SURE or direction == "not asked" else "not measurable",
        colour=asked.color(),
        brightness=asked.brightness(),
        contrast=asked.contrast(),
    )
    return parts, min(sure, _UNTOLD) if parts.direction == "not measurable" else sure


class _Asked:
    """One request beside what happened."""

    def __init__(self, seen: Evidence) -> None:
        self._seen = seen
        size = seen.gain.stops.shape
        self._frame = np.ones(size, np.bool_)
        self._core = middle_of(size) if seen.subject is None else seen.subject
        self._expected = expected(seen.lighting)
        self._strength = seen.lighting.strength

    def direction(self) -> tuple[PartWord, float]:
        """And how sure that is: of the angles, or of the side that gained."""
        wish, sure = self._seen.wish, self._seen.direction_confidence
        if wish is None or wish.even:
            return "not asked", sure
        if wish.two_toned:
            word = "not measurable" if self._keeps_its_gray else self._sides(wish)
            return (word if word in ("wrong", "not measurable") else "as asked"), _BY_SIDES
        if not wish.sided:
            return self._unsided(wish), sure
        asked = self._expected.stops_across(wish.axis, self._expected.usable)
        if asked < _LEAST_ASKED_STOPS * self._strength:
            return "not measurable", sure
        moved = [self._seen.gain.stops_across(wish.axis, area) for area in self._areas]
        share, most = sum(moved) / len(moved) / asked, max(moved) / asked
        by_side = min(1.0, abs(most - _SAME_SIDE) / _SAME_SIDE)
        return self._sided(wish, share, most), max(sure, _BY_SIDES, by_side)

    def _sided(self, wish: Wish, share: float, most: float) -> PartWord:
        """From the share of the asked stops across, on average and where they are most."""
        seen, after = self._seen, self._seen.change.after
        is_there = wish.opposed_by(-after.direction) and seen.direction_confidence >= SURE
        is_opposed = wish.opposed_by(after.direction) and seen.direction_confidence >= SURE
        if share <= _OTHER_SIDE:
            if is_there and share > 2 * _OTHER_SIDE:
                return "as asked"
            is_faint = share > _FAR_OTHER_SIDE and self._is_slight(wish)
            return "weaker" if is_faint else "wrong"
        if most < _SAME_SIDE:
            return "wrong" if is_opposed and share < _HARDLY_MOVED else "weaker"
        return "as asked"

    def _unsided(self, wish: Wish) -> PartWord:
        """A light from the front or from behind: only a sure one from elsewhere is wrong."""
        seen = self._seen
        if seen.direction_confidence < SURE:
            return "not measurable"
        is_sure = seen.direction_confidence >= _SURE_OF_SIDE
        is_far = float(wish.direction @ seen.change.after.direction) < _FAR_OFF
        return "wrong" if is_sure and is_far and wish.single else "as asked"

    def contrast(self) -> PartWord:
        wish = self._seen.wish
        if wish is None:
            return "not asked"
        if wish.even:
            return "wrong" if self._seen.gain.spread() > _UNEVEN_STOPS else "as asked"
        if wish.two_toned:
            return "not asked"
        # What light from behind draws is no twentieth of a picture.
        is_weak = self._has_no_rim if wish.behind else self._is_slight(wish) or self._is_unlit(wish)
        if is_weak:
            return "weaker"
        spread, asked = self._spreads
        is_overdone = spread > max(_DEEP * asked, _OVERDONE_SPREAD)
        return "stronger" if is_overdone else "as asked"

    def _is_slight(self, wish: Wish) -> bool:
        """The light changed everywhere about alike."""
        spread, asked = self._spreads
        flat, most = (
            (_FLAT_UNFILLED, _MOST_UNFILLED) if self._is_unfilled(wish) else (_FLAT, _MOST_SPREAD)
        )
        return spread < min(max(flat * asked, _LEAST_SPREAD), most)

    def _is_unfilled(self, wish: Wish) -> bool:
        """One light alone from a side, in a picture that need not be dark."""
        lighting = self._seen.lighting
        return wish.sided and not lighting.is_dark and lighting.ambient < LITTLE_FILL

    @property
    def _spreads(self) -> tuple[float, float]:
        """Stops between what gained most and least, made and asked, at full strength."""
        made, asked = self._seen.gain.spread(), self._expected.spread()
        return made / self._strength, asked / self._strength

    def _is_unlit(self, wish: Wish) -> bool:
        """Nothing stands out lit: it only got darker, and not because that was asked."""
        lighting = self._seen.lighting
        if not wish.sided or lighting.is_dark:
            return False
        if self._is_unfilled(wish):
            return self._is_shallow(wish) or self._seen.gain.brightest() < _MOOD_LIT
        asked = self._expected.near_over_mean(wish.axis) + lighting.exposure_ev * self._strength
        gained = [self._seen.gain.near(wish.axis, area) for area in self._areas]
        least = (_LIT_SIDE + min(lighting.exposure_ev, 0)) * self._strength
        return asked - gained[0] > _FALLEN_SHORT * self._strength or max(gained) < least

    @property
    def _has_no_rim(self) -> bool:
        """No line is seen, or where the subject is known it lies on little of its outline, or the
        front is lit as well. A frame whose front fell dark before a back that stayed bright needs
        no line."""
        seen, least = self._seen, self._strength
        if seen.ev >= _BACK_KEPT * least and seen.gain.spread() >= _FRONT_FALLEN * least:
            return False
        if seen.rim is None or seen.gain.brightest() < _RIM_LIT:
            return True
        if seen.subject is None:
            return seen.rim.strength < _LINE_ANYWHERE * least
        is_clear = seen.rim.strength >= _LINE * least
        edge, inside = seen.gain.edge(seen.subject)
        is_faint = seen.rim.strength >= _FAINT_LINE * least and edge >= _WHOLE_RIM * least
        is_there = is_faint or (is_clear and edge >= _RIM * least)
        return not is_there or inside > _FRONT * least

    def _is_shallow(self, wish: Wish) -> bool:
        """One light alone lights one side and leaves the other dark, in the picture seen."""
        asked = self._expected.stops_across(wish.axis, self._expected.usable)
        seen = [self._seen.gain.sides(wish.axis, area) for area in self._areas]
        apart = max(near - far for near, far in seen)
        gained = [self._seen.gain.near(wish.axis, area) for area in self._areas]
        is_dark = max(near for near, _ in seen) < _BRIGHT and gained[0] < -_FALLEN_SHORT
        fallen = _FALLEN if look_of(self._seen.lighting) is None else _FALLEN_IN_LOOK
        return apart < _APART * asked or is_dark or max(gained) < -fallen * self._strength

    def brightness(self) -> PartWord:
        asked, ev = self._seen.lighting.exposure_ev * self._strength, self._seen.ev
        if abs(asked) < NOTED_EV:
            return "not asked"
        share = ev / asked
        # Little fill darkens the surroundings by itself, however bright the key is.
        is_unfilled = self._seen.lighting.ambient <= LITTLE_FILL
        if is_unfilled and asked > 0 and share < _EV_DONE:
            return "not measurable"
        if ev * asked < 0 and abs(ev) > _EV_WRONG:
            return "wrong"
        if share < _EV_DONE:
            return "weaker"
        is_overdone = share > _EV_OVERDONE and abs(ev - asked) > _EV_MUCH
        is_overdone &= asked > 0 or not is_unfilled
        return "stronger" if is_overdone else "as asked"

    def color(self) -> PartWord:
        wish, key = self._seen.wish, self._seen.lighting.key
        if wish is None or key is None or (key.kelvin is None and key.color is None):
            return "not asked"
        if self._keeps_its_gray:
            return "not asked"
        word = self._sides(wish) if wish.two_toned else self._one_tone(wish, key)
        # Lamps of two colours lie over things by their nature, and what light from behind grazes
        # is a mirror to it.
        is_veil = not (wish.two_toned or wish.behind) and self._is_veil
        return "wrong" if is_veil and word != "weaker" else word

    @property
    def _keeps_its_gray(self) -> bool:
        return self._seen.is_gray and not names_color(self._seen.lighting)

    def _one_tone(self, wish: Wish, key: Light) -> PartWord:
        if float(self._seen.gain.toned.mean()) < _LEAST_TONED:
            return "not measurable"
        asked = self._near(self._expected, self._expected.usable)
        size = float(np.linalg.norm(asked))
        if size < _TINTED and not names_color(self._seen.lighting):
            return self._untinted(size)
        if key.kelvin is not None and self._is_near(key.kelvin):
            return "as asked"
        return self._tinted(asked)

    @property
    def _is_veil(self) -> bool:
        """Paint laid over things, or haze, is not their colour in another light."""
        return float(self._seen.gain.veiled[self._core].mean()) > _VEILED

    def _untinted(self, size: float) -> PartWord:
        """A look's light that is nearly white, of so small a tone: only a strong cast is wrong."""
        gain = self._seen.gain
        shown = [gain.palest(area & (gain.level > _SHOWS)) for area in self._areas]
        tones = [self._near(gain, area) for area in shown]
        is_cast = min(float(np.linalg.norm(tone)) for tone in tones) > _CAST + size
        return "wrong" if is_cast else "as asked"

    def _tinted(self, asked: Tone) -> PartWord:
        """Beside what the least that passes would show on the same surfaces."""
        gain = self._seen.gain
        enough = np.interp(np.linalg.norm(asked), _TONE_SIZES, _TONE_DONE)
        least = gain.in_tone(enough * asked)
        areas = [gain.palest(area) for area in self._areas]
        shares = [_share(*(self._near(one, area) for one in (gain, least))) for area in areas]
        if max(shares) < _TONE_WRONG:
            return "wrong"
        if max(shares) < 1:
            return "weaker"
        return "stronger" if min(shares) > _TONE_OVERDONE else "as asked"

    def _is_near(self, kelvin: float) -> bool:
        """The light after has the colour asked for, wherever it started."""
        seen = self._seen
        is_near = seen.kelvin is not None and abs(seen.kelvin / kelvin - 1) <= _KELVIN_NEAR
        return is_near and seen.color_confidence >= _SURE_OF_COLOR

    def _sides(self, wish: Wish) -> PartWord:
        """Lights of two colours: which side carries which."""
        near, far = self._expected.tones_across(wish.axis, self._expected.usable)
        asked = near - far
        power = max(float(asked @ asked), 1e-6)
        shares: list[float] = []
        for area in self._areas:
            one, other = self._seen.gain.tones_across(wish.axis, area)
            shares.append(float((one - other) @ asked) / power)
        if float(self._seen.gain.toned.mean()) < _LEAST_TONED_SIDES:
            return "not measurable"
        if sum(shares) / len(shares) < _SIDES_WRONG:
            return "wrong"
        return "weaker" if max(shares) < _SIDES_DONE else "as asked"

    @property
    def _areas(self) -> tuple[Bits, Bits]:
        return self._frame, self._core

    def _near(self, gain: Gain, area: Bits) -> Tone:
        """The tone on the lit side, or everywhere when there is none."""
        wish = self._seen.wish
        if wish is None or not wish.sided:
            return gain.tone_of(area)
        return gain.tones_across(wish.axis, area)[0]


def _share(made: Tone, least: Tone) -> float:
    return float(made @ least) / max(float(np.linalg.norm(least)), _LEAST_TONE) ** 2

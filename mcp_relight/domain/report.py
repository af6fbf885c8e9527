"""What was measured: of one photo, and of a relit picture against what was asked.

Small on purpose: both travel inside a tool's reply, which a model has to read.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal[
    "as asked",
    "weaker",
    "stronger",
    "wrong direction",
    "changed content",
    "flawed",
    "not judged",
]
PartWord = Literal["as asked", "weaker", "stronger", "wrong", "not measurable", "not asked"]
Flaw = Literal["stain", "halo", "seam", "noise", "posterized", "clipped"]
"""Visible damage: a patch inside a smooth surface; a glow or a dark band along an outline; a step
or a cut where the picture has none; grain; bands; burnt or drowned areas."""

MEASURE_VERSION = "13"
"""Changes whenever the same photo measures otherwise: part of the key of every cached analysis."""
SURE = 0.3
"""Below this confidence a number is not given."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Angles = tuple[int, int]
"""(azimuth_deg, elevation_deg) in the frame of `domain.lighting`."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


Kind = Literal["portrait", "product", "landscape", "night", "graphic", "scene"]
"""What a photo seems to show, as far as it matters for its light."""


class SuggestedLook(_Value):
    """A look of `domain.looks` that would suit the photo."""

    name: str
    why: str


class LightAnalysis(_Value):
    """The light in one photo.

    Confidences run 0…1; angles, kelvin and tint are None below `SURE`. `key_to_fill_stops` is what
    lies between the lit side and the fill; `ambient` and `softness` are arguments of a request
    that ask for the same. `color` is a tinted light as #RRGGBB, which no kelvin says.
    `exposure_ev` is the mean level against mid grey in stops. `tint` is the light's departure from
    the black-body colours, positive towards green, negative towards magenta, 0.1 = 10 %.
    `subject_box` is (left, top, right, bottom) as shares of the frame.
    """

    azimuth_deg: int | None = None
    elevation_deg: int | None = None
    direction_confidence: Share
    key_to_fill_stops: float
    ambient: float
    softness: float
    contrast_confidence: Share
    kelvin: int | None = None
    tint: float | None = None
    color: str | None = None
    color_confidence: Share
    exposure_ev: float
    clipped_shadows: Share
    clipped_highlights: Share
    subject_box: tuple[Share, Share, Share, Share] | None = None
    backlit: bool
    kind: Kind = "scene"
    sentence: str = ""
    looks: tuple[SuggestedLook, ...] = ()


class Parts(_Value):
    """The light, judged part by part; the verdict follows from these words."""

    direction: PartWord = "not asked"
    colour: PartWord = "not asked"
    brightness: PartWord = "not asked"
    contrast: PartWord = "not asked"


class DirectionReport(_Value):
    """Where the key light comes from. `error_deg` is the angle between after and requested.

    `before` is what `LightAnalysis` says of the original. Angles below `SURE` are None.
    """

    before: Angles | None = None
    after: Angles | None = None
    requested: Angles | None = None
    error_deg: int | None = None
    confidence: Share


class StopsReport(_Value):
    """Change of exposure in stops; `background` is None when no subject was found."""

    subject: float
    background: float | None = None
    confidence: Share


class KelvinReport(_Value):
    """Colour of the light; `requested` is None when a hex colour or no light was asked for.

    `before` is what `LightAnalysis` says of the original, None below `SURE`; so are `after` and
    `shift` then.
    """

    before: int | None = None
    after: int | None = None
    requested: int | None = None
    shift: int | None = None
    confidence: Share


class CollateralReport(_Value):
    """What changed that is not light, in the picture the model returned.

    `registration` is the agreement of edge directions after alignment and `structure` the
    correlation of fine detail (both 1 = same), `crop` the share of the frame that is gone,
    `edges` the share of the original's clear edges and strokes that are gone, `hue_shift_deg` the
    median change of hue that the colour of the light does not explain. `face` is the agreement of
    edge directions inside a face (1 = same, below 0.4 = another face), None when none was found;
    `face_confidence` that it is one.
    """

    registration: float
    crop: Share
    structure: float
    edges: Share
    hue_shift_deg: int | None = None
    face: float | None = None
    face_confidence: Share | None = None
    confidence: Share


class MatchReport(_Value):
    """How far the light now lies from the reference's; None where either is not sure.

    `direction_deg` is the angle between the two, `kelvin` their difference in percent, `contrast`
    that of key to fill and `exposure` that of the mean level, both in stops.
    """

    direction_deg: int | None = None
    kelvin_percent: int | None = None
    contrast_stops: float | None = None
    exposure_stops: float


class Report(_Value):
    """Requested against achieved."""

    verdict: Verdict
    sentence: str
    parts: Parts = Parts()
    flaws: tuple[Flaw, ...] = ()
    direction: DirectionReport
    stops: StopsReport
    kelvin: KelvinReport
    collateral: CollateralReport
    match: MatchReport | None = None

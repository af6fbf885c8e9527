"""What was measured: of one photo, and of a relit picture against what was asked.

Small on purpose: both travel inside a tool's reply, which a model has to read.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["as asked", "weaker", "stronger", "wrong direction", "changed content"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Angles = tuple[int, int]
"""(azimuth_deg, elevation_deg) in the frame of `domain.lighting`."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SuggestedLook(_Value):
    """A look of `domain.looks` that would suit the photo."""

    name: str
    why: str


class LightAnalysis(_Value):
    """The light in one photo.

    Confidences run 0…1. `exposure_ev` is the mean level against mid grey in stops. `tint` is the
    light's departure from the black-body colours, positive towards green, negative towards
    magenta, 0.1 = 10 %. `subject_box` is (left, top, right, bottom) as shares of the frame.
    """

    azimuth_deg: int
    elevation_deg: int
    direction_confidence: Share
    key_to_fill_stops: float
    kelvin: int
    tint: float
    color_confidence: Share
    exposure_ev: float
    clipped_shadows: Share
    clipped_highlights: Share
    subject_box: tuple[Share, Share, Share, Share] | None = None
    backlit: bool
    sentence: str
    looks: tuple[SuggestedLook, ...]


class DirectionReport(_Value):
    """Where the key light comes from. `error_deg` is the angle between after and requested."""

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
    """Colour of the light; `requested` is None when a hex colour or no light was asked for."""

    before: int
    after: int
    requested: int | None = None
    shift: int
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


class Report(_Value):
    """Requested against achieved."""

    verdict: Verdict
    sentence: str
    next_step: str
    direction: DirectionReport
    stops: StopsReport
    kelvin: KelvinReport
    collateral: CollateralReport

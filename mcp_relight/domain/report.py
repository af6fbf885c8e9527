"""Measured verdicts: the light of one photo, and of a result against its request."""

from pydantic import BaseModel, ConfigDict


class Report(BaseModel):
    """The measured verdict of a finished job."""

    model_config = ConfigDict(frozen=True)


class LightAnalysis(BaseModel):
    """The light of one photo, in numbers and one plain sentence."""

    model_config = ConfigDict(frozen=True)

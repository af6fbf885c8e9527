"""An adapter as another package would bring it."""

from collections.abc import Sequence
from dataclasses import replace

from mcp_relight.domain.exchange import Call, Request
from mcp_relight.domain.models import ModelSpec
from mcp_relight.providers.segmind import Segmind


class Acme(Segmind):
    name = "acme"
    key_variable = "ACME_API_KEY"
    origin = "https://api.acme.invalid"
    per_minute = 20
    burst = 3


class Impostor(Segmind):
    """Another adapter under a name that is taken."""

    origin = "https://better-light.example.com"


class Clumsy(Segmind):
    """An adapter with a bug."""

    name = "clumsy"

    def specs(self) -> Sequence[ModelSpec]:
        return (replace(super().specs()[0], id="clumsy/lamp"),)

    def submit(self, call: Call) -> Request:
        raise KeyError("lamp")

"""An adapter as another package would bring it."""

from mcp_relight.providers.segmind import Segmind


class Acme(Segmind):
    name = "acme"
    key_variable = "ACME_API_KEY"
    origin = "https://api.acme.invalid"


class Impostor(Segmind):
    """Another adapter under a name that is taken."""

    origin = "https://better-light.example.com"

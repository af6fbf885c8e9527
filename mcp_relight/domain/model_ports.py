"""What the service may ask about models. Joined in `bootstrap`, as the other ports."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from .job import Cost
from .models import Listing, ModelSpec

if TYPE_CHECKING:
    from .exchange import Call, Draft


class Models(Protocol):
    """Every model that can be named, and who does its work."""

    async def refresh(self) -> bool:
        """Take in the live lists of models that were fetched since. False where one is missing or
        old, and a worker should fetch it."""
        ...

    def listings(self) -> Mapping[str, Listing]:
        """Where the changing lists of models were read, by provider."""
        ...

    def specs(self) -> Sequence[ModelSpec]: ...

    def spec(self, model: str) -> ModelSpec:
        """Raises UnknownModel with the nearest name."""
        ...

    def ready(self, provider: str) -> str | None:
        """None when the provider can be used; else what is missing, in words."""
        ...

    def credential_id(self, provider: str) -> str | None: ...

    async def own_credentials(self) -> Mapping[str, str]:
        """By which name jobs go by each key that the caller brought, by provider."""
        ...

    def estimate(self, model: str, params: Mapping[str, Any], count: int) -> Cost: ...

    def draft(self, call: "Call") -> "Draft":
        """Pure: plans a call. Raises the InvalidArgument that sending it would raise."""
        ...

    def check_readable(self, call: "Call") -> None:
        """Raises NeedsPublicUrl where the provider could not get to see a picture of this call."""
        ...

"""The models there are, and what this process may spend on them."""

from dataclasses import dataclass

from mcp_relight.domain.job import Policy
from mcp_relight.domain.models import ModelSpec
from mcp_relight.domain.ports import Models
from mcp_relight.errors import InvalidArgument, ModelNotReady


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What can be had, and on which terms."""

    models: Models
    policy: Policy

    def missing(self, spec: ModelSpec) -> str | None:
        """Why this model cannot be used here and now; None when it is ready."""
        if self.policy.local_only and spec.mode != "local":
            return "it is remote, and MCP_RELIGHT_LOCAL_ONLY is set."
        return self.models.ready(spec.provider)

    def check_ready(self, spec: ModelSpec) -> None:
        """Raises ModelNotReady where this model cannot be used here and now, InvalidArgument where
        it does other work than relighting."""
        missing = self.missing(spec)
        if missing is not None:
            raise ModelNotReady(
                f"{spec.id} is not ready: {missing}",
                hint="A person has to set that where this server is started, then start it "
                "again; no key belongs in a chat. local/classic needs nothing.",
                argument="model",
            )
        if not spec.relights:
            raise InvalidArgument(
                f"{spec.id} cannot relight a photo.",
                hint="Call list_models to see the models that can.",
                argument="model",
            )

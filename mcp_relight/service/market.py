"""The models there are, and what this process may spend on them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mcp_relight.domain.caller import PAID, current_caller
from mcp_relight.domain.job import Policy
from mcp_relight.domain.model_ports import Models
from mcp_relight.domain.models import ModelSpec
from mcp_relight.errors import InvalidArgument, ModelNotReady, NotGranted


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What can be had, and on which terms."""

    models: Models
    policy: Policy

    def missing(self, spec: ModelSpec) -> str | None:
        """Why this model cannot be used here and now; None when it is ready."""
        if not is_granted(spec):
            return f"the token of this connection does not grant {PAID}."
        if self.policy.local_only and spec.mode != "local":
            return "it is remote, and MCP_RELIGHT_LOCAL_ONLY is set."
        return self.models.ready(spec.provider)

    def check_ready(self, spec: ModelSpec) -> None:
        """Raises NotGranted where the caller may not spend, ModelNotReady where this model cannot
        be used here and now, InvalidArgument where it does other work than relighting."""
        if not is_granted(spec):
            raise NotGranted(
                f"{spec.id} costs money, and the token of this connection does not grant {PAID}.",
                hint="A person has to connect again with more rights; local/classic needs none.",
                argument="model",
            )
        missing = self.missing(spec)
        if missing is not None:
            error = ModelNotReady(
                f"{spec.id} is not ready: {missing}",
                hint="A person has to set that where this server is started, then start it "
                "again; no key belongs in a chat. local/classic needs nothing.",
                argument="model",
            )
            raise error if self.policy.local_only else error.for_want_of_a_key(spec.provider)
        if not spec.relights:
            raise InvalidArgument(
                f"{spec.id} cannot relight a photo.",
                hint="Call list_models to see the models that can.",
                argument="model",
            )


def is_granted(spec: ModelSpec) -> bool:
    """Whether the caller may use this model at all: what costs money needs the scope for it."""
    return bool(granted([spec]))


def granted(specs: Sequence[ModelSpec]) -> Sequence[ModelSpec]:
    """Those of them that `is_granted`."""
    may_spend = PAID in current_caller().scopes
    return specs if may_spend else [spec for spec in specs if not spec.is_paid]

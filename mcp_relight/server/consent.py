"""Asking a person before money is spent.

Only where the client declared elicitation, the model costs money and nobody named a limit. Naming
`max_cost_usd` is consent in itself and always open. On 2025-11-25 the question travels while the
call waits; on 2026-07-28 the call answers with the question and is made again with the answer.
"""

from typing import TYPE_CHECKING, Annotated, Any

from mcp.server.mcpserver import (
    Context,
    Elicit,
    ElicitationResult,
    Resolve,
)
from mcp.server.mcpserver.resolve import (
    build_resolver_plans,
    find_resolved_parameters,
    resolve_arguments,
)
from mcp.types import ClientCapabilities, InputRequiredResult
from pydantic import BaseModel, Field

from mcp_relight.domain.words import dollars
from mcp_relight.errors import BudgetExceeded

if TYPE_CHECKING:
    from mcp_relight.service.ordering import Quote


class Consent(BaseModel):
    """The form a person fills in."""

    confirm: bool = Field(description="Spend up to this amount?")


def cost_question(quote: "Quote") -> Elicit[Consent]:
    costs = f"{quote.model} may cost up to {dollars(quote.usd)}."
    return Elicit(" ".join([costs, *quote.warnings, "Spend it?"]), Consent)


def can_be_asked(capabilities: ClientCapabilities | None) -> bool:
    """Whether the client shows forms. A bare `elicitation: {}` means forms."""
    elicitation = capabilities.elicitation if capabilities is not None else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def declined() -> BudgetExceeded:
    return BudgetExceeded(
        "The person did not agree to this cost.",
        hint="Do not ask again unasked; local/classic is free.",
        argument="max_cost_usd",
    )


async def ask(ctx: Context[Any], question: Elicit[Consent]) -> bool | InputRequiredResult:
    """Whether the person agrees, or what to answer so that the client asks them."""

    async def cost() -> Elicit[Consent]:
        return question

    async def spend(consent: Annotated[ElicitationResult[Consent], Resolve(cost)]) -> None:
        """Only its parameter counts: the SDK's resolvers know both eras."""

    asked = find_resolved_parameters(spend)
    answers = await resolve_arguments(asked, build_resolver_plans(asked, set()), {}, ctx)
    if isinstance(answers, InputRequiredResult):
        return answers
    outcome: ElicitationResult[Consent] = answers["consent"]
    return outcome.action == "accept" and outcome.data.confirm

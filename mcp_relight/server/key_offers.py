"""Where only a key is missing, its owner is led to the page that takes one.

A client that opens addresses for its person is asked to (elicitation in URL mode), and makes the
call again with their answer: that they go there, not that they have been there. Any other client
is told the address in words.
"""

from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import (
    ElicitRequest,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequiredResult,
)

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.capability import hash_of, new_text
from mcp_relight.domain.owner_keys import KEY_PAGES_PATH, KeyPages
from mcp_relight.errors import ModelNotReady

_ANSWERS_IN_THE_NEXT_CALL = "2026-07-28"
"""From this version on. Before, a question needs a session, which a server for many has not."""
_QUESTION = "key"
_STATE = "key page "
"""What the client carries between the two calls, sealed: this, and the page it was sent to."""
_FREE = "local/classic needs no key."


class KeyOffers:
    def __init__(self, pages: KeyPages, public_url: str) -> None:
        self._pages = pages
        self._base = public_url + KEY_PAGES_PATH

    def over(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call of a tool, with such a way out where its model lacks a key."""

        async def offering(arguments: Any, context: Context[Any]) -> Any:
            try:
                return await call(arguments, context)
            except ModelNotReady as error:
                if error.provider is None:
                    raise
                return await self._offer(error, error.provider, context)

        return offering

    async def _offer(
        self, error: ModelNotReady, provider: str, context: Context[Any]
    ) -> InputRequiredResult:
        """Raises ModelNotReady where words are all that can be offered."""
        opened, answer = _page_in(context), (context.input_responses or {}).get(_QUESTION)
        if opened is not None and isinstance(answer, ElicitResult):
            raise self._still_missing(error, opened, answer)
        text, owner = new_text(), current_caller().owner
        await self._pages.open(hash_of(text), owner=owner, provider=provider)
        if not opens_addresses(context):
            raise _with(
                error,
                "The person can enter a key of their own, never in the chat, at "
                f"{self._base}{text} within 10 minutes; then call again. {_FREE}",
            )
        question = ElicitRequestURLParams(
            message=f"{error.message} Enter a key of your own for {provider} on this page, which "
            "works once and for 10 minutes.",
            url=self._base + text,
        )
        return InputRequiredResult(
            input_requests={_QUESTION: ElicitRequest(params=question)}, request_state=_STATE + text
        )

    def _still_missing(
        self, error: ModelNotReady, text: str, answer: ElicitResult
    ) -> ModelNotReady:
        if answer.action != "accept":
            words = "The person does not want to enter a key: do not ask again unasked."
            return _with(error, f"{words} {_FREE}")
        return _with(
            error,
            f"The person is on the way to {self._base}{text}, which takes their key once: call "
            f"again when they have entered it. {_FREE}",
        )


def opens_addresses(context: Context[Any]) -> bool:
    """Whether the client leads its person to an address that an answer names."""
    declared = context.client_capabilities
    elicitation = declared.elicitation if declared is not None else None
    if elicitation is None or elicitation.url is None:
        return False
    return (context.protocol_version or "") >= _ANSWERS_IN_THE_NEXT_CALL


def _page_in(context: Context[Any]) -> str | None:
    """The page that the call before this one opened, if this is its second half."""
    state = context.request_state or ""
    return state.removeprefix(_STATE) if state.startswith(_STATE) else None


def _with(error: ModelNotReady, hint: str) -> ModelNotReady:
    return ModelNotReady(error.message, hint=hint, argument=error.argument)

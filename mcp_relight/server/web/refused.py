"""What is answered to a request that is not let in."""

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from mcp_relight.errors import RelightError, RequestError


class Refused(Exception):
    """A request that never reaches its endpoint. `words` holds nothing of the request."""

    def __init__(
        self, status: int, error: str, words: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(words)
        self.status = status
        self._error = error
        self._words = words
        self._headers = dict(headers or {})

    def response(self) -> Response:
        return JSONResponse(
            {"error": self._error, "error_description": self._words},
            self.status,
            headers={"Cache-Control": "no-store", **self._headers},
        )


def refusal_of(error: RelightError) -> Refused:
    """What became of a request that was let in: theirs to mend, or ours."""
    if isinstance(error, RequestError):
        return Refused(422, error.code, f"{error.message} {error.hint}".strip())
    return Refused(503, error.code, error.message)

"""Pictures lent to providers: one, to whoever has its address, for as long as its job goes on."""

from starlette.requests import Request
from starlette.responses import Response

from mcp_relight.domain import capability
from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.domain.capability import LENT_PATH, Lending
from mcp_relight.errors import ImageNotFound, RelightError
from mcp_relight.service.handle import ServiceHandle

from .pictures import shown
from .refused import Refused
from .routes import WebRoute


class LentRoute:
    """The address itself is the permission, and the job the owner of what it shows."""

    def __init__(self, handle: ServiceHandle, lending: Lending) -> None:
        self._handle = handle
        self._lending = lending

    def routes(self) -> list[WebRoute]:
        path = LENT_PATH + "{token}"
        return [WebRoute(path=path, endpoint=self._picture, methods=("GET", "HEAD"), scope=None)]

    async def _picture(self, request: Request) -> Response:
        text = request.path_params["token"]
        if not capability.is_text(text):
            return _gone().response()
        try:
            lent = await self._lending.read(capability.hash_of(text))
            if lent is None:
                return _gone().response()
            with acting_as(Caller(lent.job_id, frozenset(), remote=True)):
                data = await (await self._handle.service()).read_image(lent.image_id)
        except ImageNotFound:
            return _gone().response()
        except RelightError as error:
            return Refused(503, error.code, error.message).response()
        return shown(data, lent.image_id)


def _gone() -> Refused:
    return Refused(404, "not_found", "There is nothing at this address.")

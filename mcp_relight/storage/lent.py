"""Pictures lent to a provider that reads only addresses: from the store of pictures itself where
that gives out signed ones, else from any server of ours."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from mcp_relight.domain import capability
from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.domain.capability import LENT_PATH, Lending, Lent
from mcp_relight.domain.image import Encoded
from mcp_relight.domain.ports import Addresses, Images


@dataclass(frozen=True, slots=True, kw_only=True)
class LentPictures:
    """What is lent for a job, by the job's id. `base` is where providers reach the servers."""

    base: str
    images: Images
    lending: Lending
    addresses: Addresses | None = None

    @property
    def host(self) -> str:
        return "the store of pictures" if self.addresses else str(urlsplit(self.base).hostname)

    async def put(self, folder: str, name: str, picture: Encoded, life_s: float) -> str:
        """An address that shows this picture for `life_s`, or until the job is done with it."""
        text = capability.new_text()
        with acting_as(Caller(folder)):
            kept = await self.images.put(picture)
            lent = Lent(folder, kept.image_id)
            await self.lending.lend(capability.hash_of(text), lent, life_s=life_s)
            if self.addresses is not None:
                return await self.addresses.address(kept.image_id, within_s=life_s)
        return f"{self.base}{LENT_PATH}{text}"

    async def clear(self, folder: str) -> None:
        lent = await self.lending.of(folder)
        await self.lending.take_back(folder)
        with acting_as(Caller(folder)):
            for image_id in lent:
                await self.images.delete(image_id)

    async def folders(self) -> list[str]:
        return [*await self.lending.jobs()]

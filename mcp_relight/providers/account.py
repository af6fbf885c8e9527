"""How one provider is used from here: by which key, at which address, and how often."""

from dataclasses import dataclass

from pydantic import SecretStr

from mcp_relight.domain.exchange import Rate
from mcp_relight.domain.network import DIRECT, Network
from mcp_relight.domain.owner_keys import lane_of
from mcp_relight.providers.kit.adapter import Adapter


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An adapter with what was set for it; what was not set is as the adapter says."""

    adapter: Adapter
    key: SecretStr | None = None
    gateway: str | None = None
    """An address in the place of the provider's own."""
    per_minute: float | None = None
    network: Network = DIRECT
    credential_id: str | None = None
    """Names key and address in rows and at the rate gate, where there is a key."""
    problem: str = ""
    """Why the key that was set cannot be used."""

    @property
    def name(self) -> str:
        return self.adapter.name

    @property
    def origin(self) -> str:
        return (self.gateway or self.adapter.origin).rstrip("/")

    @property
    def has_key(self) -> bool:
        return self.key is not None and bool(self.key.get_secret_value().strip())

    @property
    def rate(self) -> Rate:
        """Providers count requests per key, whatever they are for."""
        return Rate(
            name=lane_of(self.credential_id or self.name),
            per_minute=self.per_minute or self.adapter.per_minute,
            burst=self.adapter.burst,
        )

    @property
    def missing(self) -> str | None:
        """What it takes to use this provider, in words; None where nothing is missing."""
        if self.problem or self.has_key:
            return self.problem or None
        where = f" Keys are made at {self.adapter.key_page}." if self.adapter.key_page else ""
        return f"{self.adapter.key_variable} is not set.{where}"

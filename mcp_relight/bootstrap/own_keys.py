"""The keys that owners brought: kept sealed, opened for whoever asks now or whose job it is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from mcp_relight import logs
from mcp_relight.domain.caller import LOCAL, current_caller
from mcp_relight.domain.job import OWN_KEYS, Job, is_own
from mcp_relight.domain.owner_keys import KeyLimits, OwnKey, SealedKey, SealedKeys
from mcp_relight.errors import InvalidArgument, ModelNotReady, RelightError
from mcp_relight.jobs.credentials import credential_id
from mcp_relight.jobs.sealing import KeyRing

if TYPE_CHECKING:
    from mcp_relight.providers.registry import Account
    from mcp_relight.providers.rest import RestProvider

    from .parts import Parts

_REMEMBERED_S = 5.0
_MAX_REMEMBERED = 10_000
_MAX_KEY = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """A key as an operator sees it. `name` is that of its rate gate, and tells nothing of it."""

    owner: str
    provider: str
    added_at: float
    name: str
    problem: str
    is_sealed_anew: bool
    """Whether it was sealed by the key of the ring that seals now."""
    limits: KeyLimits


class OwnKeys:
    """`account` says how a provider is used from here with the shared key, or with none."""

    def __init__(
        self,
        rows: SealedKeys,
        ring: KeyRing,
        *,
        account: "Callable[[str], Account]",
        salt: Callable[[], bytes],
        now: Callable[[], float],
    ) -> None:
        self._rows = rows
        self._ring = ring
        self._account = account
        self._salt = salt
        self._now = now
        self._known: dict[str, tuple[float, dict[str, OwnKey]]] = {}
        self._opened: dict[str, tuple[SealedKey, RestProvider]] = {}
        self._replaced: list[RestProvider] = []

    # --- for whoever asks now

    async def refresh(self) -> None:
        """Know the keys of the caller, as they were a moment ago."""
        owner, now = current_caller().owner, self._now()
        until, _ = self._known.get(owner, (0.0, {}))
        if owner == LOCAL.owner or now < until <= now + _REMEMBERED_S:
            return
        kept = await self._rows.list(owner=owner)
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        keys = {row.provider: self._key_of(row) for row in kept}
        self._known[owner] = (now + _REMEMBERED_S, keys)

    def key(self, provider: str) -> OwnKey | None:
        """Of the caller, as `refresh` found it."""
        _, keys = self._known.get(current_caller().owner, (0.0, {}))
        return keys.get(provider)

    # --- for workers

    async def of(self, job: Job) -> "RestProvider":
        """The provider by the key of the job's owner, as it is now. Raises ModelNotReady where
        there is none any more, Internal where it cannot be opened."""
        from mcp_relight.providers.rest import RestProvider

        name = str(job.credential_id)
        row = await self._rows.find(job.owner, job.provider)
        if row is None:
            raise ModelNotReady(
                "The own key that this job was to go by was removed.",
                hint="Enter a key again, or call once more to go by the shared one.",
            )
        known, remote = self._opened.get(name, (None, None))
        if remote is not None and known == row:
            return remote
        if remote is not None:
            self._replaced.append(remote)  # a request may still be under way
        found = RestProvider(self._account_with(row))
        self._opened[name] = (row, found)
        return found

    def opened(self, job: Job) -> "RestProvider":
        """What `of` gave for this job a moment ago."""
        return self._opened[str(job.credential_id)][1]

    async def aclose(self) -> None:
        for remote in [*self._replaced, *(remote for _, remote in self._opened.values())]:
            await remote.aclose()

    # --- for those who bring keys, and who look after them

    def check_ring(self) -> None:
        """Raises InvalidArgument where nothing can be sealed."""
        if not self._ring:
            raise InvalidArgument(
                "MCP_RELIGHT_KEY_RING is needed to keep keys of owners.",
                hint="Make one with `openssl rand -hex 32`; servers and workers need the same.",
            )

    async def put(self, owner: str, provider: str, key: SecretStr) -> None:
        """Raises InvalidArgument for what no key looks like, Internal without a ring."""
        text = key.get_secret_value().strip()
        logs.hide(text)
        if not text or len(text) > _MAX_KEY or not text.isascii() or not text.isprintable():
            raise InvalidArgument(
                "The key holds nothing, or characters no key has.",
                hint="Copy it again, without quotes or line breaks.",
            )
        if " " in text:
            raise InvalidArgument("The key holds a space.", hint="Copy it again, and it alone.")
        sealed = self._ring.seal(text, owner=owner, provider=provider)
        await self._rows.put(owner, provider, sealed)
        self._known.pop(owner, None)

    async def list(self, owner: str | None = None) -> tuple[Kept, ...]:
        return tuple(self._shown(row) for row in await self._rows.list(owner=owner))

    async def limit(self, owner: str, provider: str, limits: KeyLimits) -> bool:
        """Whether there is such a key."""
        return await self._rows.limit(owner, provider, limits)

    async def remove(self, owner: str, provider: str) -> bool:
        self._known.pop(owner, None)
        return await self._rows.remove(owner, provider)

    async def reseal(self) -> int:
        """Seal by the ring's first key what an older one sealed; how many. Raises Internal for one
        that cannot be opened."""
        old = [row for row in await self._rows.list() if not self._ring.is_first(row.sealed)]
        for row in old:
            text = self._ring.open(row.sealed, owner=row.owner, provider=row.provider)
            sealed = self._ring.seal(text, owner=row.owner, provider=row.provider)
            await self._rows.put(row.owner, row.provider, sealed)
        return len(old)

    def _shown(self, row: SealedKey) -> Kept:
        found = self._key_of(row)
        name = found.credential_id.removeprefix(OWN_KEYS)[:8]
        is_anew = self._ring.is_first(row.sealed)
        return Kept(row.owner, row.provider, row.added_at, name, found.problem, is_anew, row.limits)

    def _key_of(self, row: SealedKey) -> OwnKey:
        try:
            account = self._account_with(row)
        except RelightError as error:
            return OwnKey(None, OWN_KEYS, f"{error.message} {error.hint}")
        return OwnKey(account.key, str(account.credential_id))

    def _account_with(self, row: SealedKey) -> "Account":
        text = self._ring.open(row.sealed, owner=row.owner, provider=row.provider)
        logs.hide(text)
        try:
            account = self._account(row.provider)
        except KeyError:
            raise ModelNotReady("The provider of this job's model is not installed.") from None
        named = OWN_KEYS + credential_id(self._salt(), text, account.origin)
        return replace(
            account,
            key=SecretStr(text),
            credential_id=named,
            problem="",
            per_minute=row.limits.per_minute or account.per_minute,
        )


class Remotes:
    """The provider a job goes by: the one of the shared key, or that of its owner's own."""

    def __init__(self, shared: "dict[str, RestProvider]", own: OwnKeys) -> None:
        self._shared = shared
        self._own = own

    async def of(self, job: Job) -> "RestProvider | None":
        """None where it is not installed, or has no key here. Raises as `OwnKeys.of`."""
        return await self._own.of(job) if is_own(job.credential_id) else self.opened(job)

    def opened(self, job: Job) -> "RestProvider | None":
        if is_own(job.credential_id):
            return self._own.opened(job)
        return self._shared.get(job.provider)


def own_keys_of(parts: "Parts") -> OwnKeys:
    return OwnKeys(
        parts.store.owner_keys,
        KeyRing(parts.settings.ring),
        account=lambda provider: parts.registry.account(provider),
        salt=lambda: parts.salt,
        now=parts.clock.now,
    )

"""Every model that can be named, and who does its work: the engine here, and remote providers, each
by the key, at the address and as often as its account says."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, cast

from pydantic import JsonValue, SecretStr

from mcp_relight.domain.exchange import Call, Draft, Picture, Rate
from mcp_relight.domain.job import Cost, is_younger, lane_of
from mcp_relight.domain.models import Listing, ModelSpec
from mcp_relight.domain.network import DIRECT, Network
from mcp_relight.domain.owner_keys import OwnKey
from mcp_relight.domain.ports import Clock, Turn
from mcp_relight.domain.words import did_you_mean
from mcp_relight.errors import ModelNotReady, RelightError, UnknownModel
from mcp_relight.providers.kit.adapter import Adapter

from .faults import FAILURES, needs_public_url
from .local import CLASSIC

_log = logging.getLogger("mcp_relight.providers")

LIFE_S = 6 * 3600.0
"""A list younger than this is taken for today's."""
_LOOK_S = 600.0


class Shelf(Protocol):
    """The part of the job store that is needed here."""

    async def cached_catalog(self, provider: str) -> tuple[float, str] | None: ...

    async def keep_catalog(self, provider: str, content: str) -> None: ...


class Remote(Protocol):
    """The part of `RestProvider` that is needed here."""

    async def catalog(self, turn: Turn) -> JsonValue: ...


@dataclass(frozen=True, slots=True)
class Kept:
    """A list as `Adapter.read_catalog` returned it, and when that was (seconds since 1970)."""

    fetched_at: float
    rows: Any

    @property
    def day(self) -> str:
        return datetime.fromtimestamp(self.fetched_at, UTC).date().isoformat()


class Catalogs:
    """Live lists of models: a worker fetches them now and then, every process reads what it left.
    Where one cannot be had, the last one stays in force, and before that the adapter's own dated
    copy."""

    def __init__(self, shelf: Callable[[], Shelf], clock: Clock) -> None:
        """`shelf` is first opened when a list is looked for: that takes a while."""
        self._shelf = shelf
        self._clock = clock

    async def kept(self, provider: str) -> Kept | None:
        """The last list that was fetched, however old; None where none ever was."""
        found = await self._shelf().cached_catalog(provider)
        if found is None:
            return None
        fetched_at, content = found
        try:
            return Kept(fetched_at, json.loads(content))
        except (ValueError, RecursionError):
            return None

    def is_fresh(self, kept: Kept | None) -> bool:
        return kept is not None and is_younger(kept.fetched_at, self._clock.now(), LIFE_S)

    async def keep_fresh(
        self, remotes: Mapping[str, Remote], turn_of: Callable[[str], Turn]
    ) -> None:
        """Fetch what is missing or old, again and again until cancelled."""
        while True:
            for name, remote in remotes.items():
                try:
                    await self._refresh(name, remote, turn_of(name))
                except RelightError as error:
                    _log.warning("The list of models of %s stays as it is: %s", name, error.code)
            await self._clock.sleep(_LOOK_S)

    async def _refresh(self, name: str, remote: Remote, turn: Turn) -> None:
        if self.is_fresh(await self.kept(name)):
            return
        rows = await remote.catalog(turn)
        if rows is not None:
            await self._shelf().keep_catalog(name, json.dumps(rows))


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


GROUP = "mcp_relight.providers"
_OWN = "mcp_relight."
_PICTURE = "(the picture)"


@dataclass(frozen=True, slots=True)
class Problem:
    """A plug-in that could not be loaded."""

    plug_in: str
    words: str


class Own(Protocol):
    """The keys that the caller brought."""

    async def refresh(self) -> None: ...

    def key(self, provider: str) -> OwnKey | None: ...


def installed() -> tuple[EntryPoint, ...]:
    """The entry points of the group. Those of this package come first: their names are taken."""
    found = entry_points(group=GROUP)
    return tuple(sorted(found, key=lambda point: not point.value.startswith(_OWN)))


def without_key(adapter: Adapter) -> Account:
    return Account(adapter=adapter)


class Registry:
    """Implements `domain.model_ports.Models`. Nothing is imported before the first question."""

    def __init__(
        self,
        account_of: Callable[[Adapter], Account] = without_key,
        *,
        plug_ins: Callable[[], Iterable[EntryPoint]] = installed,
        catalogs: Catalogs | None = None,
        has_bucket: bool = False,
        own: Own | None = None,
    ) -> None:
        """`account_of` says how a provider is used from here. Without `catalogs` no live list is
        looked for. With a bucket, every provider can read files of this machine. Where the caller
        has a key of their `own`, the shared one is not for them."""
        self._account_of = account_of
        self._plug_ins = plug_ins
        self._catalogs = catalogs
        self._has_bucket = has_bucket
        self._own = own
        self._read_at: dict[str, float] = {}

    @cached_property
    def _loaded(self) -> tuple[dict[str, Account], tuple[Problem, ...]]:
        accounts: dict[str, Account] = {}
        problems: list[Problem] = []
        for point in self._plug_ins():
            try:
                adapter = _adapter(point)
            except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way; doctor shows it
                problems.append(Problem(point.name, f"{type(error).__name__} while loading"))
                continue
            if adapter.name in {CLASSIC.provider, *accounts}:
                # It would be given another provider's key.
                problems.append(Problem(point.name, "its provider's name is taken"))
            else:
                accounts[adapter.name] = self._account_of(adapter)
        return accounts, tuple(problems)

    @cached_property
    def _specs(self) -> dict[str, ModelSpec]:
        remote = (spec for adapter in self.adapters() for spec in adapter.specs())
        return {spec.id: spec for spec in (CLASSIC, *remote)}

    @cached_property
    def _with_live_lists(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.adapters() if one.catalog() is not None)

    # --- domain.model_ports.Models

    async def refresh(self) -> bool:
        if self._own is not None:
            await self._own.refresh()
        is_fresh, catalogs = True, self._catalogs
        for name in self._with_live_lists if catalogs is not None else ():
            account = self.account(name)
            if catalogs is None or account.missing:
                continue
            kept = await catalogs.kept(name)
            is_fresh &= catalogs.is_fresh(kept)
            if kept is not None and kept.fetched_at != self._read_at.get(name):
                fresh = account.adapter.with_catalog(kept.rows, kept.day)
                self._loaded[0][name] = replace(account, adapter=fresh)
                self._read_at[name] = kept.fetched_at
                self.__dict__.pop("_specs", None)
        return is_fresh

    def listings(self) -> Mapping[str, Listing]:
        found = {adapter.name: adapter.listing for adapter in self.adapters()}
        return {name: listing for name, listing in found.items() if listing is not None}

    def specs(self) -> Sequence[ModelSpec]:
        return tuple(self._specs.values())

    def spec(self, model: str) -> ModelSpec:
        found = self._specs.get(model)
        if found is None:
            raise UnknownModel(
                f"No model of that name. {did_you_mean(model, self._specs)}".strip(),
                argument="model",
            )
        return found

    def ready(self, provider: str) -> str | None:
        if provider == CLASSIC.provider:
            return None
        account = self._of_caller(provider)
        return account.missing if account else "no provider of that name is installed."

    def credential_id(self, provider: str) -> str | None:
        account = self._of_caller(provider)
        return account.credential_id if account else None

    async def own_credentials(self) -> Mapping[str, str]:
        if self._own is None:
            return {}
        await self._own.refresh()
        found = {name: self._own.key(name) for name in self._loaded[0]}
        return {name: own.credential_id for name, own in found.items() if own is not None}

    def _of_caller(self, provider: str) -> Account | None:
        account = self._loaded[0].get(provider)
        own = self._own.key(provider) if self._own is not None else None
        if account is None or own is None:
            return account
        named = own.credential_id
        return replace(account, key=own.key, credential_id=named, problem=own.problem)

    def estimate(self, model: str, params: Mapping[str, Any], count: int) -> Cost:
        return self.spec(model).price.estimate(count)

    def draft(self, call: Call) -> Draft:
        spec = self.spec(call.model)
        account = self._loaded[0].get(spec.provider)
        try:
            fields = spec.honesty(call.lighting, call.params)
            if account is None:
                return Draft(fields=fields, request=dict(call.params), essence=_rendered(call))
            bare, adapter = _without_pictures(call), account.adapter
            body, essence = adapter.submit(bare).json, adapter.essence(bare)
            takes_seed = adapter.essence(replace(bare, seed=None)) != essence
        except FAILURES:
            raise ModelNotReady(
                f"{spec.id} cannot be used: its adapter failed on this call.",
                hint="Choose another model, and tell whoever maintains the adapter.",
                argument="model",
            ) from None
        request = body if isinstance(body, dict) else {}
        return Draft(fields=fields, request=request, essence=essence, takes_seed=takes_seed)

    def check_readable(self, call: Call) -> None:
        account = self._loaded[0].get(self.spec(call.model).provider)
        if account is None or self._has_bucket:
            return
        adapter = account.adapter
        pictures = [*call.images, *([call.mask] if call.mask else []), *call.extra_images.values()]
        reads_files = adapter.takes_data or adapter.takes_uploads
        if not reads_files and any(picture.url is None for picture in pictures):
            raise needs_public_url(adapter)

    # --- for doctor and the worker

    def problems(self) -> tuple[Problem, ...]:
        """The plug-ins that could not be loaded."""
        return self._loaded[1]

    def adapters(self) -> tuple[Adapter, ...]:
        """The remote providers, with or without a key."""
        return tuple(account.adapter for account in self.accounts())

    def accounts(self) -> tuple[Account, ...]:
        return tuple(self._loaded[0].values())

    def account(self, provider: str) -> Account:
        """Raises KeyError for a provider that is not installed."""
        return self._loaded[0][provider]


def _adapter(point: EntryPoint) -> Adapter:
    """What the entry point names, once it has told all that is asked of it without a call."""
    adapter = cast(Callable[[], Adapter], point.load())()
    adapter.specs()
    account = without_key(adapter)
    if not (account.name and account.origin and account.rate and account.missing):
        raise ValueError("an adapter without a name or an origin")
    return adapter


def _rendered(call: Call) -> JsonValue:
    """The essence of a call that is rendered here: the engine reads no words and takes no seed."""
    lighting = call.lighting.model_dump(mode="json", exclude={"prompt"})
    for light in lighting["lights"]:
        light["color"] = light["color"] and light["color"].upper()
    return {"lighting": lighting, "params": dict(call.params)}


def _without_pictures(call: Call) -> Call:
    return replace(
        call,
        images=tuple(_worded(picture) for picture in call.images),
        mask=_worded(call.mask) if call.mask else None,
        extra_images={name: _worded(picture) for name, picture in call.extra_images.items()},
    )


def _worded(picture: Picture) -> Picture:
    return replace(picture, url=_PICTURE, data=None)

"""Every model that can be named, and who does its work: built-in adapters and plug-ins."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from pydantic import SecretStr

from mcp_relight.domain.exchange import Call, Picture
from mcp_relight.domain.job import Cost
from mcp_relight.domain.models import Listing, ModelSpec
from mcp_relight.domain.network import DIRECT, Network
from mcp_relight.domain.ports import Draft
from mcp_relight.domain.words import did_you_mean
from mcp_relight.errors import Internal, ModelNotReady, UnknownModel
from mcp_relight.providers.kit.adapter import Adapter

from .catalogs import Catalogs
from .faults import FAILURES, needs_public_url

if TYPE_CHECKING:
    from .rest import RestProvider

GROUP = "mcp_relight.providers"
_BUILT_IN = (
    EntryPoint("local", "mcp_relight.providers.local:LocalClassic", GROUP),
    EntryPoint("pixeldojo", "mcp_relight.providers.pixeldojo:PixelDojo", GROUP),
    EntryPoint("pixazo", "mcp_relight.providers.pixazo:Pixazo", GROUP),
    EntryPoint("segmind", "mcp_relight.providers.segmind:Segmind", GROUP),
)
"""As in pyproject.toml, for a checkout that was never installed."""
_PICTURE = "(the picture)"


class Listed(Protocol):
    """What the registry needs of anything that has models."""

    name: ClassVar[str]

    def specs(self) -> Sequence[ModelSpec]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one provider may be used from here. `credential_id` names key and origin in rows."""

    key: SecretStr | None = None
    origin: str | None = None
    credential_id: str | None = None
    network: Network = DIRECT


@dataclass(frozen=True, slots=True)
class Problem:
    """A plug-in that could not be loaded."""

    plug_in: str
    words: str


def installed() -> tuple[EntryPoint, ...]:
    """The entry points of the group; the built-in ones come from the package itself."""
    own = {(point.name, point.value) for point in _BUILT_IN}
    found = entry_points(group=GROUP)
    return (*_BUILT_IN, *(point for point in found if (point.name, point.value) not in own))


def third_party() -> tuple[Adapter, ...]:
    """The remote providers of other packages. One that cannot be loaded is `Registry.problems`'."""
    others = installed()[len(_BUILT_IN) :]
    return Registry({}, plug_ins=lambda: others).adapters() if others else ()


class Registry:
    """Implements `domain.ports.Models`. Nothing is imported before the first question."""

    def __init__(
        self,
        access: Mapping[str, Access],
        *,
        plug_ins: Callable[[], Iterable[EntryPoint]] = installed,
        catalogs: Catalogs | None = None,
        has_bucket: bool = False,
    ) -> None:
        """`access` by provider name. Without `catalogs` no live list is looked for. With a
        bucket, every provider can read files of this machine."""
        self._access = access
        self._plug_ins = plug_ins
        self._catalogs = catalogs
        self._has_bucket = has_bucket
        self._read_at: dict[str, float] = {}

    @cached_property
    def _loaded(self) -> tuple[dict[str, Listed], tuple[Problem, ...]]:
        listed: dict[str, Listed] = {}
        problems: list[Problem] = []
        for point in self._plug_ins():
            try:
                adapter = cast(Callable[[], Listed], point.load())()
                adapter.specs()
            except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way; doctor shows it
                problems.append(Problem(point.name, f"{type(error).__name__} while loading"))
            else:
                if adapter.name in listed:  # it would be given another provider's key
                    problems.append(Problem(point.name, "its provider's name is taken"))
                listed.setdefault(adapter.name, adapter)
        return listed, tuple(problems)

    @cached_property
    def _specs(self) -> dict[str, ModelSpec]:
        return {spec.id: spec for listed in self._loaded[0].values() for spec in listed.specs()}

    # --- domain.ports.Models

    async def refresh(self) -> bool:
        is_fresh = True
        for adapter in self.adapters() if self._catalogs is not None else ():
            if self._catalogs is None or adapter.catalog() is None or self.ready(adapter.name):
                continue
            kept = await self._catalogs.kept(adapter.name)
            is_fresh &= self._catalogs.is_fresh(kept)
            if kept is not None and kept.fetched_at != self._read_at.get(adapter.name):
                self._loaded[0][adapter.name] = adapter.with_catalog(kept.rows, kept.day)
                self._read_at[adapter.name] = kept.fetched_at
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
        listed = self._loaded[0].get(provider)
        if listed is None:
            return "no provider of that name is installed."
        if not isinstance(listed, Adapter) or self._key(provider) is not None:
            return None
        where = f" Keys are made at {listed.key_page}." if listed.key_page else ""
        return f"{listed.key_variable} is not set.{where}"

    def credential_id(self, provider: str) -> str | None:
        access = self._access.get(provider)
        return access.credential_id if access else None

    def estimate(self, model: str, params: Mapping[str, Any], count: int) -> Cost:
        return self.spec(model).price.estimate(count)

    def draft(self, call: Call) -> Draft:
        spec = self.spec(call.model)
        listed = self._loaded[0][spec.provider]
        try:
            fields = spec.honesty(call.lighting, call.params)
            if not isinstance(listed, Adapter):
                return Draft(fields=fields, request=dict(call.params))
            body = listed.submit(_without_pictures(call)).json
        except FAILURES:
            raise ModelNotReady(
                f"{spec.id} cannot be used: its adapter failed on this call.",
                hint="Choose another model, and tell whoever maintains the adapter.",
                argument="model",
            ) from None
        return Draft(fields=fields, request=body if isinstance(body, dict) else {})

    def check_readable(self, call: Call) -> None:
        listed = self._loaded[0][self.spec(call.model).provider]
        if not isinstance(listed, Adapter) or self._has_bucket:
            return
        pictures = [*call.images, *([call.mask] if call.mask else []), *call.extra_images.values()]
        reads_files = listed.takes_data or listed.takes_uploads
        if not reads_files and any(picture.url is None for picture in pictures):
            raise needs_public_url(listed)

    # --- for doctor and the worker

    def problems(self) -> tuple[Problem, ...]:
        """The plug-ins that could not be loaded."""
        return self._loaded[1]

    def adapters(self) -> tuple[Adapter, ...]:
        """The remote providers, with or without a key."""
        return tuple(listed for listed in self._loaded[0].values() if isinstance(listed, Adapter))

    def connect(self, provider: str) -> "RestProvider":
        """The provider, ready to be used. Raises Internal where `ready` would say no."""
        from .rest import RestProvider  # an HTTP client, which a server that only plans never needs

        listed, key = self._loaded[0].get(provider), self._key(provider)
        if not isinstance(listed, Adapter) or key is None:
            raise Internal("A provider without a key was asked for.")
        access = self._access[provider]
        return RestProvider(listed, key=key, origin=access.origin, network=access.network)

    def _key(self, provider: str) -> SecretStr | None:
        access = self._access.get(provider)
        if access is None or access.key is None or not access.key.get_secret_value().strip():
            return None
        return access.key


def _without_pictures(call: Call) -> Call:
    return replace(
        call,
        images=tuple(_worded(picture) for picture in call.images),
        mask=_worded(call.mask) if call.mask else None,
        extra_images={name: _worded(picture) for name, picture in call.extra_images.items()},
    )


def _worded(picture: Picture) -> Picture:
    return replace(picture, url=_PICTURE, data=None)

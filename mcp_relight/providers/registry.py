"""Every model that can be named, and who does its work: built-in adapters and plug-ins."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Protocol, cast

from pydantic import JsonValue, SecretStr

from mcp_relight.domain.adapter import Adapter
from mcp_relight.domain.catalog import ModelSpec
from mcp_relight.domain.exchange import Call, Picture
from mcp_relight.domain.job import Cost
from mcp_relight.domain.ports import Draft
from mcp_relight.domain.words import did_you_mean
from mcp_relight.errors import Internal, UnknownModel

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

    name: str

    def specs(self) -> Sequence[ModelSpec]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one provider may be used from here. `credential_id` names key and origin in rows."""

    key: SecretStr | None = None
    origin: str | None = None
    credential_id: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A plug-in that could not be loaded."""

    plug_in: str
    words: str


def installed() -> tuple[EntryPoint, ...]:
    """The entry points of the group; the built-in ones come from the package itself."""
    named = {point.name: point for point in (*_BUILT_IN, *entry_points(group=GROUP))}
    return tuple(named.values())


def third_party() -> tuple[Adapter, ...]:
    """The remote providers of other packages. One that cannot be loaded is `Registry.problems`'."""
    own = {point.name for point in _BUILT_IN}
    others = tuple(point for point in installed() if point.name not in own)
    return Registry({}, plug_ins=lambda: others).adapters() if others else ()


class Registry:
    """Implements `domain.ports.Models`. Nothing is imported before the first question."""

    def __init__(
        self,
        access: Mapping[str, Access],
        *,
        plug_ins: Callable[[], Iterable[EntryPoint]] = installed,
        catalogues: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """`access` by provider name; `catalogues` are live ones, by provider name, as
        `RestProvider.catalogue` returned them."""
        self._access = access
        self._plug_ins = plug_ins
        self._catalogues = catalogues or {}

    @cached_property
    def _loaded(self) -> tuple[dict[str, Listed], tuple[Problem, ...]]:
        listed: dict[str, Listed] = {}
        problems: list[Problem] = []
        for point in self._plug_ins():
            try:
                adapter = self._made(point)
                adapter.specs()
            except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way; doctor shows it
                problems.append(Problem(point.name, f"{type(error).__name__} while loading"))
            else:
                listed[adapter.name] = adapter
        return listed, tuple(problems)

    def _made(self, point: EntryPoint) -> Listed:
        """A plug-in's class is called without arguments; one that takes a catalogue gets its."""
        make = cast(Callable[..., Listed], point.load())
        live = self._catalogues.get(point.name)
        return make() if live is None else make(live)

    @cached_property
    def _specs(self) -> dict[str, ModelSpec]:
        return {spec.id: spec for listed in self._loaded[0].values() for spec in listed.specs()}

    # --- domain.ports.Models

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
        fields = spec.honesty(call.lighting, call.params)
        listed = self._loaded[0][spec.provider]
        if not isinstance(listed, Adapter):
            return Draft(fields=fields, request=dict(call.params))
        body = listed.submit(_without_pictures(call)).json
        return Draft(fields=fields, request=body if isinstance(body, dict) else {})

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
        return RestProvider(listed, key=key, origin=self._access[provider].origin)

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

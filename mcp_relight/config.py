"""Settings: the only reader of the environment."""

import os
import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast
from urllib.parse import unquote, urlsplit

import platformdirs
from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict

from mcp_relight.config_early import PREFIX, data_dir
from mcp_relight.config_files import secret_in
from mcp_relight.config_team import TeamSettings
from mcp_relight.domain.models import LOCAL_MODEL
from mcp_relight.domain.network import DIRECT, Network
from mcp_relight.domain.words import nearest, rule_broken
from mcp_relight.errors import InvalidArgument

WorkerMode = Literal["detached", "inline", "none"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_SECRETIVE = ("_KEY", "_TOKEN", "_SECRET")
_UNSET = re.compile(r"^\$\{user_config\.[^}]*\}$")


def _is_origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username:
        raise ValueError("must be an http(s) address without credentials")
    if parts.query or parts.fragment:
        raise ValueError("must be an address without query or fragment")
    return value.rstrip("/")


_OF_A_PROVIDER: dict[str, TypeAdapter[Any]] = {
    "_URL": TypeAdapter(Annotated[str, AfterValidator(_is_origin)]),
    "_RPM": TypeAdapter(Annotated[float, Field(gt=0, le=6_000_000)]),
}
"""What may be set of every provider, as `MCP_RELIGHT_<its name>` with one of these endings."""


class Settings(TeamSettings):
    """Everything that can be configured, with its default. No key at all is a normal start."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, env_prefix=PREFIX
    )

    data_dir: Path = Field(default_factory=lambda: data_dir(), validate_default=True)
    output_dir: Path | None = None
    allowed_dirs: Annotated[tuple[Path, ...] | None, NoDecode] = None
    default_model: str = LOCAL_MODEL
    local_only: bool = False
    max_cost_usd: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    daily_budget_usd: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    resource_links: bool = True
    worker: WorkerMode = "detached"
    worker_idle_s: float = Field(default=60.0, ge=0, le=86_400)
    allow_private_hosts: Annotated[frozenset[str], NoDecode] = frozenset()
    shape_model: Path | None = None
    trust_env: bool = True
    handshake_only: bool = False
    log_level: LogLevel = "WARNING"

    bucket_url: str | None = None
    bucket_endpoint: str | None = None
    bucket_region: str | None = None
    bucket_key_id: str | None = Field(default=None, repr=False)
    bucket_secret: SecretStr | None = Field(default=None, repr=False)

    _variables: Mapping[str, str] = PrivateAttr(default_factory=dict[str, str])
    """The environment as it was read, for what every provider may have of its own."""

    @field_validator("*", mode="before")
    @classmethod
    def _literal_placeholder_is_unset(cls, value: Any, info: Any) -> Any:
        """Desktop bundles pass `${user_config.key}` as it stands when a field was left empty."""
        if isinstance(value, str) and _UNSET.match(value.strip()):
            return cls.model_fields[info.field_name].get_default(call_default_factory=True)
        return value

    @field_validator("allowed_dirs", mode="before")
    @classmethod
    def _split_dirs(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(os.pathsep) if part.strip())
        return value

    @field_validator("data_dir", "output_dir", "allowed_dirs")
    @classmethod
    def _is_in_a_known_home(
        cls, value: Path | tuple[Path, ...] | None
    ) -> Path | tuple[Path, ...] | None:
        for folder in (value,) if isinstance(value, Path) else value or ():
            if str(_expanded(folder)).startswith("~"):
                raise ValueError("must be a full path: nobody's home folder is known for its ~")
        return value

    @field_validator("allow_private_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        hosts = frozenset(part.strip().lower() for part in value.split(",") if part.strip())
        for host in hosts:
            if not re.fullmatch(r"\[?[0-9a-z.:-]+\]?:\d{1,5}", host):
                raise ValueError("must be a comma list of host:port")
        return hosts

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("bucket_url")
    @classmethod
    def _is_usable_bucket(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme != "s3" or not parts.hostname:
            raise ValueError("must be of the form s3://bucket/prefix")
        if find_spec("obstore") is None:
            raise ValueError("needs the extra s3: install mcp-relight[s3]")
        return value

    @classmethod
    def load(cls, variables: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """Read the environment. Command line flags override it, and `variables` what it says of
        providers.

        Raises InvalidArgument naming the variable.
        """
        try:
            settings = cls(**{key: value for key, value in overrides.items() if value is not None})
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0]) if error.errors()[0]["loc"] else "settings"
            raise _refused(_variable(name), error, argument=name) from None
        settings._variables = {**os.environ, **(variables or {})}
        known = {_variable(name) for name in cls.model_fields}
        for variable in settings._variables.keys() - known:
            if variable.startswith(PREFIX):
                settings._of_a_provider(variable)
        return settings

    def api_key(self, variable: str) -> SecretStr | None:
        """The key that this variable holds: from the file that `<variable>_FILE` names, else as it
        stands.

        Raises InvalidArgument for a key file that cannot be used.
        """
        path = self._text(f"{variable}_FILE")
        text = secret_in(Path(path), f"{variable}_FILE") if path else self._text(variable)
        return SecretStr(text) if text else None

    @property
    def names_key_files(self) -> bool:
        """Whether a variable may name the file of a key."""
        return any(name.endswith("_FILE") for name in self._variables)

    def origin(self, provider: str) -> str | None:
        """The address that stands in the place of the provider's own."""
        return self._of_a_provider(_of(provider) + "_URL")

    def requests_per_minute(self, provider: str) -> float | None:
        """As often as this provider may be asked, where somebody chose it."""
        return self._of_a_provider(_of(provider) + "_RPM")

    def _of_a_provider(self, variable: str) -> Any:
        """Its value, checked. Raises InvalidArgument."""
        text, kind = self._text(variable), _OF_A_PROVIDER.get(variable[-4:])
        if not text or kind is None:
            return None
        try:
            return kind.validate_python(text)
        except ValidationError as error:
            raise _refused(variable, error, argument=variable) from None

    def _text(self, variable: str) -> str:
        text = self._variables.get(variable, "").strip()
        return "" if _UNSET.match(text) else text

    @property
    def network(self) -> Network:
        """The proxy and certificates of this machine, unless `trust_env` is off."""
        if not self.trust_env:
            return DIRECT
        certificates = _of_this_machine("SSL_CERT_FILE")
        return Network(
            proxy=_of_this_machine("HTTPS_PROXY", "ALL_PROXY") or None,
            spared=tuple(_of_this_machine("NO_PROXY").split(",")),
            certificates=Path(certificates) if certificates else None,
        )

    @property
    def worker_mode(self) -> WorkerMode:
        """Who carries jobs out; the workers of a team are started by whoever runs its machines."""
        return self.worker if self.database_url is None else "none"

    @property
    def has_bucket(self) -> bool:
        """Whether pictures of this machine can be put where any provider reads them."""
        return bool(self.bucket_url and self.bucket_key_id and self.bucket_secret)

    @property
    def shape_model_file(self) -> Path | None:
        """The user's own shape model as a full path."""
        return None if self.shape_model is None else _expanded(self.shape_model).absolute()

    @property
    def data_folder(self) -> Path:
        """`data_dir` as a full path."""
        return _expanded(self.data_dir).absolute()

    @property
    def results_dir(self) -> Path:
        """Where finished pictures go under human names."""
        if self.output_dir is not None:
            return _expanded(self.output_dir).absolute()
        for pictures in _photo_dirs()[:1]:
            if pictures.is_dir() and os.access(pictures, os.W_OK):
                return pictures / "mcp-relight"
        return self.data_folder / "results"

    @property
    def readable_dirs(self) -> tuple[Path, ...]:
        """Folders whose pictures callers may name; the output folder is always one of them."""
        chosen = _photo_dirs() if self.allowed_dirs is None else self.allowed_dirs
        folders = [_expanded(folder).absolute() for folder in chosen]
        return tuple(dict.fromkeys([*folders, self.results_dir]))

    def secrets(self) -> tuple[str, ...]:
        """What the environment holds of secrets, also such as plug-ins may read."""
        values = [self._text(name) for name in self._variables if name.endswith(_SECRETIVE)]
        values += [self.bucket_key_id or "", self.blob_key_id or ""]
        kept = (self.bucket_secret, self.blob_secret)
        values += [secret.get_secret_value() for secret in kept if secret]
        values += [*_secrets_in(self.database_url), *self.keys_of_state, *self.texts_of_ring]
        return tuple(dict.fromkeys(filter(None, values)))

    def unknown_variables(self, providers: Iterable[str]) -> dict[str, str]:
        """Variables that look like settings and are none, each with the nearest that is, or ""."""
        known = [_variable(name).lower() for name in type(self).model_fields]
        known += [(_of(name) + end).lower() for name in providers for end in _OF_A_PROVIDER]
        return {
            name: (nearest(name, known, cutoff=0.8) or "").upper()
            for name in sorted(self._variables)
            if name.startswith(PREFIX) and name.lower() not in known
        }

    def environment(self) -> dict[str, str]:
        """These settings as variables, for a worker process started from here."""
        variables = dict(self._variables)
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name in self.model_fields_set and value is not None:
                variables[_variable(name)] = _as_variable(value)
        return variables


def _secrets_in(url: SecretStr | None) -> list[str]:
    """The address itself, and its password as it is written there and as it is."""
    if url is None:
        return []
    whole = url.get_secret_value()
    password = urlsplit(whole).password or ""
    return [whole, password, unquote(password)]


def _of_this_machine(*variables: str) -> str:
    """The first of these variables that is set; small letters win, as with every other program."""
    spellings = (one for name in variables for one in (name.lower(), name))
    return next((text for one in spellings if (text := os.environ.get(one, "").strip())), "")


def _photo_dirs() -> tuple[Path, ...]:
    """Where people keep pictures, "Pictures" first; nowhere without a home folder."""
    try:
        return (
            platformdirs.user_pictures_path(),
            platformdirs.user_downloads_path(),
            platformdirs.user_desktop_path(),
        )
    except RuntimeError:
        return ()


def _expanded(folder: Path) -> Path:
    """With `~` replaced, where the home folder is known."""
    return Path(os.path.expanduser(folder))  # noqa: PTH111 - Path.expanduser raises then


def _variable(field: str) -> str:
    return PREFIX + field.upper()


def _as_variable(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, tuple):
        return os.pathsep.join(map(str, cast(tuple[Path, ...], value)))
    if isinstance(value, frozenset):
        return ",".join(sorted(cast(frozenset[str], value)))
    return str(value)


def _of(provider: str) -> str:
    return PREFIX + provider.upper().replace("-", "_")


def _refused(variable: str, error: ValidationError, *, argument: str) -> InvalidArgument:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return InvalidArgument(
        rule_broken(variable, first["msg"]),
        hint="Correct or remove this variable, then start again.",
        argument=argument,
    )

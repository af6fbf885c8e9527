"""Settings: the only reader of the environment."""

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast
from urllib.parse import urlsplit

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mcp_relight.domain.network import DIRECT, Network
from mcp_relight.domain.words import nearest, rule_broken
from mcp_relight.errors import InvalidArgument

WorkerMode = Literal["detached", "inline", "none"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

PROVIDERS_WITH_KEYS = ("pixeldojo", "pixazo", "segmind")

_PREFIX = "MCP_RELIGHT_"
_UNSET = re.compile(r"^\$\{user_config\.[^}]*\}$")
_MAX_KEY_FILE_BYTES = 4096


def _prefixed(name: str) -> AliasChoices:
    return AliasChoices(_PREFIX + name)


def _key(name: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(name), repr=False)


class Settings(BaseSettings):
    """Everything that can be configured, with its default. No key at all is a normal start."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    pixeldojo_api_key: SecretStr | None = _key("PIXELDOJO_API_KEY")
    pixazo_api_key: SecretStr | None = _key("PIXAZO_API_KEY")
    segmind_api_key: SecretStr | None = _key("SEGMIND_API_KEY")
    pixeldojo_api_key_file: Path | None = _key("PIXELDOJO_API_KEY_FILE")
    pixazo_api_key_file: Path | None = _key("PIXAZO_API_KEY_FILE")
    segmind_api_key_file: Path | None = _key("SEGMIND_API_KEY_FILE")

    data_dir: Path = Field(
        default_factory=lambda: _data_dir(),
        validation_alias=_prefixed("DATA_DIR"),
        validate_default=True,
    )
    output_dir: Path | None = Field(default=None, validation_alias=_prefixed("OUTPUT_DIR"))
    allowed_dirs: Annotated[tuple[Path, ...] | None, NoDecode] = Field(
        default=None, validation_alias=_prefixed("ALLOWED_DIRS")
    )
    default_model: str = Field(default="local/classic", validation_alias=_prefixed("DEFAULT_MODEL"))
    local_only: bool = Field(default=False, validation_alias=_prefixed("LOCAL_ONLY"))
    max_cost_usd: float = Field(
        default=1.0, ge=0, allow_inf_nan=False, validation_alias=_prefixed("MAX_COST_USD")
    )
    daily_budget_usd: float = Field(
        default=10.0, ge=0, allow_inf_nan=False, validation_alias=_prefixed("DAILY_BUDGET_USD")
    )
    resource_links: bool = Field(default=True, validation_alias=_prefixed("RESOURCE_LINKS"))
    worker: WorkerMode = Field(default="detached", validation_alias=_prefixed("WORKER"))
    worker_idle_s: float = Field(
        default=60.0, ge=0, le=86_400, validation_alias=_prefixed("WORKER_IDLE_S")
    )
    pixeldojo_url: str = Field(
        default="https://pixeldojo.ai", validation_alias=_prefixed("PIXELDOJO_URL")
    )
    pixazo_url: str = Field(
        default="https://gateway.pixazo.ai", validation_alias=_prefixed("PIXAZO_URL")
    )
    segmind_url: str = Field(
        default="https://api.segmind.com", validation_alias=_prefixed("SEGMIND_URL")
    )
    allow_private_hosts: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(), validation_alias=_prefixed("ALLOW_PRIVATE_HOSTS")
    )
    pixeldojo_rpm: float = Field(
        default=50, gt=0, le=6_000_000, validation_alias=_prefixed("PIXELDOJO_RPM")
    )
    pixazo_rpm: float = Field(
        default=60, gt=0, le=6_000_000, validation_alias=_prefixed("PIXAZO_RPM")
    )
    segmind_rpm: float = Field(
        default=60, gt=0, le=6_000_000, validation_alias=_prefixed("SEGMIND_RPM")
    )
    shape_model: Path | None = Field(default=None, validation_alias=_prefixed("SHAPE_MODEL"))
    trust_env: bool = Field(default=True, validation_alias=_prefixed("TRUST_ENV"))
    handshake_only: bool = Field(default=False, validation_alias=_prefixed("HANDSHAKE_ONLY"))
    log_level: LogLevel = Field(default="WARNING", validation_alias=_prefixed("LOG_LEVEL"))

    bucket_url: str | None = Field(default=None, validation_alias=_prefixed("BUCKET_URL"))
    bucket_endpoint: str | None = Field(default=None, validation_alias=_prefixed("BUCKET_ENDPOINT"))
    bucket_region: str | None = Field(default=None, validation_alias=_prefixed("BUCKET_REGION"))
    bucket_key_id: str | None = Field(
        default=None, validation_alias=_prefixed("BUCKET_KEY_ID"), repr=False
    )
    bucket_secret: SecretStr | None = Field(
        default=None, validation_alias=_prefixed("BUCKET_SECRET"), repr=False
    )

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

    @field_validator("pixeldojo_url", "pixazo_url", "segmind_url")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username:
            raise ValueError("must be an http(s) address without credentials")
        if parts.query or parts.fragment:
            raise ValueError("must be an address without query or fragment")
        return value.rstrip("/")

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
    def load(cls, **overrides: Any) -> Self:
        """Read the environment; command line flags override it.

        Raises InvalidArgument naming the variable.
        """
        try:
            return cls(**{name: value for name, value in overrides.items() if value is not None})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            name = str(first["loc"][0]) if first["loc"] else "settings"
            raise InvalidArgument(
                rule_broken(_variable(cls, name), first["msg"]),
                hint="Correct or remove this variable, then start again.",
                argument=name,
            ) from None

    def api_key(self, provider: str) -> SecretStr | None:
        """The provider's key: from its file, else from the environment.

        Raises InvalidArgument for a key file that cannot be used.
        """
        path: Path | None = getattr(self, f"{provider}_api_key_file", None)
        if path is None:
            return getattr(self, f"{provider}_api_key", None)
        variable = f"{provider.upper()}_API_KEY_FILE"
        try:
            status = path.stat()
            text = path.read_text("utf-8")[:_MAX_KEY_FILE_BYTES].strip()
        except (OSError, ValueError):
            raise InvalidArgument(
                f"{variable} names a file that cannot be read.",
                hint="Create the file with the key alone in it.",
            ) from None
        if sys.platform != "win32" and status.st_mode & 0o077:
            raise InvalidArgument(
                f"{variable} names a file that others can read.",
                hint="Run `chmod 600` on it.",
            )
        return SecretStr(text) if text else None

    def plug_in_key(self, variable: str) -> SecretStr | None:
        """The key of a provider that another package brings, from the variable it names."""
        text = os.environ.get(variable, "").strip()
        return SecretStr(text) if text and not _UNSET.match(text) else None

    def origin(self, provider: str) -> str:
        return getattr(self, f"{provider}_url")

    def requests_per_minute(self, provider: str) -> float:
        """Plug-ins are held to the pace of the most careful built-in one."""
        return getattr(self, f"{provider}_rpm", self.pixeldojo_rpm)

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

    @classmethod
    def unknown_variables(cls) -> dict[str, str]:
        """Variables that look like settings and are none, each with the nearest that is, or ""."""
        known = [_variable(cls, name).lower() for name in cls.model_fields]
        return {
            name: (nearest(name, known, cutoff=0.8) or "").upper()
            for name in sorted(os.environ)
            if name.startswith(_PREFIX) and name.lower() not in known
        }

    def environment(self) -> dict[str, str]:
        """These settings as variables, for a worker process started from here."""
        variables = dict(os.environ)
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name in self.model_fields_set and value is not None:
                variables[_variable(type(self), name)] = _as_variable(value)
        return variables


def _of_this_machine(*variables: str) -> str:
    """The first of these variables that is set; small letters win, as with every other program."""
    spellings = (one for name in variables for one in (name.lower(), name))
    return next((text for one in spellings if (text := os.environ.get(one, "").strip())), "")


def _data_dir() -> Path:
    try:
        return platformdirs.user_data_path("mcp-relight", appauthor=False)
    except RuntimeError:  # no home folder, as in many a container: the check of settings says so
        return Path("~/mcp-relight")


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


def _variable(settings: type[Settings], field: str) -> str:
    info = settings.model_fields.get(field)
    alias = info.validation_alias if info else None
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else field


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


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Every secret value in force, for redaction in logs; also such as plug-ins may read."""
    secrets = [settings.api_key(provider) for provider in PROVIDERS_WITH_KEYS]
    secrets.append(settings.bucket_secret)
    named = [secret.get_secret_value() for secret in secrets if secret is not None]
    named += [settings.bucket_key_id] if settings.bucket_key_id else []
    others = [value.strip() for name, value in os.environ.items() if name.endswith("_API_KEY")]
    return tuple(dict.fromkeys(value for value in (*named, *others) if value))

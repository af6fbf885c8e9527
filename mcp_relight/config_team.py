"""Settings of a server for many people: how it is reached, and who may come in.

A base of `config.Settings`, which alone reads the environment.
"""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mcp_relight import telemetry
from mcp_relight.config_files import secret_in
from mcp_relight.errors import InvalidArgument

OBJECT_STORES = frozenset({"s3", "gs", "az"})
_POSTGRES = frozenset({"postgresql", "postgres"})
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
_USUAL = ("RS256", "PS256", "ES256", "EdDSA")
_MIN_STATE_KEY = 32
_MAKE_ONE = "Make one with `openssl rand -hex 32`; every replica needs the same."
_RING_KEY = re.compile(r"[0-9a-fA-F]{64}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

OFF = "off"
Words = Annotated[frozenset[str], NoDecode]


class TeamSettings(BaseSettings):
    """None of these is needed by one person."""

    model_config = SettingsConfigDict(frozen=True)

    database_url: SecretStr | None = Field(default=None, repr=False)

    blob_url: str | None = None
    blob_endpoint: str | None = None
    blob_public_endpoint: str | None = None
    blob_region: str | None = None
    blob_key_id: str | None = Field(default=None, repr=False)
    blob_secret: SecretStr | None = Field(default=None, repr=False)

    public_url: str | None = None
    callback_url: str | None = None
    allowed_hosts: Words = frozenset()
    allowed_origins: Words = frozenset()

    accounts: bool = False
    auth_issuer: str | None = None
    auth_audience: str | None = None
    auth_jwks_url: str | None = None
    auth_algorithms: Words = frozenset(_USUAL)
    auth_owner_claim: str = Field(default="sub", min_length=1, max_length=100)
    auth_scope_claim: str = Field(default="scope", min_length=1, max_length=100)
    state_keys: SecretStr | None = Field(default=None, repr=False)
    key_ring: SecretStr | None = Field(default=None, repr=False)
    key_ring_file: Path | None = None

    log_format: Literal["text", "json"] = "text"
    traces_url: str | None = None

    @field_validator("database_url")
    @classmethod
    def _is_usable_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        try:
            is_postgres = urlsplit(value.get_secret_value()).scheme in _POSTGRES
        except ValueError:
            is_postgres = False
        if not is_postgres:
            raise ValueError("must be an address of the form postgresql://user@host/database")
        if find_spec("psycopg") is None or find_spec("procrastinate") is None:
            raise ValueError("needs the extra team: install mcp-relight[team]")
        return value

    @field_validator("blob_url")
    @classmethod
    def _is_usable_store(cls, value: str | None, info: ValidationInfo) -> str | None:
        parts = urlsplit(value or "")
        if value is None or (parts.scheme == "file" and not parts.netloc and parts.path):
            return value
        if parts.scheme not in OBJECT_STORES or not parts.netloc or parts.username or parts.query:
            raise ValueError("must be s3://, gs:// or az:// with a bucket, or file:///folder")
        if find_spec("obstore") is None:
            raise ValueError("needs the extra team: install mcp-relight[team]")
        if info.data.get("database_url") is None:
            raise ValueError("needs MCP_RELIGHT_DATABASE_URL: whose a picture is stands there")
        return value

    @field_validator("allowed_hosts", "allowed_origins", "auth_algorithms", mode="before")
    @classmethod
    def _split_words(cls, value: Any) -> Any:
        if isinstance(value, str):
            return frozenset(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("auth_algorithms")
    @classmethod
    def _is_public_key_algorithm(cls, value: frozenset[str]) -> frozenset[str]:
        if not value or not value <= set(_ALGORITHMS):
            raise ValueError(f"must be a comma list of {', '.join(_ALGORITHMS)}")
        return value

    @field_validator(
        "public_url",
        "auth_issuer",
        "auth_jwks_url",
        "blob_endpoint",
        "blob_public_endpoint",
        "traces_url",
    )
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username:
            raise ValueError("must be an http(s) address without credentials")
        if parts.query or parts.fragment:
            raise ValueError("must be an address without query or fragment")
        return value.rstrip("/")

    @field_validator("callback_url", mode="before")
    @classmethod
    def _may_be_off(cls, value: Any) -> Any:
        is_off = isinstance(value, str) and value.strip().lower() == OFF
        return OFF if is_off else cls._is_address(value)

    @field_validator("callback_url")
    @classmethod
    def _is_fit_for_providers(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("must be an https address, or off: providers call no other")
        return value

    @field_validator("auth_issuer")
    @classmethod
    def _is_trusted_on_the_way(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("must be an https address: whoever sits between could sign for it")
        return value

    @field_validator("traces_url")
    @classmethod
    def _can_be_sent(cls, value: str | None) -> str | None:
        if value is not None and not telemetry.can_trace():
            raise ValueError("needs the extra team: install mcp-relight[team]")
        return value

    @field_validator("state_keys")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        keys = _parts_of(value)
        if value is not None and (not keys or min(map(len, keys)) < _MIN_STATE_KEY):
            raise ValueError("must be a comma list of random texts of 32 letters or more")
        return value

    @field_validator("key_ring")
    @classmethod
    def _is_ring(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not all(map(_RING_KEY.fullmatch, _parts_of(value) or [""])):
            raise ValueError("must be a comma list of texts of 64 hex digits each")
        return value

    @property
    def has_object_store(self) -> bool:
        """Whether pictures are kept in one, and not in a folder."""
        return self.blob_url is not None and not self.blob_url.startswith("file:")

    @property
    def blob_folder(self) -> Path | None:
        """The folder that pictures are kept in, where one was named."""
        if self.blob_url is None or self.has_object_store:
            return None
        return Path(unquote(urlsplit(self.blob_url).path))

    @property
    def has_accounts(self) -> bool:
        """Whether each request over HTTP needs a token."""
        return self.accounts or self.auth_issuer is not None

    @property
    def reached_at(self) -> str | None:
        """Where providers reach the servers: the address for them, else the public one where it
        may be known to them."""
        if self.callback_url is not None:
            return None if self.callback_url == OFF else self.callback_url
        is_public = self.has_accounts and (self.public_url or "").startswith("https://")
        return self.public_url if is_public else None

    def check_accounts(self) -> None:
        """Raises InvalidArgument where a server for many lacks what it needs."""
        for variable, value, hint in (
            ("MCP_RELIGHT_PUBLIC_URL", self.public_url, "The address that clients use, https://…"),
            ("MCP_RELIGHT_STATE_KEYS", self.state_keys, _MAKE_ONE),
        ):
            if value is None:
                raise InvalidArgument(f"{variable} is needed where there are accounts.", hint=hint)

    @property
    def issuer_hosts(self) -> frozenset[str]:
        """`host:port` of the identity provider."""
        named = [urlsplit(url) for url in (self.auth_issuer, self.auth_jwks_url) if url]
        return frozenset(
            f"{one.hostname}:{one.port or (443 if one.scheme == 'https' else 80)}" for one in named
        )

    @property
    def keys_of_state(self) -> tuple[str, ...]:
        """The first seals what a client carries between two calls; all of them open it."""
        return _parts_of(self.state_keys)

    @property
    def texts_of_ring(self) -> tuple[str, ...]:
        """The first seals keys of owners, all of them open what they sealed. Those of the file come
        first. Raises InvalidArgument for a file that cannot be used."""
        if self.key_ring_file is None:
            return _parts_of(self.key_ring)
        variable = "MCP_RELIGHT_KEY_RING_FILE"
        texts = secret_in(self.key_ring_file, variable).replace(",", " ").split()
        if not texts or not all(map(_RING_KEY.fullmatch, texts)):
            raise InvalidArgument(
                f"{variable} names a file without texts of 64 hex digits, one a line.",
                hint="Make one with `openssl rand -hex 32`.",
            )
        return (*texts, *_parts_of(self.key_ring))

    @property
    def ring(self) -> tuple[bytes, ...]:
        return tuple(bytes.fromhex(text) for text in self.texts_of_ring)


def _parts_of(value: SecretStr | None) -> tuple[str, ...]:
    text = value.get_secret_value() if value else ""
    return tuple(part.strip() for part in text.split(",") if part.strip())

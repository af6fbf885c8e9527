"""How each provider is used from here, by what was set for it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_relight import logs
from mcp_relight.errors import InvalidArgument
from mcp_relight.jobs.credentials import credential_id

if TYPE_CHECKING:
    from mcp_relight.providers.kit.adapter import Adapter
    from mcp_relight.providers.registry import Account

    from .parts import Parts


def account_of(parts: "Parts", adapter: "Adapter") -> "Account":
    """Every adapter's, also those of other packages."""
    from mcp_relight.providers.registry import Account

    settings = parts.settings
    account = Account(
        adapter=adapter,
        gateway=settings.origin(adapter.name),
        per_minute=settings.requests_per_minute(adapter.name),
        network=settings.network,
    )
    try:
        key = settings.api_key(adapter.key_variable)
    except InvalidArgument as error:
        return replace(account, problem=f"{error.message} {error.hint}")
    if key is None:
        return account
    logs.hide(key.get_secret_value())
    named = credential_id(parts.salt, key.get_secret_value(), account.origin)
    return replace(account, key=key, credential_id=named)

"""What `serve --http` is told: who may come in, under which names, and what answers beside MCP."""

import argparse
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.server.app import ForMany
from mcp_relight.server.audit import Audit
from mcp_relight.server.http import Site
from mcp_relight.server.web.exchange import current_request_id
from mcp_relight.server.web.health import Health
from mcp_relight.server.web.metrics import metrics_route

if TYPE_CHECKING:
    from mcp_relight.server.links import Links
    from mcp_relight.server.web.accounts import Accounts
    from mcp_relight.server.web.challenge import Resource
    from mcp_relight.server.web.routes import WebRoute


def site_of(settings: Settings, application: Application, namespace: argparse.Namespace) -> Site:
    """Raises InvalidArgument where a server for many lacks a setting."""
    resource = _resource(settings)
    return Site(
        host=namespace.host,
        port=namespace.port,
        health=Health(application.examine_store),
        public_url=settings.public_url,
        hosts=settings.allowed_hosts | _host_for_providers(settings),
        origins=settings.allowed_origins,
        door=None if resource is None else _accounts(settings, application, resource),
        routes=[
            *_routes_for_providers(settings, application),
            *(_routes(settings, application, resource) if resource else ()),
        ],
    )


def for_many(settings: Settings, application: Application) -> ForMany | None:
    """None where there is one person, at this machine."""
    if not settings.has_accounts:
        return None
    from mcp_relight.server.remote import Wire

    settings.check_accounts()
    return ForMany(
        state_keys=settings.keys_of_state,
        audit=Audit(application.accounts, current_request_id),
        wire=Wire(
            public_url=settings.public_url or "",
            links=_links(settings),
            addresses=application.addresses,
            uploads=application.uploads,
            key_pages=application.key_pages if settings.texts_of_ring else None,
        ),
    )


def _routes(settings: Settings, application: Application, resource: "Resource") -> "list[WebRoute]":
    from mcp_relight.server.web.pictures import Pictures
    from mcp_relight.server.web.uploads import UploadPages

    return [
        *resource.routes(),
        metrics_route(application.queue),
        *Pictures(application, _links(settings)).routes(),
        *UploadPages(application, application.uploads).routes(),
        *_key_pages(settings, application),
    ]


def _key_pages(settings: Settings, application: Application) -> "list[WebRoute]":
    if not settings.texts_of_ring:
        return []
    from mcp_relight.server.web.key_pages import KeyPageRoutes

    return KeyPageRoutes(application.key_pages, application.own_keys).routes()


def _routes_for_providers(settings: Settings, application: Application) -> "list[WebRoute]":
    if settings.reached_at is None:
        return []
    from mcp_relight.server.web.hooks import HookRoute
    from mcp_relight.server.web.lent import LentRoute

    return [
        *HookRoute(application.hooks).routes(),
        *LentRoute(application, application.lent).routes(),
    ]


def _host_for_providers(settings: Settings) -> frozenset[str]:
    return frozenset({urlsplit(settings.reached_at).netloc} if settings.reached_at else ())


def _links(settings: Settings) -> "Links":
    from mcp_relight.server.links import Links

    return Links(settings.public_url or "", settings.keys_of_state)


def _resource(settings: Settings) -> "Resource | None":
    if not settings.has_accounts:
        return None
    from mcp_relight.server.web.app import MCP_PATH
    from mcp_relight.server.web.challenge import Resource

    settings.check_accounts()
    return Resource(url=f"{settings.public_url}{MCP_PATH}", issuer=settings.auth_issuer)


def _accounts(settings: Settings, application: Application, resource: "Resource") -> "Accounts":
    from mcp_relight.server.web.accounts import Accounts
    from mcp_relight.server.web.issuer import Issuer
    from mcp_relight.server.web.keys import IssuerKeys

    issuer = None
    if settings.auth_issuer is not None:
        issuer = Issuer(
            name=settings.auth_issuer,
            audience=settings.auth_audience or resource.url,
            keys=IssuerKeys(
                settings.auth_issuer,
                application.fetch_from_issuer,
                jwks_url=settings.auth_jwks_url,
            ),
            algorithms=settings.auth_algorithms,
            owner_claim=settings.auth_owner_claim,
            scope_claim=settings.auth_scope_claim,
        )
    return Accounts(resource, application.accounts, application.owners, issuer)

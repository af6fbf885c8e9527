"""The way to a provider: direct or through the proxy that was set, and whose certificates count."""

import ssl
from collections.abc import Iterable

import httpx2

from mcp_relight.domain.network import Network, is_about_certificates
from mcp_relight.errors import ProviderDown


def routes(network: Network, origins: Iterable[str]) -> dict[str, httpx2.AsyncBaseTransport]:
    """A transport for each of these https origins, by the pattern under which httpx2 mounts it.

    Nothing is read from the environment here. Raises ProviderDown for settings nobody can use.
    """
    context = _context(network)
    mounted = dict[str, httpx2.AsyncBaseTransport]()
    for origin in origins:
        url = httpx2.URL(origin)
        if url.scheme == "https":
            host = url.host if url.port is None else f"{url.host}:{url.port}"
            proxy = _checked(network.proxy_for(host))
            mounted[f"https://{host}"] = httpx2.AsyncHTTPTransport(verify=context, proxy=proxy)
    return mounted


def unreachable(title: str, error: Exception, *, by_proxy: bool) -> ProviderDown:
    """Nothing left for the provider; why, as far as the error tells."""
    if isinstance(error, httpx2.ProxyError):
        return _down(
            f"The proxy did not let the request to {title} through; nothing was sent.",
            "Check HTTPS_PROXY, or name the host in NO_PROXY. MCP_RELIGHT_TRUST_ENV=0 goes "
            "without it.",
        )
    if is_about_certificates(error):
        return _down(
            f"The certificate shown for {title} is not trusted here; nothing was sent.",
            "Where a company's proxy signs what passes, set SSL_CERT_FILE to a file with its "
            "certificate. Check this machine's clock.",
        )
    return _down(
        f"{title} could not be reached; nothing was sent.",
        "Check the network and the provider's URL setting, then call again."
        + (" HTTPS_PROXY is used for it: check it too." if by_proxy else ""),
    )


def _context(network: Network) -> ssl.SSLContext:
    if network.certificates is None:
        return httpx2.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=str(network.certificates))
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise _down(
            "SSL_CERT_FILE names no file of certificates that can be read; nothing was sent.",
            "Correct or remove SSL_CERT_FILE. MCP_RELIGHT_TRUST_ENV=0 goes without it.",
        ) from None


def _checked(proxy: str | None) -> httpx2.Proxy | None:
    if proxy is None:
        return None
    try:
        checked = httpx2.Proxy(proxy)
    except (ValueError, httpx2.InvalidURL):
        checked = None
    if checked is None or checked.url.scheme not in ("http", "https") or not checked.url.host:
        raise _down(
            "HTTPS_PROXY is no address of an http or https proxy; nothing was sent.",
            "Write it as http://host:port. MCP_RELIGHT_TRUST_ENV=0 goes without it.",
        )
    return checked


def _down(message: str, hint: str) -> ProviderDown:
    return ProviderDown(message, hint=hint, billed="no", taken="no")

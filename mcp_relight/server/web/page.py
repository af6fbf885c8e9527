"""Pages for people, each in one answer."""

import base64
import hashlib
from functools import cache

from mcp_relight.server.apps import page_parts


@cache
def page_of(name: str) -> tuple[str, str]:
    """The page, and the policy under which nothing but its own script and style runs."""
    page, style, script = page_parts(name)
    page = page.replace("/*STYLE*/", style).replace("/*SCRIPT*/", script)
    policy = (
        f"default-src 'none'; script-src '{_hash_of(script)}'; style-src '{_hash_of(style)}'; "
        "img-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return page, policy


def _hash_of(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

"""`relight`: its worker starts before what this process needs is loaded, which takes as long."""

import argparse

import anyio

from mcp_relight.bootstrap import Application
from mcp_relight.domain.request import RelightArguments

from .flags import given, one_reference
from .session import load_settings


def relight(namespace: argparse.Namespace) -> int:
    namespace.image = one_reference(namespace.image)
    arguments = RelightArguments.parse(given(namespace, RelightArguments))
    application = Application(load_settings(namespace), typed_paths=True)
    application.check_settings()
    application.start_worker(namespace.ahead)
    application.expect(arguments)

    from .photos import relight as relight_photos

    return anyio.run(relight_photos, application, arguments, namespace)

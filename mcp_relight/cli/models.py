"""`models`."""

import argparse

from mcp_relight.domain.queries import ListModelsArguments

from . import drawing
from .flags import given
from .session import answer, opened, run


def models(namespace: argparse.Namespace) -> int:
    return run(_models, namespace)


async def _models(namespace: argparse.Namespace) -> int:
    arguments = ListModelsArguments.parse(given(namespace, ListModelsArguments))
    async with opened(namespace) as service:
        found = await service.list_models(arguments)
    answer(found.facts(), as_json=namespace.json, draw=lambda: drawing.models(found))
    return 0

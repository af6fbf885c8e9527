"""Options shared by every test."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the long suites")
    parser.addoption("--full", action="store_true", help="run the long suites at full counts")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long") or config.getoption("--full"):
        return
    skip = pytest.mark.skip(reason="a long suite: runs with --long or --full")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skip)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"

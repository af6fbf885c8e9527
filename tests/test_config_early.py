"""Where a first worker will work: where the settings will say so, or nothing at all."""

from pathlib import Path

import pytest

from mcp_relight.config import Settings
from mcp_relight.config_early import changed, plain_data_folder


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DATA_DIR", "WORKER", "DATABASE_URL"):
        monkeypatch.delenv(f"MCP_RELIGHT_{name}", raising=False)


@pytest.mark.parametrize("value", [None, "", "/a/folder", "/a/./folder"])
def test_it_is_the_folder_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv("MCP_RELIGHT_DATA_DIR", value)
    assert plain_data_folder(["photo.jpg", "--look", "loop"]) == Settings.load().data_folder


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MCP_RELIGHT_DATA_DIR", "~/folder"),
        ("MCP_RELIGHT_DATA_DIR", "a/folder"),
        ("MCP_RELIGHT_DATA_DIR", "  "),
        ("MCP_RELIGHT_DATA_DIR", "${user_config.folder}"),
        ("MCP_RELIGHT_WORKER", "inline"),
        ("mcp_relight_worker", "none"),
        ("MCP_RELIGHT_DATABASE_URL", "postgresql://example.com/jobs"),
    ],
)
def test_what_is_unusual_is_left_to_the_settings(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert plain_data_folder([]) is None


@pytest.mark.parametrize("flags", [("--data-dir", "/x"), ("--data-dir=/x",), ("--d", "/x")])
def test_so_is_a_folder_that_a_flag_names(flags: tuple[str, ...]) -> None:
    assert plain_data_folder(flags) is None


def test_a_worker_is_told_what_flags_said_beyond_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEGMIND_API_KEY", "canary-0003")
    settings = Settings.load(local_only=True)
    assert changed(settings.environment()) == {"MCP_RELIGHT_LOCAL_ONLY": "1"}

"""Settings: one reader of the environment, and errors that name the variable."""

import os
from pathlib import Path

import pytest

from mcp_relight.config import Settings
from mcp_relight.errors import InvalidArgument


def test_no_key_at_all_is_a_normal_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in ("PIXELDOJO", "PIXAZO", "SEGMIND"):
        monkeypatch.delenv(f"{provider}_API_KEY", raising=False)
    settings = Settings.load()
    assert settings.api_key("PIXELDOJO_API_KEY") is None
    assert settings.default_model == "local/classic"


@pytest.mark.parametrize("value", ["", "${user_config.pixeldojo_api_key}"])
def test_an_empty_or_unfilled_value_counts_as_unset(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PIXELDOJO_API_KEY", value)
    monkeypatch.setenv("MCP_RELIGHT_MAX_COST_USD", value)
    settings = Settings.load()
    assert settings.api_key("PIXELDOJO_API_KEY") is None
    assert settings.max_cost_usd == 1.0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MCP_RELIGHT_MAX_COST_USD", "a lot"),
        ("MCP_RELIGHT_MAX_COST_USD", "-1"),
        ("MCP_RELIGHT_MAX_COST_USD", "nan"),
        ("MCP_RELIGHT_WORKER", "sometimes"),
        ("MCP_RELIGHT_LOCAL_ONLY", "perhaps"),
        ("MCP_RELIGHT_PIXAZO_URL", "ftp://example.com"),
        ("MCP_RELIGHT_PIXAZO_URL", "https://user:pass@example.com"),
        ("MCP_RELIGHT_ALLOW_PRIVATE_HOSTS", "127.0.0.1"),
        ("MCP_RELIGHT_PIXELDOJO_RPM", "0"),
        ("MCP_RELIGHT_LOG_LEVEL", "loud"),
        ("MCP_RELIGHT_BUCKET_URL", "https://photos.example.com"),
        ("MCP_RELIGHT_DATABASE_URL", "mysql://user:pass@example.com/jobs"),
        ("MCP_RELIGHT_DATABASE_URL", "user:pass@example.com"),
        ("MCP_RELIGHT_BLOB_URL", "s3://user:pass@pictures/x"),
        ("MCP_RELIGHT_BLOB_URL", "https://pictures.example.com"),
        ("MCP_RELIGHT_BLOB_URL", "file://elsewhere/pictures"),
        ("MCP_RELIGHT_BLOB_URL", "s3://"),
        ("MCP_RELIGHT_BLOB_ENDPOINT", "https://user:pass@example.com"),
        ("MCP_RELIGHT_BLOB_PUBLIC_ENDPOINT", "pictures.example.com"),
    ],
)
def test_a_bad_value_is_refused_naming_the_variable_not_the_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidArgument) as caught:
        Settings.load()
    assert variable in caught.value.message
    assert "pass" not in caught.value.message
    assert "\n" not in caught.value.message


def test_the_password_of_the_database_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("procrastinate", reason="needs the extra team")
    url = "postgresql://jobs:canary%2F0001@db.example.com/jobs"
    monkeypatch.setenv("MCP_RELIGHT_DATABASE_URL", url)
    settings = Settings.load()
    assert "canary" not in repr(settings)
    assert {url, "canary%2F0001", "canary/0001"} <= set(settings.secrets())
    assert settings.environment()["MCP_RELIGHT_DATABASE_URL"] == url


def test_an_object_store_needs_the_database_and_keeps_its_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("obstore", reason="needs the extra team")
    pytest.importorskip("procrastinate", reason="needs the extra team")
    monkeypatch.setenv("MCP_RELIGHT_BLOB_URL", "s3://pictures/relight")
    with pytest.raises(InvalidArgument, match="MCP_RELIGHT_DATABASE_URL"):
        Settings.load()
    monkeypatch.setenv("MCP_RELIGHT_DATABASE_URL", "postgresql://jobs@db.example.com/jobs")
    monkeypatch.setenv("MCP_RELIGHT_BLOB_KEY_ID", "canary-0001")
    monkeypatch.setenv("MCP_RELIGHT_BLOB_SECRET", "canary-0002")
    settings = Settings.load()
    assert settings.has_object_store
    assert "canary" not in repr(settings)
    assert {"canary-0001", "canary-0002"} <= set(settings.secrets())
    assert settings.environment()["MCP_RELIGHT_BLOB_SECRET"] == "canary-0002"


def test_a_folder_for_pictures_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_RELIGHT_BLOB_URL", "file:///srv/shared%20pictures")
    settings = Settings.load()
    assert not settings.has_object_store
    assert settings.blob_folder == Path("/srv/shared pictures")


def test_keys_never_show_in_a_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELDOJO_API_KEY", "pd_canary_0001")
    settings = Settings.load()
    assert "pd_canary_0001" not in repr(settings)
    assert "pd_canary_0001" not in str(settings.model_dump())
    assert "pd_canary_0001" in settings.secrets()


def test_the_key_of_a_plug_in_is_a_secret_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", " acme_canary_0003 ")
    monkeypatch.setenv("EMPTY_API_KEY", "")
    secrets = Settings.load().secrets()
    assert "acme_canary_0003" in secrets
    assert "" not in secrets


@pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX")
def test_a_key_file_that_others_can_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("SG_canary_0002\n")
    file.chmod(0o644)
    monkeypatch.setenv("SEGMIND_API_KEY_FILE", str(file))
    with pytest.raises(InvalidArgument, match="SEGMIND_API_KEY_FILE"):
        Settings.load().api_key("SEGMIND_API_KEY")
    file.chmod(0o600)
    key = Settings.load().api_key("SEGMIND_API_KEY")
    assert key is not None
    assert key.get_secret_value() == "SG_canary_0002"


def test_a_missing_key_file_is_refused_naming_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIXAZO_API_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(InvalidArgument, match="PIXAZO_API_KEY_FILE"):
        Settings.load().api_key("PIXAZO_API_KEY")


def test_a_worker_inherits_what_flags_set(tmp_path: Path) -> None:
    settings = Settings.load(data_dir=tmp_path, allowed_dirs=(tmp_path,), local_only=True)
    environment = settings.environment()
    assert environment["MCP_RELIGHT_DATA_DIR"] == str(tmp_path)
    assert environment["MCP_RELIGHT_ALLOWED_DIRS"] == str(tmp_path)
    assert environment["MCP_RELIGHT_LOCAL_ONLY"] == "1"


def test_the_output_folder_can_always_be_read(tmp_path: Path) -> None:
    settings = Settings.load(output_dir=tmp_path / "out", allowed_dirs=(tmp_path / "in",))
    assert settings.readable_dirs == (tmp_path / "in", tmp_path / "out")

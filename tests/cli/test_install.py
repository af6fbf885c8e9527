"""`install` and `uninstall` against every state a client's configuration file may be in."""

import json
import stat
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_relight.cli.clients import jsonc
from mcp_relight.cli.clients.places import CLIENTS, NAME
from mcp_relight.cli.main import main
from tests.matrix import slanted

SECRET = "sk-0123456789abcdef"

JSON = [name for name, client in CLIENTS.items() if client.format == "json"]

# What may be in a file of JSON; @ is what the client keeps its servers under.
TAKEN = {
    "missing": None,
    "empty": b"",
    "blank": b" \n",
    "object": b"{}",
    "root null": b"null\n",
    "null": b'{"@": null}',
    "empty servers": b'{\n  "@": {}\n}\n',
    "one line": b'{"@": {"other": {"command": "x"}}, "theme": "dark"}',
    "other key": b'{\n\t"theme": "dark",\n\t"list": [1, 2, {"a": null}]\n}\n',
    "comments": b'{ // mine\n  /* and */\n  "@": {\n    "other": {"c": "x"}, // why\n  },\n}\n',
    "comment at the end": b'{\n  "@": {\n    "other": {"c": "x"} // why\n    // more\n  }\n}\n',
    "BOM": b'\xef\xbb\xbf{"@":{}}',
    "CRLF": b'{\r\n  "@": {\r\n    "other": {"command": "x"}\r\n  }\r\n}\r\n',
    "no newline": '{\n    "@": {\n        "\u00f6ther": {"command": "\u00fc"}\n    }\n}'.encode(),
}
REFUSED = {
    "list": b"[]",
    "list of servers": b'{"@": []}',
    "text": b'{"@": "x"}',
    "cut": b'{"@": {"other": ',
    "twice": b'{"@": {}, "@": {}}',
    "UTF-16": '{"@": {}}'.encode("utf-16"),
    "entry is text": b'{"@": {"relight": "x"}}',
    "entry without a program": b'{"@": {"relight": {"url": "https://relight.example"}}}',
}
EXISTING = b"""{
  "@": {
    "relight": { // the studio's
      "command": "uvx",
      "args": ["mcp-relight", "serve", "--allow-dir", "/nas/photos"],
      "env": {
        "SEGMIND_API_KEY": "k3y" // Ann's
      },
      "disabled": false
    },
    "other": {"command": "x"}
  }
}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("APPDATA", "XDG_CONFIG_HOME", "CODEX_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MCP_RELIGHT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def laid(home: Path, name: str, data: bytes | None) -> Path:
    """The client's file with these bytes in it."""
    path = CLIENTS[name].place(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    if data is not None:
        path.write_bytes(data.replace(b"@", CLIENTS[name].key.encode()))
    return path


def values(data: bytes) -> Any:
    text = data.decode("utf-8-sig")
    return jsonc.parse(text).value if text.strip() else {}


@pytest.mark.parametrize(("name", "state"), slanted(JSON, list(TAKEN)))
def test_install_loses_nothing_and_uninstall_gives_back_every_byte(
    name: str, state: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = laid(home, name, TAKEN[state])
    before = path.read_bytes() if path.exists() else None
    done = run(capsys, "install", name)
    after = path.read_bytes()
    servers = values(after)[CLIENTS[name].key]
    assert servers.pop(NAME)["command"] == sys.executable
    old = values(before or b"") or {}
    kept = {**values(after), CLIENTS[name].key: servers}
    assert kept == {CLIENTS[name].key: {}, **{k: v for k, v in old.items() if v is not None}}
    assert [
        c for c in (b"// mine", b"// why", b"/* and */", b"// more") if c in (before or b"")
    ] == [c for c in (b"// mine", b"// why", b"/* and */", b"// more") if c in after]
    assert after.startswith(b"\xef\xbb\xbf") == (before or b"").startswith(b"\xef\xbb\xbf")
    assert (b"\r\n" in after) == (b"\r\n" in (before or b""))
    if before is not None:
        assert Path(done["backup"]).read_bytes() == before
    assert not run(capsys, "install", name)["changed"]
    assert run(capsys, "uninstall", name)["restored"]
    assert (path.read_bytes() if path.exists() else None) == before
    assert sorted(p.name for p in path.parent.iterdir() if p.is_file()) == (
        [path.name] if before is not None else []
    )


@pytest.mark.parametrize(("name", "state"), slanted(JSON, list(REFUSED)))
def test_what_cannot_be_edited_safely_is_left_as_it_is(
    name: str, state: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = laid(home, name, REFUSED[state])
    before = path.read_bytes()
    refused = run(capsys, "install", name, code=2)["error"]
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir() if p.is_file()] == [path.name]
    assert refused["hint"]


@pytest.mark.parametrize("name", JSON)
def test_an_entry_that_is_there_keeps_its_environment_folders_and_comments(
    name: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = laid(home, name, EXISTING)
    before = path.read_bytes()
    done = run(capsys, "install", name, "--allow-dir", "/mine")
    entry = values(path.read_bytes())[CLIENTS[name].key][NAME]
    assert entry["env"] == {"SEGMIND_API_KEY": "k3y"}
    assert entry["disabled"] is False
    assert entry["args"][3:] == ["serve", "--allow-dir", "/nas/photos", "--allow-dir", "/mine"]
    assert b"// the studio's" in path.read_bytes()
    assert b"// Ann's" in path.read_bytes()
    again = run(capsys, "install", name, "--log-level", "INFO")
    assert Path(done["backup"]).read_bytes() == before
    assert done["backup"] != again["backup"]
    gone = run(capsys, "uninstall", name)
    assert set(values(path.read_bytes())[CLIENTS[name].key]) == {"other"}
    assert b"k3y" in Path(gone["backup"]).read_bytes()


def test_what_others_changed_since_stays_when_the_entry_goes(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = laid(home, "cursor", TAKEN["comments"])
    run(capsys, "install", "cursor")
    path.write_bytes(path.read_bytes().replace(b"// mine", b"// mine, changed"))
    assert not run(capsys, "uninstall", "cursor")["restored"]
    assert b"// mine, changed" in path.read_bytes()
    assert set(values(path.read_bytes())["mcpServers"]) == {"other"}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_file_nobody_may_write_and_a_folder_nobody_can(
    name: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = laid(home, name, b"")
    path.chmod(0o444)
    run(capsys, "install", name, code=2)
    assert path.read_bytes() == b""
    path.unlink()
    if path.parent == home:
        return
    path.parent.rmdir()
    path.parent.parent.mkdir(exist_ok=True)
    path.parent.write_text("a file where the folder should be")
    refused = main(["install", name])
    assert refused in (1, 2)
    assert "--dry-run" in capsys.readouterr().err
    assert path.parent.read_text() == "a file where the folder should be"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_dry_run_writes_nothing(
    name: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = run(capsys, "install", name, "--dry-run", "--local-only")
    assert NAME in shown[CLIENTS[name].key]
    assert not CLIENTS[name].place(home).exists()


def test_a_link_stays_a_link_and_a_private_file_private(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = home / "dotfiles.json"
    real.write_text("{}")
    real.chmod(0o600)
    link = laid(home, "cursor", None)
    link.symlink_to(real)
    done = run(capsys, "install", "cursor")
    assert link.is_symlink()
    for path in (real, Path(done["backup"])):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


TOML = {
    "missing": None,
    "empty": "",
    "other": '# mine\nmodel = "x"\n\n[mcp_servers.other]\ncommand = "y" # why\n',
    "no newline": 'model = "x"',
    "CRLF": 'model = "x"\r\n[mcp_servers.other]\r\ncommand = "y"\r\n',
    "table after": '[mcp_servers.other]\ncommand = "y"\n\n[tui]\ntheme = "dark"\n',
}


@pytest.mark.parametrize("state", TOML)
def test_codex(state: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = TOML[state]
    path = laid(home, "codex", text.encode() if text is not None else None)
    before = path.read_bytes() if path.exists() else None
    run(capsys, "install", "codex")
    after = tomllib.loads(path.read_bytes().decode())
    assert after["mcp_servers"].pop(NAME)["command"] == sys.executable
    assert {"mcp_servers": {}, **tomllib.loads(text or "")} == after
    assert path.read_bytes().startswith(before or b"")
    run(capsys, "uninstall", "codex")
    assert (path.read_bytes() if path.exists() else None) == before


def test_codex_keeps_what_was_in_the_entry(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = laid(
        home,
        "codex",
        b'[mcp_servers.relight]\ncommand = "uvx"\nargs = [\n  "mcp-relight",\n  "serve",\n'
        b'  "--allow-dir", "/nas",\n]\nstartup_timeout_sec = 30 # slow disk\n\n'
        b'[mcp_servers.relight.env]\nSEGMIND_API_KEY = "k3y"\n\n[tui]\ntheme = "dark"\n',
    )
    run(capsys, "install", "codex")
    entry = tomllib.loads(path.read_text())["mcp_servers"][NAME]
    assert entry["env"] == {"SEGMIND_API_KEY": "k3y"}
    assert (entry["startup_timeout_sec"], entry["args"][-1]) == (30, "/nas")
    assert "# slow disk" in path.read_text()
    run(capsys, "uninstall", "codex")
    assert tomllib.loads(path.read_text()) == {"tui": {"theme": "dark"}}


@pytest.mark.parametrize(
    "text", ['mcp_servers = "x"\n', "[mcp_servers\n", 'mcp_servers = {relight = {command = "x"}}\n']
)
def test_codex_leaves_what_it_cannot_edit(
    text: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = laid(home, "codex", text.encode())
    run(capsys, "install", "codex", code=2)
    assert path.read_text() == text


YAML = {
    "missing": None,
    "empty": "",
    "settings": "GOOSE_PROVIDER: x # mine\n",
    "empty extensions": "extensions: {}\nGOOSE_PROVIDER: x\n",
    "null extensions": "extensions:\nGOOSE_PROVIDER: x\n",
    "others": "extensions:\n  # mine\n  developer:\n    enabled: true\n    type: builtin\nA: 1\n",
    "deeper": "A: 1\nextensions:\n    own:\n        enabled: true\n        args:\n        - x\n",
}


@pytest.mark.parametrize("state", YAML)
def test_goose(state: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = YAML[state]
    path = laid(home, "goose", text.encode() if text is not None else None)
    run(capsys, "install", "goose")
    after = yaml.safe_load(path.read_text())
    entry = after["extensions"].pop(NAME)
    assert (entry["cmd"], entry["args"][-1]) == (sys.executable, "serve")
    old = yaml.safe_load(text or "") or {}
    assert after == {**old, "extensions": old.get("extensions") or {}}
    assert ("# mine" in path.read_text()) == ("# mine" in (text or ""))
    assert not run(capsys, "install", "goose")["changed"]
    run(capsys, "uninstall", "goose")
    assert (path.read_text() if path.exists() else None) == text


@pytest.mark.parametrize("text", ["extensions: {a: {enabled: true}}\n", "a:\n\t- b\n", "--- x\n"])
def test_goose_leaves_what_it_cannot_edit(
    text: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = laid(home, "goose", text.encode())
    run(capsys, "install", "goose", code=2)
    assert path.read_text() == text


@pytest.mark.parametrize("name", CLIENTS)
def test_keys_go_into_files_of_their_own_or_are_named(
    name: str, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGMIND_API_KEY", SECRET)
    monkeypatch.setenv("MCP_RELIGHT_MAX_COST_USD", "0.5")
    assert run(capsys, "install", name)["keys_not_carried"] == ["SEGMIND_API_KEY"]
    done = run(capsys, "install", name, "--keys-from-shell", "--env", "MCP_RELIGHT_MAX_COST_USD")
    (key_file,) = map(Path, done["key_files"])
    env = done[CLIENTS[name].key][NAME][CLIENTS[name].env]
    assert env == {"MCP_RELIGHT_MAX_COST_USD": "0.5", "SEGMIND_API_KEY_FILE": str(key_file)}
    assert (key_file.read_text(), stat.S_IMODE(key_file.stat().st_mode)) == (SECRET, 0o600)
    assert done["keys_not_carried"] == []
    assert SECRET not in CLIENTS[name].place(home).read_text()
    assert SECRET not in json.dumps(done)


def test_a_secret_is_not_written_into_a_client_s_file(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGMIND_API_KEY", SECRET)
    refused = run(capsys, "install", "cursor", "--env", "SEGMIND_API_KEY", code=2)["error"]
    assert "--keys-from-shell" in refused["hint"]
    run(capsys, "install", "cursor", "--env", "NOT_SET_ANYWHERE", code=2)

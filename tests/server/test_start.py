"""What a server loads before its first answer: clients wait for that at every start."""

import json
from pathlib import Path

from benchmarks.cold_start import HEAVY, PROBE, first_list_s


def test_a_server_lists_its_tools_without_loading_anything_heavy(tmp_path: Path) -> None:
    loaded = tmp_path / "modules.json"
    first_list_s(PROBE.format(path=str(loaded)), str(tmp_path))
    modules = json.loads(loaded.read_text())
    assert "mcp_relight.server.tools" in modules
    assert [name for name in HEAVY if name in modules] == []

"""`owners key`: read from stdin, kept sealed, never shown."""

import json
import subprocess

from tests.world import World

KEY = "pd_sentinel_cli_0001"
RING = {"MCP_RELIGHT_KEY_RING": "a1" * 32}


def owners_key(
    world: World, *words: str, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return world.run(
        "owners", "key", *words, environment=world.environment | environment, stdin=stdin
    )


def test_a_key_is_set_listed_and_removed_without_being_shown(world: World) -> None:
    done = owners_key(world, "set", "acme", "pixeldojo", stdin=f"{KEY}\n", **RING)
    assert done.returncode == 0, done.stderr
    listed = owners_key(world, "list", "--json", **RING)
    (row,) = json.loads(listed.stdout)["keys"]
    assert (row["owner"], row["provider"], row["problem"]) == ("acme", "pixeldojo", "")
    wrong = owners_key(world, "list", MCP_RELIGHT_KEY_RING="b2" * 32)
    assert "MCP_RELIGHT_KEY_RING" in wrong.stdout
    said = "".join(one.stdout + one.stderr for one in (done, listed, wrong))
    kept = b"".join(one.read_bytes() for one in world.data.rglob("*") if one.is_file())
    assert KEY not in said
    assert KEY.encode() not in kept
    assert owners_key(world, "remove", "acme", "pixeldojo", **RING).returncode == 0
    again = owners_key(world, "remove", "acme", "pixeldojo", **RING)
    assert again.returncode != 0
    assert "There is no such key." in again.stderr


def test_a_key_is_limited_and_the_limits_are_listed(world: World) -> None:
    assert owners_key(world, "set", "acme", "pixeldojo", stdin=KEY, **RING).returncode == 0
    limit = ("limit", "acme", "pixeldojo", "--daily-budget-usd")
    assert owners_key(world, *limit, "5", "--per-minute", "30", **RING).returncode == 0
    told = owners_key(world, *limit, "-1", **RING)
    assert "At most 30 requests a minute." in told.stdout, told.stderr
    (row,) = json.loads(owners_key(world, "list", "--json", **RING).stdout)["keys"]
    assert row["limits"] == {"daily_budget_usd": None, "per_minute": 30.0}
    for words in (("limit", "bob", "pixeldojo"), (*limit[:3], "--per-minute", "0")):
        assert owners_key(world, *words, **RING).returncode == 2


def test_what_is_missing_is_named_before_a_key_is_read(world: World) -> None:
    done = owners_key(world, "set", "acme", "pixeldojo", stdin=KEY)
    assert done.returncode != 0
    assert "MCP_RELIGHT_KEY_RING" in done.stderr
    done = owners_key(world, "set", "acme", "nobody", stdin=KEY, **RING)
    assert "PROVIDER" in done.stderr
    assert KEY not in done.stderr

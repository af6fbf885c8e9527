"""`owners`: who may have how much."""

import json
from typing import Any

from tests.world import World


def told(world: World, *words: str) -> Any:
    done = world.run("owners", *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_owners_are_added_limited_listed_and_disabled(world: World) -> None:
    added = told(world, "add", "design", "--name", "Studio", "--max-open-jobs", "5")
    assert added["limits"]["max_open_jobs"] == 5
    told(world, "limit", "design", "--max-open-jobs", "-1", "--daily-budget-usd", "2.5")
    told(world, "disable", "design")
    (row,) = told(world, "list")["owners"]
    assert row["state"] == "disabled"
    assert row["limits"]["max_open_jobs"] is None
    assert row["limits"]["daily_budget_usd"] == 2.5
    assert world.run("owners", "add", "design").returncode == 2
    assert world.run("owners", "add", "local").returncode == 2
    assert world.run("owners", "limit", "nobody").returncode == 2


def test_nobody_but_the_person_at_this_machine_is_called_local(world: World) -> None:
    for owner in ("local", "_design", "Design", "d" * 41):
        for words in (("add", owner), ("token", owner), ("key", "set", owner, "pixeldojo")):
            refused = world.run("owners", *words)
            assert refused.returncode == 2, words
            assert "OWNER has at most 40" in refused.stderr + refused.stdout

"""The package keeps our own bans, and each ban is seen to bite."""

import ast
from pathlib import Path

import pytest

from tests.own_rules import RULES, Rule

_ROOT = Path(__file__).parents[1]
PACKAGE = _ROOT / "mcp_relight"
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}


@pytest.fixture(scope="session")
def parsed() -> dict[str, ast.Module]:
    """The package, by file; read where a rule is tried and not by every worker of a run."""
    return {name: ast.parse(path.read_text("utf-8")) for name, path in FILES.items()}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_package_keeps_to(rule: Rule, parsed: dict[str, ast.Module]) -> None:
    broken = [line for name, tree in parsed.items() for line in rule.broken_in(name, tree)]
    assert broken == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_violation_is_seen_of(rule: Rule) -> None:
    assert len(rule.broken_in("somewhere.py", ast.parse(rule.violation))) == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_exception_is_still_needed_of(rule: Rule, parsed: dict[str, ast.Module]) -> None:
    everywhere = Rule(rule.name, rule.check, (), rule.violation)
    for place in rule.places:
        inside = [name for name in parsed if name.startswith(place)]
        assert any(everywhere.broken_in(name, parsed[name]) for name in inside), place


def test_the_whole_package_is_read() -> None:
    assert len(FILES) > 100

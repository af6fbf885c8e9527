"""What a shell offers after the first letters of a word."""

import shutil
import subprocess

import pytest

from tests.world import World

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def offered(script: str, *words: str) -> list[str]:
    quoted = " ".join(f"'{word}'" for word in words)
    asked = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _mcp_relight"
    done = subprocess.run(
        ["bash", "-c", asked + '; printf "%s\\n" "${COMPREPLY[@]}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_bash_finishes_commands_flags_and_known_words(world: World) -> None:
    script = world.run("completion", "bash").stdout
    assert offered(script, "mcp-relight", "ana") == ["analyze"]
    assert offered(script, "mcp-relight", "relight", "--light-") == ["--light-from", "--light-at"]
    assert offered(script, "mcp-relight", "relight", "--look", "remb") == ["rembrandt"]
    assert offered(script, "mcp-relight", "install", "claude") == ["claude-desktop", "claude-code"]
    assert offered(script, "mcp-relight", "relight", "") == [], "a file: left to the shell"


def test_zsh_takes_the_same_words_and_fish_its_own(world: World) -> None:
    bash = world.run("completion", "bash").stdout
    assert world.run("completion", "zsh").stdout.endswith(bash)
    fish = world.run("completion", "fish").stdout
    line = "complete -c mcp-relight -n '__fish_seen_subcommand_from relight' -l look -x -a "
    assert f"{line}'golden_hour " in fish

"""`completion`: what a shell needs to finish words, made from the parser itself."""

import argparse
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from mcp_relight.domain.looks import LOOKS

_WORDS = {"--look": tuple(LOOKS)}
"""Flags that take a text of which some words are known."""

_BASH = """\
_mcp_relight() {{
  local command="${{COMP_WORDS[1]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  local word="${{COMP_WORDS[COMP_CWORD]}}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words={commands}
  else
    case "$command $before" in
{values}
    *)
      case "$command" in
{flags}
      esac ;;
    esac
  fi
  COMPREPLY=( $(compgen -W "$words" -- "$word") )
}}
complete -o default -F _mcp_relight mcp-relight
"""
_ZSH_FIRST = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"


@dataclass(frozen=True, slots=True)
class _Flag:
    name: str
    help: str
    takes_value: bool
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Command:
    name: str
    help: str
    flags: tuple[_Flag, ...]
    words: tuple[str, ...]
    """What its first argument may be, where that is one of a few words."""


def completion(namespace: argparse.Namespace) -> int:
    from .parser import build_parser

    commands = tuple(_commands(build_parser()))
    print(
        _fish(commands) if namespace.shell == "fish" else _bash(commands, namespace.shell), end=""
    )
    return 0


def _bash(commands: Sequence[_Command], shell: str) -> str:
    values = [
        f"    {shlex.quote(f'{command.name} {flag.name}')}) words={_quoted(flag.words)} ;;"
        for command in commands
        for flag in command.flags
        if flag.takes_value
    ]
    flags = [
        f'      {command.name}) case "$word" in\n'
        f"        -*) words={_quoted(flag.name for flag in command.flags)} ;;\n"
        f"        *) words={_quoted(command.words)} ;;\n"
        "        esac ;;"
        for command in commands
    ]
    script = _BASH.format(
        commands=_quoted(command.name for command in commands),
        values="\n".join(values),
        flags="\n".join(flags),
    )
    return (_ZSH_FIRST if shell == "zsh" else "") + script


def _fish(commands: Sequence[_Command]) -> str:
    first = "complete -c mcp-relight -n __fish_use_subcommand -f"
    lines = [f"{first} -a {one.name} -d {shlex.quote(one.help)}" for one in commands]
    for command in commands:
        start = f"complete -c mcp-relight -n '__fish_seen_subcommand_from {command.name}'"
        if command.words:
            lines.append(f"{start} -f -a {_quoted(command.words)}")
        for flag in command.flags:
            kind = "-l" if flag.name.startswith("--") else "-s"
            value = f" -x -a {_quoted(flag.words)}" if flag.words else " -r"
            takes = value if flag.takes_value else ""
            about = shlex.quote(flag.help)
            lines.append(f"{start} {kind} {flag.name.lstrip('-')}{takes} -d {about}")
    return "\n".join(lines) + "\n"


def _commands(parser: argparse.ArgumentParser) -> Iterator[_Command]:
    (commands,) = [action for action in _actions(parser) if isinstance(action.choices, dict)]
    named = cast(dict[str, argparse.ArgumentParser], commands.choices)
    for name, command in named.items():
        actions = _actions(command)
        places = [action for action in actions if not action.option_strings]
        yield _Command(
            name,
            command.description or "",
            tuple(flag for action in actions for flag in _flags(action)),
            tuple(map(str, places[0].choices or ())) if places else (),
        )


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # pyright: ignore[reportPrivateUsage] - there is no public way


def _flags(action: argparse.Action) -> Iterator[_Flag]:
    if action.help == argparse.SUPPRESS:
        return
    for name in action.option_strings:
        words = _WORDS.get(name) or tuple(map(str, action.choices or ()))
        yield _Flag(name, (action.help or "").replace("%%", "%"), action.nargs != 0, words)


def _quoted(words: "Sequence[str] | Iterator[str]") -> str:
    return shlex.quote(" ".join(words))

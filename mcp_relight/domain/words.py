"""Words in error messages, and text that callers give as JSON."""

import difflib
import json
from collections.abc import Iterable
from typing import NoReturn


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.5) -> str | None:
    """The known word most like `word`, or None when nothing is near."""
    matches = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=cutoff)
    return matches[0] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean "azimuth_deg"?`, or the empty string."""
    match = nearest(word, known)
    return f'Did you mean "{match}"?' if match else ""


def is_unset(value: object, *, null_is_a_word: bool = False) -> bool:
    """Whether this stands for nothing: models and gateways fill in what they should leave out."""
    if isinstance(value, str):
        word = value.strip()
        return not word or (word == "null" and not null_is_a_word)
    return value is None


def rule_broken(name: str, message: str) -> str:
    """`kelvin must be less than 20000.`: a pydantic message as a sentence about `name`."""
    if message.startswith("Value error, "):
        message = message.removeprefix("Value error, ")
        return f"{name} {message}." if message.startswith("must ") else f"{name}: {message}."
    _, has_rule, rule = message.partition(" should ")
    return f"{name} must {rule}." if has_rule else f"{name}: {message[:1].lower()}{message[1:]}."


def dollars(usd: float) -> str:
    """`$0.0625`: to the last digit, since a limit that is rounded down would be a lie."""
    whole, _, cents = f"{usd:.6f}".rstrip("0").partition(".")
    return f"${whole}.{cents:0<2}"


def json_text(value: object) -> str:
    """JSON as it is answered: in one line, with letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def shortened(text: str, most_chars: int) -> str:
    """At most so many characters; what was cut ends in an ellipsis."""
    return text if len(text) <= most_chars else text[: most_chars - 1].rstrip() + "…"


def printable(text: str, most_chars: int) -> str:
    """At most so many characters, without control characters or line breaks."""
    return "".join(letter for letter in text[:most_chars] if letter.isprintable())


def value_of(text: str) -> object:
    """The value of a JSON text. Raises ValueError or RecursionError, also for what Python reads
    and nobody can be sent: NaN, Infinity, numbers beyond them, halves of characters."""
    value: object = json.loads(text, parse_constant=_refuse)
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a finite number")

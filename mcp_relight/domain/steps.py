"""Steps: a number told as a change of another, such as "+10%", "-0.2" or "+300"."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_STEP = re.compile(r"([-+\N{MINUS SIGN}])\s*(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})\s*(%|[kK]|)")


class Step(float):
    """By how much to change a number; as a share of it where `is_share`."""

    is_share: bool = False

    @staticmethod
    def read(value: object) -> "Step | None":
        """The step that a signed text tells; None for anything else."""
        if not isinstance(value, str) or not (match := _STEP.fullmatch(value.strip())):
            return None
        sign, digits, unit = match.groups()
        step = Step(float(digits) * (1 if sign == "+" else -1) / (100 if unit == "%" else 1))
        step.is_share = unit == "%"
        return step

    def applied(self, number: float) -> float:
        """The number after this step, rounded to what a person would write."""
        changed = number * (1 + self) if self.is_share else number + self
        return round(changed, 4)


@dataclass(frozen=True)
class OrStep:
    """Marks a number within its limits that may also be a step, whose result is held to them;
    `example` is one, for whoever gave neither."""

    example: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(_or_step, handler(source))


def _or_step(value: object, check: Callable[[object], float | None]) -> float | None:
    return check(value) if (step := Step.read(value)) is None else step


def step_example(metadata: Iterable[object]) -> str | None:
    """A step for an argument whose field has this metadata; None where it takes none."""
    return next((mark.example for mark in metadata if isinstance(mark, OrStep)), None)

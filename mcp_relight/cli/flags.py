"""Command line flags, derived from the same classes as the tools' input schemas."""

import argparse
import json
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from mcp_relight.domain.arguments import Arguments


def add_flags(
    parser: argparse.ArgumentParser, arguments: type[Arguments], *, skip: frozenset[str]
) -> None:
    """`--light-from`, `--azimuth-deg` …: one flag for every argument but those skipped."""
    for name, field in arguments.model_fields.items():
        if name in skip:
            continue
        kind, choices = _kind(field.annotation)
        flag = "--" + name.replace("_", "-")
        text = (field.description or "").replace("%", "%%")
        if kind is bool:
            parser.add_argument(flag, dest=name, action="store_true", default=None, help=text)
        else:
            # The class checks the words of a choice itself, and reads them kindly.
            metavar = "{" + ",".join(choices) + "}" if choices else "X"
            parser.add_argument(flag, dest=name, help=text, metavar=metavar)


def given(namespace: argparse.Namespace, arguments: type[Arguments]) -> dict[str, Any]:
    """What the person typed of these arguments, still as text: the class checks it."""
    return {
        name: value
        for name in arguments.model_fields
        if (value := getattr(namespace, name, None)) is not None
    }


def one_reference(images: Sequence[str]) -> str | None:
    """What was typed as one argument: shells turn a pattern into many."""
    if len(images) > 1:
        return json.dumps(list(images))
    return images[0] if images else None


def _kind(annotation: Any) -> tuple[type, tuple[str, ...] | None]:
    """The scalar type behind Optional and Annotated, and the words it may be."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in (Union, UnionType):
        (inner,) = [option for option in get_args(annotation) if option is not NoneType]
        return _kind(inner)
    if origin is Literal:
        return str, get_args(annotation)
    return annotation, None

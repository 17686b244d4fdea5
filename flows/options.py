"""argv -> settings: the command line's options, one for each field of a settings model."""

import argparse
from collections.abc import Collection, Mapping
from pathlib import Path
from types import UnionType
from typing import Literal, Union, get_args, get_origin

from pydantic import BaseModel


def add_settings(
    parser: argparse.ArgumentParser, model: type[BaseModel], only: Collection[str] = ()
) -> None:
    """Give the parser one option for each setting; absent ones leave the other layers alone.

    Args:
        parser: of the command.
        model: its settings.
        only: the names of those that become options; none means all.
    """
    for name, field in model.model_fields.items():
        if only and name not in only:
            continue
        flag, text = f"--{name.replace('_', '-')}", (field.description or "").replace("%", "%%")
        if field.annotation is bool:
            action = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=action, default=argparse.SUPPRESS, help=text)
        else:
            metavar = _metavar(field.annotation)
            parser.add_argument(flag, default=argparse.SUPPRESS, help=text, metavar=metavar)


def given_settings(arguments: argparse.Namespace, model: type[BaseModel]) -> Mapping[str, object]:
    """Return the settings that the command line gives."""
    given = vars(arguments)
    return {name: given[name] for name in model.model_fields if name in given}


def _metavar(annotation: object) -> str:
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
    if get_origin(annotation) in (tuple, Literal):
        return "LIST"
    names = {Path: "PATH", int: "N", float: "X", str: "TEXT"}
    return names.get(annotation, "CHOICE") if isinstance(annotation, type) else "VALUE"

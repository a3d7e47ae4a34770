"""What pydantic finds wrong with a configuration, in the words of who wrote it."""

from __future__ import annotations

import difflib
import types
import typing
from typing import Annotated, Any

from pydantic import BaseModel, Tag

from motifloom.config.models import ARCHITECTURES
from motifloom.config.values import ONE, SEVERAL


def explain(problem: Any, section: type[BaseModel]) -> str:
    """Turn one of pydantic's errors about `section` into one line for a user."""
    path, known = _follow(problem["loc"], section)
    if problem["type"] == "extra_forbidden":
        key = str(problem["loc"][-1])
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
        hint = f"the nearest known key is '{nearest[0]}'" if nearest else f"known keys are {', '.join(known)}"
        return f"{path}: unknown key; {hint}"
    if problem["type"] == "missing":
        return f"{path}: missing"
    if problem["type"] == "union_tag_invalid":
        found = problem["ctx"]["tag"]
        nearest = difflib.get_close_matches(found, ARCHITECTURES, n=1)
        hint = f"; the nearest is '{nearest[0]}'" if nearest else ""
        return f"{path}: unknown architecture '{found}'; expected one of {', '.join(ARCHITECTURES)}{hint}"
    mapping = problem["type"] in {"model_type", "model_attributes_type", "dict_type"}
    message = "expected a mapping of keys" if mapping else problem["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    value = problem["input"]
    found = "" if isinstance(value, dict | list) else ", found nothing" if value is None else f", found {value!r}"
    return f"{path}: {message}{found}" if path else message


def _follow(location: tuple[int | str, ...], section: type[BaseModel]) -> tuple[str, list[str]]:
    """Follow pydantic's location of an error from `section` through the models.

    Returns
    -------
    str
        The path as the user wrote it, without the marks pydantic puts in for the member of a union.
    list[str]
        The keys known at the innermost section.
    """
    kind: Any = section
    steps: list[str] = []
    known: list[str] = []
    for step in location:
        if step in {"[key]", ONE, SEVERAL}:
            continue
        members = _members(kind)
        if len(members) > 1 and step in members:
            kind = members[str(step)]
            continue
        steps.append(str(step))
        model = next(iter(members.values()), None) if len(members) == 1 else None
        if isinstance(model, type) and issubclass(model, BaseModel):
            known = list(model.model_fields)
            field = model.model_fields.get(str(step))
            kind = field.annotation if field else None
            continue
        arguments = typing.get_args(kind)
        kind = arguments[-1] if arguments else None
    return ".".join(steps), known


def _members(kind: Any) -> dict[str, Any]:
    """Return the models `kind` may be, by the tag that pydantic puts into an error's location."""
    while typing.get_origin(kind) is Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        found: dict[str, Any] = {}
        for member in typing.get_args(kind):
            tag = next((m.tag for m in getattr(member, "__metadata__", ()) if isinstance(m, Tag)), None)
            for name, model in _members(member).items():
                found[tag or name] = model
        return found
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get("architecture")
        return {str(field.default) if field else kind.__name__: kind}
    return {}

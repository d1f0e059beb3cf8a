"""What the keys of a spec are for: the lines below them in `model`, read when they are asked for."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from itertools import pairwise

from netplan.spec import model
from netplan.spec.model import Section


@cache
def descriptions() -> dict[str, dict[str, str]]:
    """Return the description of each key, by the name of its section's class and its own."""
    tree = ast.parse(inspect.getsource(model))
    sections = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {section.name: dict(_described(section)) for section in sections}


def _described(section: ast.ClassDef) -> list[tuple[str, str]]:
    return [
        (key.target.id, inspect.cleandoc(below.value.value))
        for key, below in pairwise(section.body)
        if isinstance(key, ast.AnnAssign) and isinstance(key.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    ]


@cache
def describe() -> None:
    """Set pydantic's descriptions: in `model` it would look for them at every import, which takes long."""
    for name, described in descriptions().items():
        section: type[Section] = getattr(model, name)
        for key, text in described.items():
            section.model_fields[key].description = text
        section.model_rebuild(force=True)

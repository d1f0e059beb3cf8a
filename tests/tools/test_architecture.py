"""The picture of the rooms shows the rooms that there are."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

from tools.architecture import ARROWS, FLOORS, PICTURE, picture

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "netplan"
DRAWN = [{room.name for room in floor.rooms} for floor in FLOORS]


def test_every_package_and_module_at_the_top_is_drawn_once():
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert sorted(name for floor in DRAWN for name in floor) == sorted(packages | modules)


def test_the_floors_are_the_layers_that_import_linter_holds():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [contract["layers"] for contract in contracts if contract.get("containers") == ["netplan"]]
    rows = [[{name.strip() for name in row.split("|")} for row in contract] for contract in layers]
    assert rows == [DRAWN] * len(rows)


def test_every_arrow_stands_on_rooms_at_both_ends():
    loose = [
        (arrow, number)
        for arrow in ARROWS
        for number in (arrow.start, arrow.end)
        if not any(room.left < arrow.at < room.right for room in FLOORS[number].rooms)
    ]
    assert loose == []


def test_the_committed_picture_is_the_one_that_the_script_draws():
    assert PICTURE.read_text() == picture(), "make picture"


def test_every_package_says_what_it_may_import():
    docstrings = {path.parent.name: _docstring(path) for path in PACKAGE.glob("*/__init__.py")}
    assert {name for name, text in docstrings.items() if "It may import " not in text} == set()


def _docstring(path):
    return ast.get_docstring(ast.parse(path.read_text())) or ""

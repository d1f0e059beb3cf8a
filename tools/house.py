"""Measures how the package and its tests are laid out: rooms, floors, imports, mirrored tests, names, lengths.

A room is a module or package at the top of `netplan/`. Every figure is better the smaller it is, and every one can list
its places. `tests/tools/house.json` keeps the bounds that tests/tools/test_house.py holds the repository to.

    python tools/house.py [CHECKOUT] [--run] [--json | --missing [FIGURE]]
"""

from __future__ import annotations

import argparse
import ast
import gc
import json
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath
from typing import Any, Final

PACKAGE: Final = "netplan"
TESTS: Final = "tests"
OUTSIDE: Final = frozenset({"__init__", "__main__"})
"""The modules that are no rooms and have no tests of their own."""
EACH_OR_FOUND: Final = frozenset({"each", "found"})
VAGUE: Final = EACH_OR_FOUND | {"made", "gone", "held", "told", "asked"}
"""Names that say nothing of the thing that they name."""
PERSONS: Final = ("somebody", "someone", "nobody", "anybody", "anyone", "everybody", "everyone", "whoever")
"""Persons in place of the program, the user or the caller that is meant."""
LONG_MODULE: Final = 300
"""Lines above which a module is long."""
SPEC: Final = "specs/hdss7.yaml"
"""The spec whose plan from the records below state/ is run by `--run`."""

_PERSON: Final = re.compile(rf"(?<![a-z])(?:{'|'.join(PERSONS)})(?=s?(?![a-z]))", re.IGNORECASE)
_GIVE: Final = re.compile(r"Gives?\b")
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_DOCUMENTED: Final = (ast.Module, ast.ClassDef, *_FUNCTIONS)
_NAMING: Final = (ast.Name, ast.arg, ast.MatchAs, ast.MatchStar)
_MEASURED: Final = (*_DOCUMENTED, *_NAMING, ast.Import, ast.ImportFrom)
_PROFILED: Final = """
import atexit, os, runpy, sys

package = os.path.join(os.getcwd(), "netplan", "")
entered = set()
importing = 0


def note(frame, event, _):
    global importing
    code = frame.f_code
    if code.co_name == "<module>":
        if frame.f_globals.get("__name__") != "__main__":
            importing += {"call": 1, "return": -1}.get(event, 0)
    elif event == "call" and not importing and code.co_filename.startswith(package):
        entered.add(code.co_filename.removeprefix(package))


atexit.register(lambda: os.write(2, "\\n".join(["", *sorted(entered)]).encode()))
sys.setprofile(note)
runpy.run_module("netplan", run_name="__main__", alter_sys=True)
"""
"""Runs podnet, then names the files in which functions were called, but those calls that an import makes, on stderr."""


@dataclass(frozen=True)
class Text:
    """A file of the checkout: its path from there, and what is written in it."""

    path: PurePosixPath
    text: str

    @cached_property
    def lines(self) -> Sequence[str]:
        """Return the lines without their ends."""
        return self.text.splitlines()

    @cached_property
    def nodes(self) -> Sequence[ast.AST]:
        """Return the nodes of a Python file's syntax tree that are measured."""
        return [node for node in ast.walk(ast.parse(self.text, str(self.path))) if isinstance(node, _MEASURED)]


@dataclass(frozen=True)
class House:
    """What is measured: the Python files of the package and of its tests, the documents, import-linter's contracts."""

    checkout: Path
    package: Sequence[Text]
    tests: Sequence[Text]
    documents: Sequence[Text]
    contracts: Sequence[Mapping[str, Any]]

    @cached_property
    def rooms(self) -> frozenset[str]:
        """Return the names of the modules and packages at the top of the package."""
        return frozenset(name for text in self.package if (name := _room(text.path)) not in OUTSIDE)

    @cached_property
    def arrows(self) -> Mapping[tuple[str, str], str]:
        """Return the place of the first import of one room by another, by importer and imported."""
        arrows: dict[tuple[str, str], str] = {}
        for text in self.package:
            for line, imported in _imports(text):
                arrow = (_room(text.path), imported)
                if arrow[0] in self.rooms and imported in self.rooms and arrow[0] != imported:
                    arrows.setdefault(arrow, f"{text.path}:{line}")
        return arrows

    @cached_property
    def layers(self) -> Sequence[frozenset[str]]:
        """Return the rooms of each layer, the highest first; those of one layer do not know each other."""
        for contract in self.contracts:
            if contract["type"] == "layers" and contract.get("containers", [PACKAGE]) == [PACKAGE]:
                return [
                    frozenset(name.removeprefix(f"{PACKAGE}.") for name in _names(row)) for row in contract["layers"]
                ]
        return []

    @cached_property
    def functions(self) -> Sequence[tuple[int, str]]:
        """Return length in lines and place of every function of the package, the longest first."""
        return sorted(
            (
                (_end(node) - node.lineno + 1, f"{text.path}:{node.lineno} {node.name}")
                for text in self.package
                for node in text.nodes
                if isinstance(node, _FUNCTIONS)
            ),
            reverse=True,
        )


@dataclass(frozen=True)
class Figure:
    """A number that may only shrink, and the places that it counts."""

    value: float
    places: Sequence[str]


def main(words: Sequence[str] | None = None) -> None:
    """Print the figures of a checkout: as a table, as JSON, or with the places that they count."""
    parser = argparse.ArgumentParser(description="Measure how the package and its tests are laid out.")
    parser.add_argument("checkout", nargs="?", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--run", action="store_true", help="run `plan` from records too, and count the files it enters")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print the figures as JSON")
    output.add_argument(
        "--missing", nargs="?", const="", metavar="FIGURE", help="list the places of one or all figures"
    )
    options = parser.parse_args(words)
    figures = measure(read(options.checkout), run=options.run)
    if options.json:
        print(json.dumps({name: figure.value for name, figure in figures.items()}, indent=2))
    elif options.missing is None:
        for name, figure in figures.items():
            print(f"{figure.value:>7g}  {TITLES[name]} ({name})")
    elif options.missing and options.missing not in figures:
        parser.error(f"no figure {options.missing}; the figures are {', '.join(figures)}")
    else:
        for name in [options.missing] if options.missing else figures:
            print(f"{name} {figures[name].value:g}: {TITLES[name]}", *figures[name].places, sep="\n  ")


def read(checkout: Path) -> House:
    """Return what is measured of a checkout; what it does not have of all this counts as empty."""
    project = checkout / "pyproject.toml"
    tools = tomllib.loads(project.read_text()).get("tool", {}) if project.exists() else {}
    return House(
        checkout,
        package=_texts(checkout, f"{PACKAGE}/**/*.py"),
        tests=_texts(checkout, f"{TESTS}/**/*.py"),
        documents=_texts(checkout, "README.md", "CHANGELOG.md", "Makefile", "docs/**/*.md"),
        contracts=tools.get("importlinter", {}).get("contracts", []),
    )


def measure(house: House, *, run: bool) -> Mapping[str, Figure]:
    """Return every figure by its name; the ones that run podnet only if `run`.

    Meanwhile no garbage is collected: all syntax trees stay, and looking through them takes as long as the rest.
    """
    functions = [*FROM_SOURCE, *(FROM_A_RUN if run else ())]
    gc.disable()
    try:
        return {function.__name__: function(house) for function in functions}
    finally:
        gc.enable()


def top_modules(house: House) -> Figure:
    """Modules at the top of the package."""
    return _count(f"{PACKAGE}/{name}.py" for name in house.rooms - _packages(house))


def top_packages(house: House) -> Figure:
    """Packages at the top of the package."""
    return _count(f"{PACKAGE}/{name}/" for name in _packages(house))


def floors(house: House) -> Figure:
    """Floors: the longest chain of rooms that import each other.

    Rooms that a circle holds up stand on a floor each, so that a circle never makes a house lower.
    """
    sorter = TopologicalSorter(
        {room: {below for above, below in house.arrows if above == room} for room in house.rooms}
    )
    waiting = set(house.rooms)
    places = []
    try:
        sorter.prepare()
    except CycleError as error:
        places.append(f"in a circle: {' -> '.join(reversed(error.args[1]))}")
    levels = 0
    while ready := sorter.get_ready():
        levels += 1
        places.append(f"floor {levels}: {' '.join(sorted(ready))}")
        sorter.done(*ready)
        waiting.difference_update(ready)
    return Figure(levels + len(waiting), places)


def arrows(house: House) -> Figure:
    """Arrows: pairs of rooms of which one imports the other."""
    return _count(f"{place} {above} -> {below}" for (above, below), place in house.arrows.items())


def arrows_upwards(house: House) -> Figure:
    """Arrows that lead to a higher layer of import-linter, or to a neighbour in the same one."""
    level = {room: number for number, row in enumerate(house.layers) for room in row}
    return _count(
        f"{place} {above} -> {below}"
        for (above, below), place in house.arrows.items()
        if above in level and below in level and level[above] >= level[below]
    )


def layer_rows(house: House) -> Figure:
    """Rows of import-linter's layers, in all of its contracts."""
    return _count(_layer_rows(house))


def layer_names(house: House) -> Figure:
    """Names in import-linter's layers, in all of its contracts."""
    return _count(name for row in _layer_rows(house) for name in _names(row))


def listed_modules(house: House) -> Figure:
    """Modules that import-linter's other contracts list by hand."""
    return _count(name for contract in house.contracts for name in contract.get("source_modules", ()))


def unmirrored_modules(house: House) -> Figure:
    """Modules a/b.py of the package with functions, other than those of protocols, without tests/a/test_b.py."""
    tests = {text.path for text in house.tests}
    return _count(
        f"{text.path} has no {test}"
        for text in house.package
        if text.path.stem not in OUTSIDE and (test := _mirrored(text.path)) not in tests and _has_functions(text)
    )


def each_or_found(house: House) -> Figure:
    """Names `each` and `found`, per 1,000 lines of the package."""
    return _rate(_uses(house.package, EACH_OR_FOUND), house.package)


def vague_names(house: House) -> Figure:
    """Vague names (each, found, made, gone, held, told, asked), per 1,000 lines of the package."""
    return _rate(_uses(house.package, VAGUE), house.package)


def vague_names_in_tests(house: House) -> Figure:
    """Vague names, per 1,000 lines of the tests."""
    return _rate(_uses(house.tests, VAGUE), house.tests)


def unnamed_persons(house: House) -> Figure:
    """Words such as "somebody" in code, names, tests and documents, per 1,000 lines."""
    texts = [*house.package, *house.tests, *house.documents]
    places = (
        f"{text.path}:{number} {person}"
        for text in texts
        for number, line in enumerate(text.lines, 1)
        for person in _PERSON.findall(line)
    )
    return _rate(places, texts)


def give_docstrings(house: House) -> Figure:
    """Docstrings that begin with "Give" instead of "Return", in package and tests."""
    return _count(
        f"{text.path}:{node.body[0].lineno}"
        for text in [*house.package, *house.tests]
        for node in text.nodes
        if isinstance(node, _DOCUMENTED) and _GIVE.match(ast.get_docstring(node) or "")
    )


def function_median(house: House) -> Figure:
    """Lines of a function of the package: the median."""
    return Figure(statistics.median(_lengths(house)), _longest_first(house))


def function_p90(house: House) -> Figure:
    """Lines of a function of the package: nine of ten have at most that many."""
    lengths = _lengths(house)
    return Figure(lengths[len(lengths) // 10], _longest_first(house))


def function_max(house: House) -> Figure:
    """Lines of the longest function of the package."""
    return Figure(_lengths(house)[0], _longest_first(house))


def long_modules(house: House) -> Figure:
    """Modules of the package of more than 300 lines."""
    return _count(f"{text.path} {len(text.lines)}" for text in house.package if len(text.lines) > LONG_MODULE)


def files_of_a_plan(house: House) -> Figure:
    """Files of the package in which `plan` from records calls a function."""
    command = [sys.executable, "-c", _PROFILED, "plan", SPEC]
    ended = subprocess.run(command, cwd=house.checkout, capture_output=True, text=True, check=False)
    if ended.returncode not in (0, 2):
        raise SystemExit(f"house: `plan {SPEC}` in {house.checkout} fails: {ended.stderr}")
    return _count(f"{PACKAGE}/{line}" for line in ended.stderr.splitlines() if line.endswith(".py"))


FROM_SOURCE: Final[Sequence[Callable[[House], Figure]]] = (
    top_modules,
    top_packages,
    floors,
    arrows,
    arrows_upwards,
    layer_rows,
    layer_names,
    listed_modules,
    unmirrored_modules,
    each_or_found,
    vague_names,
    vague_names_in_tests,
    unnamed_persons,
    give_docstrings,
    function_median,
    function_p90,
    function_max,
    long_modules,
)
FROM_A_RUN: Final[Sequence[Callable[[House], Figure]]] = (files_of_a_plan,)
TITLES: Final[Mapping[str, str]] = {
    function.__name__: (function.__doc__ or "").splitlines()[0].rstrip(".") for function in [*FROM_SOURCE, *FROM_A_RUN]
}
"""What each figure is, in a line."""


def _texts(checkout: Path, *patterns: str) -> Sequence[Text]:
    """Return the files that match, in the order of their paths."""
    paths = sorted(path for pattern in patterns for path in checkout.glob(pattern))
    return [Text(PurePosixPath(path.relative_to(checkout)), path.read_text(encoding="utf-8")) for path in paths]


def _room(path: PurePosixPath) -> str:
    """Return the room that a file of the package belongs to."""
    return path.parts[1].removesuffix(".py")


def _packages(house: House) -> frozenset[str]:
    """Return the rooms that are packages."""
    return frozenset(_room(text.path) for text in house.package if len(text.path.parts) > len((PACKAGE, "room.py")))


def _imports(text: Text) -> Iterator[tuple[int, str]]:
    """Return line and name of everything at the top of the package that a module imports."""
    for node in text.nodes:
        match node:
            case ast.Import():
                imported = [alias.name.split(".") for alias in node.names]
            case ast.ImportFrom():
                above = text.path.parent.parts[: len(text.path.parent.parts) - node.level + 1] if node.level else ()
                start = [*above, *(node.module.split(".") if node.module else ())]
                imported = [[*start, alias.name] for alias in node.names]
            case _:
                continue
        for name in imported:
            if name[0] == PACKAGE and name[1:]:
                yield node.lineno, name[1]


def _names(row: str) -> Iterator[str]:
    """Return the names of one row of layers, optional ones too."""
    return (name.strip(" ()") for name in re.split(r"[|:]", row))


def _layer_rows(house: House) -> Iterator[str]:
    """Return the rows of all contracts about layers."""
    return (row for contract in house.contracts for row in contract.get("layers", ()))


def _mirrored(path: PurePosixPath) -> PurePosixPath:
    """Return where the tests of a module belong."""
    return PurePosixPath(TESTS, *path.parts[1:-1], f"test_{path.name}")


def _has_functions(text: Text) -> bool:
    """Return whether a module has a function or method that does something: those of a protocol only say what would."""
    protocols = [node for node in text.nodes if isinstance(node, ast.ClassDef) and _is_protocol(node)]
    declared = {id(node) for protocol in protocols for node in protocol.body}
    return any(isinstance(node, _FUNCTIONS) and id(node) not in declared for node in text.nodes)


def _is_protocol(node: ast.ClassDef) -> bool:
    """Return whether a class is a protocol by its bases: `Protocol`, or `Protocol[Value]`."""
    bases = (base.value if isinstance(base, ast.Subscript) else base for base in node.bases)
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in bases)


def _uses(texts: Iterable[Text], names: frozenset[str]) -> Iterator[str]:
    """Return the places where some names are bound or read as variables or arguments; attributes are none."""
    for text in texts:
        for node in text.nodes:
            match node:
                case (
                    ast.Name(id=str(name))
                    | ast.arg(arg=str(name))
                    | ast.MatchAs(name=str(name))
                    | ast.MatchStar(name=str(name))
                ) if name in names:
                    yield f"{text.path}:{node.lineno} {name}"
                case _:
                    pass


def _end(node: ast.stmt) -> int:
    """Return the last line of a statement."""
    return node.end_lineno or node.lineno


def _lengths(house: House) -> Sequence[int]:
    """Return the lengths of all functions, the longest first; a package without any has one of no line."""
    return [length for length, _ in house.functions] or [0]


def _longest_first(house: House) -> Sequence[str]:
    """Return the places of all functions with their lengths, the longest first."""
    return [f"{place} {length}" for length, place in house.functions]


def _count(places: Iterable[str]) -> Figure:
    """Return how many places there are."""
    listed = sorted(places)
    return Figure(len(listed), listed)


def _rate(places: Iterable[str], texts: Iterable[Text]) -> Figure:
    """Return how many places there are in 1,000 lines of some texts, to one decimal."""
    listed = [*places]
    return Figure(round(1000 * len(listed) / max(1, sum(len(text.lines) for text in texts)), 1), listed)


if __name__ == "__main__":
    main()

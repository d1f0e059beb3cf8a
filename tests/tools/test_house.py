"""How the layout of the repository is measured, on small made-up checkouts; and that none of its figures gets worse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import house

ROOT = Path(__file__).parents[2]
BOUNDS = json.loads(Path(__file__).with_name("house.json").read_text())
LAYERS = """
[[tool.importlinter.contracts]]
type = "layers"
layers = ["netplan.cli", "netplan.plan | netplan.apply", "(netplan.net)"]
[[tool.importlinter.contracts]]
type = "forbidden"
source_modules = ["netplan.plan", "netplan.net"]
"""
CONTAINED = """
[[tool.importlinter.contracts]]
type = "layers"
containers = ["netplan.kinds"]
layers = ["route", "net : plan"]
[[tool.importlinter.contracts]]
type = "layers"
containers = ["netplan"]
layers = ["plan", "net"]
"""
PLAN = """
import sys

def run():
    from netplan import used, idle
    used.work()
    sys.exit(0)
"""


@pytest.fixture
def figure(tmp_path):
    """Measure one figure of a checkout that is made of some files."""

    def measured(function, files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return function(house.read(tmp_path))

    return measured


def function_of(lines):
    return f"def function_{lines}():\n" + "    pass\n" * (lines - 1)


def test_the_top_is_its_modules_and_packages_without_the_package_itself(figure):
    files = dict.fromkeys(["__init__.py", "__main__.py", "net.py", "kinds/__init__.py", "kinds/link/value.py"], "")
    files = {f"netplan/{name}": text for name, text in files.items()}
    assert figure(house.top_modules, files) == house.Figure(1, ["netplan/net.py"])
    assert figure(house.top_packages, files) == house.Figure(1, ["netplan/kinds/"])


@pytest.mark.parametrize(
    "line",
    [
        "import netplan.net",
        "import netplan.net as other",
        "from netplan import net",
        "from netplan.net import Prefix",
        "from .. import net",
        "from ..net import Prefix",
        "def late():\n    from netplan import net",
        "if TYPE_CHECKING:\n    from netplan import net",
    ],
)
def test_an_import_is_an_arrow_however_it_is_written(figure, line):
    files = {"netplan/net.py": "", "netplan/cli/main.py": line}
    assert figure(house.arrows, files) == house.Figure(1, [f"netplan/cli/main.py:{line.count(chr(10)) + 1} cli -> net"])


def test_rooms_have_one_arrow_however_often_one_imports_the_other(figure):
    files = {
        "netplan/net.py": "import os\nfrom netplan import __version__",
        "netplan/cli/main.py": "from netplan.cli import options\nfrom netplan import net",
        "netplan/cli/options.py": "from netplan import net\nfrom netplan.net import Prefix",
    }
    assert figure(house.arrows, files) == house.Figure(1, ["netplan/cli/main.py:2 cli -> net"])


def test_the_floors_are_the_longest_chain_of_imports(figure):
    files = {
        "netplan/cli.py": "from netplan import plan, net",
        "netplan/plan.py": "from netplan import net",
        "netplan/net.py": "",
        "netplan/text.py": "",
    }
    assert figure(house.floors, files) == house.Figure(3, ["floor 1: net text", "floor 2: plan", "floor 3: cli"])


def test_each_room_above_a_circle_or_in_it_is_a_floor_and_the_circle_is_named(figure):
    files = {
        "netplan/cli.py": "from netplan import plan",
        "netplan/plan.py": "from netplan import apply",
        "netplan/apply.py": "from netplan import plan, net",
        "netplan/net.py": "",
    }
    measured = figure(house.floors, files)
    assert (measured.value, measured.places[1:]) == (4, ["floor 1: net"])
    assert measured.places[0] in ("in a circle: plan -> apply -> plan", "in a circle: apply -> plan -> apply")


@pytest.mark.parametrize(
    ("importer", "imported", "places"),
    [
        ("cli", "net", []),
        ("net", "cli", ["netplan/net.py:1 net -> cli"]),
        ("apply", "plan", ["netplan/apply.py:1 apply -> plan"]),
        ("net", "outside", []),
    ],
)
def test_an_arrow_leads_upwards_if_it_leads_to_a_higher_layer_or_to_its_own(figure, importer, imported, places):
    files = {"pyproject.toml": LAYERS, f"netplan/{importer}.py": f"from netplan import {imported}"}
    files[f"netplan/{imported}.py"] = ""
    assert figure(house.arrows_upwards, files) == house.Figure(len(places), places)


def test_the_order_of_the_rooms_is_the_one_whose_container_is_the_whole_package(figure):
    files = {"pyproject.toml": CONTAINED, "netplan/net.py": "from netplan import plan", "netplan/plan.py": ""}
    assert figure(house.arrows_upwards, files) == house.Figure(1, ["netplan/net.py:1 net -> plan"])


def test_what_the_contracts_list_by_hand_is_counted_over_all_contracts(figure):
    files = {"pyproject.toml": LAYERS + CONTAINED}
    assert figure(house.layer_rows, files).value == 7
    assert sorted(figure(house.layer_names, files).places) == sorted(
        ["netplan.cli", "netplan.plan", "netplan.apply", "netplan.net", "route", "net", "plan", "plan", "net"]
    )
    assert figure(house.listed_modules, files) == house.Figure(2, ["netplan.net", "netplan.plan"])


def test_a_module_is_mirrored_by_a_test_at_the_same_path(figure):
    paths = ["netplan/__init__.py", "netplan/net.py", "netplan/kinds/link.py", "netplan/kinds/route.py"]
    mirrored = dict.fromkeys(["tests/test_net.py", "tests/kinds/test_route.py", "tests/test_link.py"], "")
    files = mirrored | dict.fromkeys(paths, "def read(): ...")
    assert figure(house.unmirrored_modules, files) == house.Figure(
        1, ["netplan/kinds/link.py has no tests/kinds/test_link.py"]
    )


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("def read(): ...", 1),
        ("class Link:\n    def read(self): ...", 1),
        ("class Kernel(Protocol):\n    def read(self): ...", 0),
        ("class Kernel(Protocol[Value]):\n    def read(self): ...\ndef write(): ...", 1),
        ("MTU = 1500\nclass Link:\n    mtu: int", 0),
    ],
)
def test_only_a_module_with_functions_needs_tests(figure, text, needed):
    assert figure(house.unmirrored_modules, {"netplan/net.py": text}).value == needed


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("each = 1", ["each"]),
        ("call(found)", ["found"]),
        ("def call(each, *found): pass", ["each", "found"]),
        ("for each in links: each", ["each", "each"]),
        ("match link:\n    case [each, *found]: pass", ["each", "found"]),
        ("link.found = 'each'  # found", []),
        ("reached = made", []),
    ],
)
def test_each_and_found_are_counted_where_they_are_bound_or_read(figure, line, names):
    measured = figure(house.each_or_found, {"netplan/net.py": line, "tests/test_net.py": "found = 1"})
    assert sorted(place.split()[1] for place in measured.places) == names


def test_names_are_counted_per_thousand_lines(figure):
    files = {"netplan/net.py": "link = 1\n" * 397 + "each = made = 1\n", "netplan/text.py": "told, link = 1, 1\n" * 2}
    files["tests/test_net.py"] = "asked = 1\nlink = 1\n"
    assert figure(house.each_or_found, files).value == 2.5
    assert figure(house.vague_names, files).value == 10
    assert figure(house.vague_names_in_tests, files) == house.Figure(500, ["tests/test_net.py:1 asked"])


@pytest.mark.parametrize("name", ["netplan/net.py", "tests/test_net.py", "README.md", "docs/deep/page.md", "Makefile"])
@pytest.mark.parametrize("person", house.PERSONS)
def test_an_unnamed_person_is_counted_wherever_it_is_written(figure, name, person):
    text = f'# a\n"""What {person.title()}\'s link is."""\n"un{person}ly"\n'
    assert figure(house.unnamed_persons, {name: text}) == house.Figure(333.3, [f"{name}:2 {person.title()}"])


def test_an_unnamed_person_is_counted_within_a_name(figure):
    text = "def test_route_in_nobodys_way():\n    pass\n"
    assert figure(house.unnamed_persons, {"tests/test_net.py": text}).places == ["tests/test_net.py:1 nobody"]


def test_a_docstring_should_not_begin_with_give(figure):
    text = (
        '"""Gives a link."""\n\ndef call():\n    """Give it."""\n    "Give"\n\nclass Link:\n    """Given by name."""\n'
    )
    files = {"netplan/net.py": text, "tests/test_net.py": '"""Give."""'}
    places = ["netplan/net.py:1", "netplan/net.py:4", "tests/test_net.py:1"]
    assert figure(house.give_docstrings, files) == house.Figure(3, places)


def test_functions_are_measured_in_lines(figure):
    lengths = [2, 2, 2, 3, 3, 3, 4, 4, 4, 11, 20]
    files = {"netplan/net.py": "".join(map(function_of, lengths)), "tests/test_net.py": function_of(99)}
    assert figure(house.function_median, files).value == 3
    assert figure(house.function_p90, files).value == 11
    assert figure(house.function_max, files).value == 20
    assert figure(house.function_max, files).places[0] == "netplan/net.py:39 function_20 20"


def test_a_checkout_without_functions_has_functions_of_no_line(figure):
    assert figure(house.function_median, {}) == house.Figure(0, [])


def test_a_module_is_long_above_300_lines(figure):
    files = {"netplan/net.py": "\n" * 300, "netplan/text.py": "\n" * 301}
    assert figure(house.long_modules, files) == house.Figure(1, ["netplan/text.py 301"])


def test_a_plan_enters_the_files_of_which_it_calls_a_function_after_their_import(figure):
    files = {
        "netplan/__init__.py": "",
        "netplan/__main__.py": "from netplan import plan\nplan.run()\n",
        "netplan/plan.py": PLAN,
        "netplan/used.py": "def work(): pass\n",
        "netplan/idle.py": "class Link: pass\n\ndef work(): pass\n\nwork()\n",
    }
    assert figure(house.files_of_a_plan, files) == house.Figure(2, ["netplan/plan.py", "netplan/used.py"])


def test_a_plan_that_fails_has_no_figure(figure):
    with pytest.raises(SystemExit, match=r"house: `plan specs/hdss7.yaml` in .* fails: (?s:.*)no such spec"):
        figure(house.files_of_a_plan, {"netplan/__main__.py": "raise SystemExit('no such spec')"})


def test_the_table_says_what_each_figure_is(tmp_path, capsys):
    house.main([str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(house.FROM_SOURCE)
    assert lines[0] == "      0  Modules at the top of the package (top_modules)"


def test_the_figures_are_json_by_name(tmp_path, capsys):
    house.main([str(tmp_path), "--json"])
    assert json.loads(capsys.readouterr().out) == dict.fromkeys(
        (function.__name__ for function in house.FROM_SOURCE), 0
    )


def test_the_places_of_one_figure_are_listed(tmp_path, capsys):
    (tmp_path / "netplan").mkdir()
    (tmp_path / "netplan" / "net.py").write_text("found = 1\n")
    house.main([str(tmp_path), "--missing", "each_or_found"])
    title = "Names `each` and `found`, per 1,000 lines of the package"
    assert capsys.readouterr().out == f"each_or_found 1000: {title}\n  netplan/net.py:1 found\n"


def test_the_places_of_all_figures_are_listed_without_a_name(tmp_path, capsys):
    house.main([str(tmp_path), "--missing"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        function.__name__ for function in house.FROM_SOURCE
    ]


def test_a_figure_that_is_none_is_refused_with_the_names_of_all(tmp_path, capsys):
    with pytest.raises(SystemExit):
        house.main([str(tmp_path), "--missing", "rooms"])
    assert "no figure rooms; the figures are top_modules, top_packages, floors" in capsys.readouterr().err


@pytest.mark.slow
def test_no_figure_of_the_repository_gets_worse():
    figures = house.measure(house.read(ROOT), run=True)
    worse = [
        f"{name} rose from {BOUNDS[name]:g} to {figure.value:g}: {house.TITLES[name]}; "
        f"`python tools/house.py --run --missing {name}` lists the places, tests/tools/house.json keeps the bounds"
        for name, figure in figures.items()
        if figure.value > BOUNDS[name]
    ]
    assert worse == [], "\n".join(worse)


def test_the_bounds_are_those_of_the_figures():
    assert list(BOUNDS) == [function.__name__ for function in [*house.FROM_SOURCE, *house.FROM_A_RUN]]

"""Nodes in a file of their own are the nodes that the spec would have, with the same errors at their places there."""

from __future__ import annotations

import csv
import io
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.errors import SpecError
from netplan.spec.load import read
from netplan.spec.nodesfile import parse_nodes
from tests.spec.factory import spec_text

NODES: dict[str, dict[str, object]] = {
    "a": {"address": "10.4.7.21/24", "subnet": "172.7.21.0/24"},
    "b": {"address": "10.4.7.22/24", "subnet": "172.7.22.0/24", "mtu": 1450, "blackhole": True},
}
TABLE = """name,address,subnet,mtu,blackhole
a,10.4.7.21/24,172.7.21.0/24,,
b,10.4.7.22/24,172.7.22.0/24,1450,true
"""
LINES = "".join(json.dumps({"name": name, **node}) + "\n" for name, node in NODES.items())
SPEC = spec_text("a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}")
HEAD = SPEC[: SPEC.index("nodes:")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    return tmp_path / "specs"


def load(folder, name, text, spec=None):
    """Read a spec whose nodes are in a file beside it."""
    (folder / name).write_text(text, newline="")
    (folder / "spec.yaml").write_text(f"{HEAD}nodes_file: {name}\n" if spec is None else spec)
    return read((folder / "spec.yaml").relative_to(folder.parent))


def mistakes(folder, name, text, spec=None):
    """Return the problems of such a spec as text."""
    with pytest.raises(SpecError) as caught:
        load(folder, name, text, spec)
    return [f"{problem.at}: {problem.message}" for problem in caught.value.problems]


def inline(folder):
    (folder / "inline.yaml").write_text(
        HEAD + "nodes:\n" + "".join(f"  {json.dumps(n)}: {json.dumps(NODES[n])}\n" for n in NODES)
    )
    return read(folder / "inline.yaml")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nodes.csv", TABLE),
        ("nodes.jsonl", LINES),
        ("nodes.csv", "\ufeff" + TABLE.replace("\n", "\r\n")),
        ("nodes.csv", TABLE.replace(",", " , ") + "\n\n"),
        ("nodes.csv", TABLE.replace("a,", '"a",').replace("172.7.21.0/24", '"172.7.21.0/24" ')),
        ("nodes.jsonl", LINES.replace("}", ', "ipv6_address": null}').replace("{", " { ")),
    ],
)
def test_nodes_of_a_file_are_those_of_the_spec(folder, name, text):
    loaded = load(folder, name, text)
    assert (loaded.model.nodes, loaded.subnets) == (inline(folder).model.nodes, inline(folder).subnets)


def test_a_node_knows_its_line_in_the_file(folder):
    assert [str(node.at) for node in load(folder, "nodes.csv", TABLE).topology.nodes] == [
        "specs/nodes.csv:2:1",
        "specs/nodes.csv:3:1",
    ]


def test_nodes_of_the_spec_stand_beside_those_of_the_file(folder):
    both = SPEC + "nodes_file: nodes.csv\n"
    loaded = load(folder, "nodes.csv", "name,address,subnet\nz,10.4.7.29/24,172.7.29.0/24\n", both)
    assert [(node.name, node.at.path) for node in loaded.topology.nodes] == [
        ("a", "specs/spec.yaml"),
        ("z", "specs/nodes.csv"),
    ]


def test_the_digest_of_a_spec_is_another_one_with_other_nodes(folder):
    first = load(folder, "nodes.csv", TABLE).sha256
    assert load(folder, "nodes.csv", TABLE.replace("1450", "1400")).sha256 != first


MISTAKES = {
    "a value of a table": (
        "nodes.csv",
        TABLE.replace("10.4.7.22/24", "10.4.7.22"),
        "specs/nodes.csv:3:3: nodes.b.address: 10.4.7.22 has no prefix length; write it as 10.4.7.22/24",
    ),
    "a quoted value of a table": (
        "nodes.csv",
        'name,address,subnet\na,"10.4.7.21/24","172.7.21.0"\n',
        "specs/nodes.csv:2:18: nodes.a.subnet: 172.7.21.0 has no prefix length; write it as 172.7.21.0/24",
    ),
    "a number of a table": (
        "nodes.csv",
        TABLE.replace("1450", "many"),
        "specs/nodes.csv:3:30: nodes.b.mtu: expected auto or a whole number from 576 to 65535, found 'many'",
    ),
    "a value of an object": (
        "nodes.jsonl",
        LINES.replace("10.4.7.22/24", "10.4.7.22"),
        "specs/nodes.jsonl:2:26: nodes.b.address: 10.4.7.22 has no prefix length; write it as 10.4.7.22/24",
    ),
    "a key of an object": (
        "nodes.jsonl",
        LINES.replace("mtu", "mtuu"),
        "specs/nodes.jsonl:2:69: nodes.b.mtuu: there is no such key",
    ),
    "a title": ("nodes.csv", TABLE.replace("mtu", "mtuu"), "specs/nodes.csv:1:21: mtuu: there is no such key"),
    "a title that stands twice": (
        "nodes.csv",
        "name,address,address\n",
        "specs/nodes.csv:1:14: the column address stands twice",
    ),
    "no names": ("nodes.csv", "address,subnet\n", "specs/nodes.csv:1:1: no column is called name"),
    "what no cell can hold": ("nodes.csv", "name,routes\n", "specs/nodes.csv:1:6: routes does not fit into a cell"),
    "a cell too few": (
        "nodes.csv",
        TABLE + "c,10.4.7.23/24\n",
        "specs/nodes.csv:4:1: expected 5 cells as in the first line, found 2",
    ),
    "quotes": ("nodes.csv", TABLE + 'c,"10,,,\n', "specs/nodes.csv:4:1: the quotes of this line don't match"),
    "quotes far to the right": (
        "nodes.csv",
        TABLE + f'c,{" " * 100_000}a"\n',
        "specs/nodes.csv:4:1: the quotes of this line don't match",
    ),
    "a node twice": (
        "nodes.csv",
        TABLE + "a,10.4.7.23/24,172.7.23.0/24,,\n",
        "specs/nodes.csv:4:1: the node a stands twice in this file",
    ),
    "a name that is none": (
        "nodes.csv",
        TABLE + "c d,10.4.7.23/24,172.7.23.0/24,,\n",
        "specs/nodes.csv:4:1: nodes.c d: 'c d' is not a name: 1 to 63 letters",
    ),
    "a name that stands behind other cells": (
        "nodes.csv",
        "address,name,subnet\n10.4.7.21/24,a b,172.7.21.0/24\n",
        "specs/nodes.csv:2:14: nodes.a b: 'a b' is not a name",
    ),
    "no JSON": ("nodes.jsonl", LINES + "{,}\n", "specs/nodes.jsonl:3:2: invalid JSON: Expecting property name"),
    "half of a surrogate pair": (
        "nodes.jsonl",
        LINES + '{"name": "c\\ud800"}\n',
        r"specs/nodes.jsonl:3:12: \ud800 is no character",
    ),
    "no object": ("nodes.jsonl", LINES + "[]\n", "specs/nodes.jsonl:3:1: expected an object, found a list"),
    "an object without a name": ("nodes.jsonl", LINES + "{}\n", "specs/nodes.jsonl:3:1: there is no name"),
    "a name that is a number": (
        "nodes.jsonl",
        LINES + '{"name": 1}\n',
        "specs/nodes.jsonl:3:1: expected a text as name, found 1, which JSON reads as a number",
    ),
    "a fraction of an object": (
        "nodes.jsonl",
        LINES.replace("1450", "1.5"),
        "specs/nodes.jsonl:2:76: nodes.b.mtu: expected auto or a whole number from 576 to 65535, found 1.5, which JSON",
    ),
    "a truth value of an object": (
        "nodes.jsonl",
        LINES.replace("1450", "true"),
        "specs/nodes.jsonl:2:76: nodes.b.mtu: expected auto or a whole number from 576 to 65535, found true",
    ),
    "an empty name of an object": (
        "nodes.jsonl",
        LINES + '{"name": "", "address": "10.4.7.23/24"}\n',
        "specs/nodes.jsonl:3:1: there is no name",
    ),
    "a fraction of a table": (
        "nodes.csv",
        TABLE.replace("1450", "1.5"),
        "specs/nodes.csv:3:30: nodes.b.mtu: expected auto or a whole number from 576 to 65535, found 1.5, which podnet",
    ),
    "an empty name of a table": (
        "nodes.csv",
        TABLE + ",10.4.7.23/24,172.7.23.0/24,,\n",
        "specs/nodes.csv:4:1: there is no name",
    ),
    "an empty file": ("nodes.csv", "", "specs/nodes.csv:1:1: this file holds nothing"),
    "a title that is empty": ("nodes.csv", "name,,address\n", "specs/nodes.csv:1:6: this column has no title"),
    "a key twice": (
        "nodes.jsonl",
        LINES + '{"name": "c", "mtu": 1400, "mtu": 1500}\n',
        "specs/nodes.jsonl:3:1: the key mtu stands twice in one object",
    ),
    "too deep": ("nodes.jsonl", LINES + "[" * 100000 + "\n", "specs/nodes.jsonl:3:1: this is nested too deeply"),
    "a subnet twice": (
        "nodes.csv",
        TABLE + "c,10.4.7.23/24,172.7.22.0/24,,\n",
        "specs/nodes.csv:4:16: node c: subnet 172.7.22.0/24 is already the subnet of node b",
    ),
    "nothing": ("nodes.csv", "name\n", "specs/spec.yaml:5:1: nodes: the cluster has no node"),
}


@pytest.mark.parametrize(("name", "text", "mistake"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place_in_the_file(folder, name, text, mistake):
    (problem,) = mistakes(folder, name, text)
    assert problem.startswith(mistake)


def test_a_node_of_the_file_and_the_spec_is_one_too_many(folder):
    both = SPEC + "nodes_file: nodes.csv\n"
    assert mistakes(folder, "nodes.csv", TABLE, both) == ["specs/nodes.csv:2:1: the node a stands in the spec too"]


def test_the_line_of_the_file_is_shown(folder):
    with pytest.raises(SpecError, match=r"3 \| b,10\.4\.7\.22,172"):
        load(folder, "nodes.csv", TABLE.replace("10.4.7.22/24", "10.4.7.22"))


@pytest.mark.parametrize(
    ("named", "mistake"),
    [
        ("gone.csv", "nodes_file: specs/gone.csv: No such file or directory"),
        ("..", "nodes_file: '..' is not the path of a file of nodes"),
        (".csv", "nodes_file: '.csv' is not the path of a file of nodes"),
        ("more/.jsonl", "nodes_file: 'more/.jsonl' is not the path of a file of nodes"),
        ("nodes.csv/", "nodes_file: 'nodes.csv/' is not the path of a file of nodes"),
        ("nodes.xml", "nodes_file: 'nodes.xml' is not the path of a file of nodes"),
        ("5", "nodes_file: expected a path such as nodes.csv, found 5, which YAML reads as a number"),
    ],
)
def test_a_file_that_can_t_be_read_is_a_mistake_of_the_spec(folder, named, mistake):
    (problem,) = mistakes(folder, "nodes.csv", TABLE, f"{HEAD}nodes_file: {named}\n")
    assert problem.partition(": ")[2] == mistake


def test_a_pipe_is_no_file_of_nodes(folder):
    os.mkfifo(folder / "pipe.csv")
    (problem,) = mistakes(folder, "nodes.csv", TABLE, f"{HEAD}nodes_file: pipe.csv\n")
    assert problem.endswith("nodes_file: specs/pipe.csv: not a regular file")


def test_a_file_that_is_not_utf_8_is_told_with_its_place(folder):
    (folder / "nodes.csv").write_bytes(b"name,address\n\xff")
    (folder / "spec.yaml").write_text(f"{HEAD}nodes_file: nodes.csv\n")
    with pytest.raises(SpecError, match=r"nodes\.csv:2:1: error: the byte 0xff is not UTF-8"):
        read(folder / "spec.yaml")


CELLS = st.text(st.characters(blacklist_categories=["C", "Z"], blacklist_characters="\x85"), min_size=1)


@given(CELLS)
def test_a_cell_is_read_as_csv_writes_it(cell):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([["name", "interface"], ["a", cell]])
    nodes_file = parse_nodes(text.getvalue(), "nodes.csv")
    assert (nodes_file.nodes, nodes_file.problems) == ({"a": {"interface": cell}}, [])


WRITTEN = st.from_regex(r'[ab]*|"([ab ,]|"")*"', fullmatch=True)


@given(st.tuples(WRITTEN, WRITTEN))
def test_the_cells_of_a_line_are_those_that_csv_reads(cells):
    line = ",".join(("c", *cells))
    (expected,) = csv.reader([line], strict=True)
    nodes_file = parse_nodes(f"name,interface,bridge\n{line}\n", "nodes.csv")
    filled = {key: text for key, text in zip(("interface", "bridge"), expected[1:], strict=True) if text}
    assert (nodes_file.nodes, nodes_file.problems) == ({"c": filled}, [])


def test_a_node_of_a_table_may_leave_its_interface_to_itself(folder):
    text = TABLE.replace("mtu,blackhole", "mtu,interface").replace("1450,true", "auto,auto")
    node = load(folder, "nodes.csv", text).topology.by_name["b"]
    assert (node.interface, node.mtu_assumed) == ("auto", True)


def test_nodes_of_the_spec_that_are_no_mapping_are_a_mistake_beside_a_file(folder):
    spec = f"{HEAD}nodes: []\nnodes_file: nodes.csv\n"
    assert "specs/spec.yaml:5:8: nodes: expected a mapping, found a list" in mistakes(folder, "nodes.csv", TABLE, spec)


@pytest.mark.parametrize(("name", "text"), [("nodes.csv", TABLE), ("nodes.jsonl", LINES)])
def test_what_a_line_holds_has_its_places_by_the_keys(name, text):
    places = parse_nodes(text, name).entries["b"].entries
    assert [*places] == ["name", *NODES["b"]]
    assert len(places) == 5


def test_a_mistake_in_an_object_that_is_no_yaml_has_the_place_of_its_node(folder):
    """YAML 1.1 has no surrogate pairs."""
    text = LINES.replace("10.4.7.22/24", "\\ud83d\\ude00")
    assert "specs/nodes.jsonl:2:2: nodes.b.address: " in mistakes(folder, "nodes.jsonl", text)[0]

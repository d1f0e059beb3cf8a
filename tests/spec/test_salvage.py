"""What is valid of a document that is wrong elsewhere."""

from __future__ import annotations

import pytest

from netplan.spec.fields import read_if_name
from netplan.spec.salvage import column, dig, items_of, salvaged, saying, with_defaults
from netplan.spec.yaml.document import Value

NODES: dict[str, Value] = {"a": {"mtu": "1"}, "b": {"mtu": "x"}, "c": {}, "d": "no mapping"}


@pytest.mark.parametrize(("value", "read"), [("7", 7), ("x", None)])
def test_a_value_that_is_wrong_is_none(value, read):
    assert salvaged(lambda text: int(str(text)), value) == read


@pytest.mark.parametrize(
    ("keys", "value"), [(("a", "b"), 1), (("a", "x"), None), (("a", "b", "c"), None), ((), {"a": {"b": 1}})]
)
def test_what_stands_under_keys_is_found_or_nothing(keys, value):
    assert dig({"a": {"b": 1}}, *keys) == value


def test_only_nodes_that_say_something_for_a_key_are_read():
    assert [*saying(NODES, "mtu")] == ["a", "b"]
    assert column(lambda text: int(str(text)), NODES, "mtu") == {"a": 1}


@pytest.mark.parametrize(
    ("nodes", "count", "paths"),
    [
        ({"a": {"bridge": "cni0"}, "b": {}}, 2, {("defaults", "bridge"): "docker0", ("nodes", "a", "bridge"): "cni0"}),
        ({"a": {"bridge": "cni0"}}, 1, {("nodes", "a", "bridge"): "cni0"}),
    ],
    ids=["not all nodes say it", "all nodes say it"],
)
def test_a_default_counts_unless_all_nodes_say_something_else(nodes, count, paths):
    assert with_defaults(read_if_name, {}, nodes, "bridge", count=count) == paths


@pytest.mark.parametrize("data", [{}, {"firewall": {"respect_marks": "no list"}}])
def test_what_is_no_list_has_no_items(data):
    assert items_of(str, data, "firewall", "respect_marks") == {}


def test_valid_items_have_their_numbers():
    data = {"firewall": {"respect_marks": ["1", "x", "3"]}}
    items = items_of(lambda text: int(str(text)), data, "firewall", "respect_marks")
    assert items == {("firewall", "respect_marks", 0): 1, ("firewall", "respect_marks", 2): 3}

"""The places of keys and values, and of what stands in another file."""

from __future__ import annotations

import pytest

from netplan.spec.yaml.places import NO_ENTRIES, Entry, Places

OTHER = Entry((1, 1), (1, 5), NO_ENTRIES, "nodes.csv")
NODE = Entry((2, 3), (2, 6), {"address": Entry((2, 7), (2, 16), NO_ENTRIES)})
PLACES = Places("s.yaml", Entry((1, 1), (1, 1), {"nodes": Entry((1, 1), (2, 3), {"a": NODE, "b": OTHER})}))


@pytest.mark.parametrize(
    ("keys", "key", "value"),
    [
        (("nodes", "a", "address"), "s.yaml:2:7", "s.yaml:2:16"),
        (("nodes", "a", "subnet"), "s.yaml:2:3", "s.yaml:2:3"),
        (("nodes", "b"), "nodes.csv:1:1", "nodes.csv:1:5"),
        (("nodes", "b", "mtu"), "nodes.csv:1:1", "nodes.csv:1:1"),
        (("cluster",), "s.yaml:1:1", "s.yaml:1:1"),
    ],
)
def test_what_is_absent_has_the_place_of_the_key_that_it_would_stand_under(keys, key, value):
    assert (str(PLACES.key(*keys)), str(PLACES.value(*keys))) == (key, value)


def test_the_places_below_a_key_are_those_of_what_it_holds():
    assert str(PLACES.below("nodes").below("a").value("address")) == "s.yaml:2:16"

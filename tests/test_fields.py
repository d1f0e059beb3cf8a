from __future__ import annotations

from netplan.fields import field_changes
from netplan.kinds.chain.value import Chain
from netplan.resource import Change
from tests import make


def fields(before, after):
    return [str(field) for field in field_changes(Change(before, after, make.WHY))]


def chain(*texts):
    return Chain(make.FORWARD_CHAIN, make.rules(*texts))


def test_a_field_that_differs_is_shown_with_both_values():
    assert fields(make.route(via="10.4.7.9"), make.route()) == ["gateway 10.4.7.9 -> 10.4.7.22"]


def test_fields_are_sorted():
    before = make.route(via="10.4.7.9", dev="eth1")
    assert [line.split()[0] for line in fields(before, make.route())] == ["dev", "gateway"]


def test_an_object_that_comes_or_goes_has_no_fields():
    assert (fields(None, make.route()), fields(make.route(), None)) == ([], [])


def test_a_rule_that_came_into_a_chain_is_shown():
    assert fields(chain("-j LOG"), chain("-j LOG", "-j DROP")) == ["rules: + -j DROP"]


def test_a_rule_that_went_out_of_a_chain_is_shown():
    assert fields(chain("-j LOG", "-j DROP"), chain("-j LOG")) == ["rules: - -j DROP"]


def test_rules_that_changed_their_order_are_said_to():
    assert fields(chain("-j LOG", "-j DROP"), chain("-j DROP", "-j LOG")) == ["rules one order -> another order"]


def test_a_rule_that_stands_there_twice_is_shown_with_how_often_it_should():
    assert fields(chain("-j LOG", "-j LOG"), chain("-j LOG")) == ["rules 2 x -j LOG -> 1 x -j LOG"]

from __future__ import annotations

from netplan.kinds.chain.value import Chain
from netplan.kinds.resource import Change
from netplan.planning.field_changes import field_changes, setting_changes
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


def test_of_rules_in_another_order_those_that_move_are_shown():
    before = chain("-j LOG", "-s 10.0.0.0/8 -j RETURN", "-s 172.16.0.0/12 -j RETURN", "-j DROP")
    after = chain("-s 10.0.0.0/8 -j RETURN", "-s 172.16.0.0/12 -j RETURN", "-j LOG", "-j DROP")
    assert fields(before, after) == ["rules 1 -> 3: -j LOG"]


def test_a_rule_that_moves_is_shown_beside_one_that_comes():
    before, after = (
        chain("-j LOG", "-p udp -j RETURN", "-j DROP"),
        chain("-p udp -j RETURN", "-p tcp", "-j DROP", "-j LOG"),
    )
    assert fields(before, after) == ["rules 1 -> 4: -j LOG", "rules: + -p tcp"]


def test_a_rule_that_stands_there_twice_is_shown_with_how_often_it_should():
    assert fields(chain("-j LOG", "-j LOG"), chain("-j LOG")) == ["rules 2 x -j LOG -> 1 x -j LOG"]


def settings(before, after):
    return [str(field) for field in setting_changes(before, after)]


def test_a_setting_is_shown_by_its_dotted_name():
    assert settings({"backend": {"type": "host-gw"}}, {"backend": {"type": "vxlan"}}) == [
        "backend.type host-gw -> vxlan"
    ]


def test_a_setting_that_comes_or_goes_is_shown_as_a_spec_has_it():
    assert settings({"subnet_len": 24}, {"checks": [{"ping": "peers"}]}) == [
        'checks: + [{"ping": "peers"}]',
        "subnet_len: - 24",
    ]


def test_an_item_of_a_list_is_shown_by_the_name_of_the_list():
    before, after = ({"firewall": {"respect_marks": marks}} for marks in (["0x1/0x1"], ["0x1/0x1", "0x2/0x2"]))
    assert settings(before, after) == ["firewall.respect_marks: + 0x2/0x2"]

from __future__ import annotations

import pytest

from netplan.desired.checks import Check, Command, Connect, Ping, PingGateway, checks_of, gateway_of
from netplan.errors import Location
from netplan.net import Address
from netplan.planning.plan import Source, plan_node
from tests import make
from tests.plans import read_plan, rendered

AT = Location("specs/c.yaml", 30, 5)


def compiled(*items, name="a"):
    """Return the checks of a node as text."""
    spec = make.spec(checks=f"[{', '.join(items)}]")
    return [str(check) for check in checks_of(spec, spec.topology.by_name[name])]


def test_peers_are_each_pinged_at_its_own_address_on_the_underlay():
    assert compiled("{ping: peers}") == ["check ping 10.4.7.22 (peer b)"]


def test_checks_keep_the_order_of_the_spec():
    assert compiled("{tcp: '10.4.7.22:80'}", "{ping: gateway}", "{ping: 10.4.7.1}") == [
        "check tcp 10.4.7.22:80",
        "check ping gateway",
        "check ping 10.4.7.1",
    ]


def test_what_a_check_says_in_braces_is_the_nodes():
    words = "[show, '{subnet}', '{network}', '{bridge}-{interface}', '{address}', '{ print }']"
    assert compiled(f"{{command: {words}}}") == [
        "check command show 172.7.21.0/24 172.7.0.0/16 docker0-eth0 10.4.7.21 { print }"
    ]


def test_the_nodes_own_address_may_be_pinged_and_connected_to():
    assert compiled("{ping: '{address}'}", "{tcp: '{address}:22'}", name="b") == [
        "check ping 10.4.7.22",
        "check tcp 10.4.7.22:22",
    ]


def test_a_check_knows_its_line_and_its_time():
    spec = make.spec(checks="[{ping: gateway, within: 9}]")
    (check,) = make.desired(spec).checks
    assert (check.within, check.at) == (9, spec.at("checks", 0))


def test_a_check_has_five_seconds_where_it_says_nothing():
    assert [check.within for check in make.desired(make.spec(checks="[{ping: gateway}]")).checks] == [5]


@pytest.mark.parametrize(
    "what",
    [
        Ping(Address.parse("10.4.7.22"), "b"),
        Ping(Address.parse("10.4.7.1")),
        PingGateway(),
        Connect(Address.parse("10.4.7.22"), 80),
        Command(("curl", "-sf", "http://10.4.7.22/ x")),
    ],
)
def test_a_check_is_read_back_as_it_was(what):
    assert Check.from_json(Check(what, 7, AT).to_json()) == Check(what, 7, AT)


@pytest.mark.parametrize(
    "data",
    [
        {"ping": "10.4.7.300"},
        {"ping": "localhost"},
        {"tcp": "10.4.7.22"},
        {"tcp": "10.4.7.22:0"},
        {"command": "reboot"},
        {"command": []},
        {"command": [1]},
        {"command": ["a\0b"]},
        {"ping": "gateway", "within": 61},
        {"ping": "gateway", "within": True},
        {"ping": "gateway", "at": "nowhere"},
        {},
    ],
)
def test_what_is_no_check_is_refused(data):
    with pytest.raises((ValueError, KeyError, TypeError)):
        Check.from_json({"within": 5, "at": str(AT), **data})


def saved(**keys):
    spec = make.spec(**keys)
    return rendered(make.plans(plan_node(make.desired(spec), make.snapshot(), Source.LIVE)))


def test_a_saved_plan_carries_its_checks():
    (node,) = read_plan(saved(checks="[{ping: peers}, {command: ['true']}]"), "plan.json").nodes
    assert list(map(str, node.checks)) == ["check ping 10.4.7.22 (peer b)", "check command true"]


def test_a_saved_plan_without_checks_does_not_speak_of_them():
    assert ['"checks"' in text for text in (saved(checks="[{ping: peers}]"), saved())] == [True, False]


def test_the_gateway_is_the_next_hop_of_the_default_route_with_the_lowest_metric():
    routes = [make.route("0.0.0.0/0", f"10.4.7.{metric}", metric=metric, protocol=4) for metric in (9, 3)]
    assert str(gateway_of(make.snapshot("", *routes))) == "10.4.7.3"


def test_a_node_without_a_default_route_has_no_gateway():
    assert gateway_of(make.snapshot()) is None

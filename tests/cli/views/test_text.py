"""A plan as a terminal shows it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.cli.views.desired import desired_text
from netplan.kinds.chain.value import Chain, PlacedRule
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address, IfName, link_layer_address
from netplan.planning.plan import Source
from tests import make
from tests.cli.views.plans import DOCKER, JUMP, markdown, node, placed, text, with_check


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (None, make.route(), "  + route   172.7.22.0/24 via 10.4.7.22 dev eth0"),
        (make.route(), None, "  - route   172.7.22.0/24 via 10.4.7.22 dev eth0"),
        (make.route(via="10.4.7.9"), make.route(), "  ~ route   172.7.22.0/24"),
        (None, Chain(make.MASQUERADE_CHAIN), "  + chain   nat PODNET-POSTROUTING, 0 rules"),
        (None, placed(JUMP), "  + rule    nat POSTROUTING 2: -j PODNET-POSTROUTING"),
        (placed(DOCKER), None, f"  - rule    nat POSTROUTING 2: {DOCKER}"),
        (placed(JUMP), placed(JUMP, 1), "  ~ rule    nat POSTROUTING 2 -> 1: -j PODNET-POSTROUTING"),
    ],
)
def test_a_change_is_one_line_with_its_sign(before, after, line):
    assert text(node((before, after)))[1].startswith(line)


def test_of_very_many_changes_of_one_kind_the_first_are_shown_and_the_others_counted():
    routes = [make.route(f"172.7.{number}.0/24") for number in range(101)]
    lines = text(node(*((None, route) for route in routes), (make.route("172.8.0.0/24"), None)))
    assert [line.strip() for line in lines if line.startswith("  + ")][-1] == ("+ route   and 98 more")
    assert len([line for line in lines if line.startswith("  - ")]) == 1


def test_a_hundred_changes_are_all_shown():
    lines = text(node(*((None, make.route(f"172.7.{number}.0/24")) for number in range(100))))
    assert len([line for line in lines if line.startswith("  + ")]) == 100


def test_a_change_says_why_and_in_which_line_of_the_spec():
    assert text(node((None, Sysctl("net.ipv4.ip_forward", "1"))))[1].endswith("  because  hdss7.yaml:22")


def test_the_fields_of_an_update_are_shown():
    lines = text(node((make.route(via="10.4.7.9"), make.route())))
    assert lines[2].strip() == "gateway 10.4.7.9 -> 10.4.7.22"


def test_reasons_end_at_the_right_edge():
    lines = text(node((None, make.route()), (None, Sysctl("net.ipv4.ip_forward", "1"))))
    assert [len(line) for line in lines[1:3]] == [80, 80]


def test_a_reason_that_finds_no_room_has_a_line_of_its_own():
    lines = text(node((placed(DOCKER), None)))
    assert [lines[1], lines[2].strip(), len(lines[2])] == [
        f"  - rule    nat POSTROUTING 2: {DOCKER}",
        "because  hdss7.yaml:22",
        80,
    ]


def test_80_columns_are_enough_for_the_story():
    node_plan = make.plan(make.snapshot(make.docker()), make.spec(firewall=make.REMOVE))
    assert max(map(len, text(node_plan))) <= 80


def test_more_columns_are_used_where_they_are_there():
    assert text(node((placed(DOCKER), None)), width=120)[1].endswith("because  hdss7.yaml:22")


def test_a_node_says_where_its_state_was_found():
    assert text(node((None, make.route())))[0] == "a   live, iptables-nft"


def test_a_node_without_a_record_says_so():
    assert text(node((None, make.route()), source=Source.EMPTY))[0] == "a   no record: planned from empty"


def test_a_summary_counts_what_is_created_updated_and_deleted():
    changes = [(None, make.route()), (placed(DOCKER), None), (placed(JUMP), placed(JUMP, 1))]
    assert text(node(*changes))[-1] == "Plan: 1 to create, 1 to update, 1 to delete on 1 of 1 node."


def test_a_node_in_sync_is_named_in_the_summary_and_nowhere_else():
    lines = text(node((None, make.route())), node(name="b"))
    assert [line for line in lines if "b" in line.split(": in sync")[0].split()[-1:]] == [lines[-1]]


def test_where_nothing_changes_the_summary_says_so():
    assert text(node(), node(name="b")) == ["No changes. a, b: in sync."]


def test_of_many_nodes_in_sync_the_first_are_named():
    assert text(*(node(name=name) for name in "abcde")) == ["No changes. a, b and 3 more: in sync."]


def test_nodes_that_change_alike_are_one_block_with_a_count():
    lines = text(*(node((None, make.route()), name=name) for name in "abcd"))
    assert lines[0] == "a, b and 2 more (4 nodes, the same on each)   live, iptables-nft"
    assert len(lines) == 3


def test_warnings_and_refusals_stand_below_the_changes():
    lines = text(node((None, make.route()), warnings=("no eth0",), refusals=("in the way",)))
    assert lines[2:4] == ["  ! refused: in the way", "  ! warning: no eth0"]


def test_a_node_in_sync_with_a_warning_is_shown():
    assert text(node(warnings=("no eth0",)))[:2] == ["a   live, iptables-nft", "  ! warning: no eth0"]


ODD_NAME = "DOCKER\x1b[31m"
ODD_RULES = ["\x1b[2J", "\x9b31m", "a\nb", "\u202egnp.exe", "\u2028", "\x07"]


class Odd:
    """What a rule would be that holds what no rule can hold."""

    def __init__(self, text):
        self.text = text
        self.target = None

    def __str__(self):
        return f"-m comment --comment {self.text} -j LOG"


@pytest.mark.parametrize("odd", ODD_RULES)
@pytest.mark.parametrize("view", [text, markdown])
def test_nothing_in_a_rule_acts_on_the_terminal(view, odd):
    plain = len(view(node((placed(Odd("plain")), None))))
    lines = view(node((placed(Odd(odd)), None)))
    assert len(lines) == plain
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("view", [text, markdown])
def test_nothing_in_the_name_of_a_chain_acts_on_the_terminal(view):
    rule = PlacedRule(make.FORWARD._replace(name=ODD_NAME), 1, DOCKER)
    assert all(line.isprintable() for line in view(node((rule, None))))


@pytest.mark.parametrize("view", [text, markdown])
def test_nothing_in_a_remark_acts_on_the_terminal(view):
    odd = node(warnings=("\x1b[2J\n",), refusals=("\x9b2J",))
    assert all(line.isprintable() for line in view(odd))


@pytest.mark.parametrize("view", [text, markdown])
def test_nothing_in_the_fields_of_an_update_acts_on_the_terminal(view):
    change = (Sysctl("net.ipv4.a", "\x1b[2J"), Sysctl("net.ipv4.a", "1"))
    assert all(line.isprintable() for line in view(node(change)))


def test_brackets_are_no_markup():
    assert "[red]" in "".join(text(node((None, Sysctl("net.ipv4.a", "[red]1[/red]")))))


def test_the_kind_of_a_neighbour_fits_into_its_column():
    neighbour = Neighbour(IfName("podnet.1"), Address.parse("172.7.22.0"), link_layer_address("0e:2a:0a:04:07:16"))
    assert text(node((None, neighbour)))[1].startswith("  + neigh   172.7.22.0 dev podnet.1 ")
    tunnel = make.desired(make.spec(backend="{type: vxlan}"))
    kinds = [line[:11] for line in desired_text([tunnel]).plain.split("\n") if "172.7.22.0 dev podnet.1 " in line]
    assert "  neigh    " in kinds


@pytest.mark.parametrize("shown", [text, markdown])
def test_the_rules_of_a_chain_that_is_made_and_what_is_run_in_the_end_are_shown_whole(shown):
    lines = [line.strip(" +") for line in shown(with_check())]
    assert [line for line in lines if line.startswith("-")] == ["-d 172.7.0.0/16 -j ACCEPT", "-j MASQUERADE"]
    assert next(line.split() for line in lines if line.startswith("$"))[:5] == ["$", "run", "curl", "-sf", "x" * 300]


def test_without_a_change_nothing_is_run():
    assert text(replace(with_check(), changes=()))[-1] == "No changes. a: in sync."

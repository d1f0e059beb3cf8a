from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.desired.compile import compile_node, compile_removal
from netplan.kinds.chain.saved_tables import SavedRulesError
from netplan.planning import rules_file
from netplan.planning.rules_file import ADDED_TABLE, Wish, file_of
from tests import make
from tests.runs import examples
from tests.spec.test_families import DUAL, A, B
from tests.states import cases, specs

JUMP = "-A POSTROUTING -m comment --comment podnet -j PODNET-POSTROUTING"
HEAD = "*nat\n:POSTROUTING ACCEPT [12:345]\n"
NAT = f"{HEAD}-A POSTROUTING -o br0 -j LOG\n-A POSTROUTING {make.DOCKER_MASQUERADE}\nCOMMIT\n"
DUMPS = tuple(make.capture(name) for name in make.FOREIGN)

thorough = examples(150)


def merge(text, desired, version=4):
    """Return the text of a file after what a node should have was put into it."""
    return rules_file.merge(text, Wish.of(desired), version).text


def without(spec):
    """Compile what a node should have when podnet has left it."""
    return compile_removal(spec, spec.topology.nodes[0])


def merged(text="", **keys):
    """Return the lines of a file after node a's rules were put into it."""
    return merge(text, make.desired(make.spec(**keys))).splitlines()


@st.composite
def files(draw):
    """Draw a file: what some program's rules look like when saved, as a person or a program may have left it."""
    text = draw(st.sampled_from(("", "\n", "# nothing\n", NAT, make.docker(), *DUMPS)))
    lines = text.splitlines()
    for comment in draw(st.lists(st.sampled_from(["# PODNET-POSTROUTING", "", "# \u2028 \x85 \udcff"]), max_size=3)):
        lines.insert(draw(st.integers(0, len(lines))), comment)
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    return ending.join(lines) + draw(st.sampled_from(["", ending]) if lines else st.just(""))


@thorough
@given(files(), specs())
def test_merging_twice_is_merging_once(text, spec):
    wanted = compile_node(spec, spec.topology.nodes[0])
    once = merge(text, wanted)
    assert merge(once, wanted) == once


@thorough
@given(files(), specs())
def test_taking_ours_out_again_gives_the_text_back(text, spec):
    wanted = compile_node(spec, spec.topology.nodes[0])
    kept = merge(text, replace(wanted, removals=()))
    assert merge(kept, without(spec)) == text


@thorough
@given(files(), specs(size=2), specs(size=2))
def test_going_from_one_spec_to_another_leaves_nothing_of_the_first(text, old, new):
    first, second = (replace(compile_node(edition, edition.topology.nodes[0]), removals=()) for edition in (old, new))
    assert merge(merge(merge(text, first), second), without(new)) == text


@thorough
@given(cases())
def test_a_jump_stands_where_the_plan_for_a_kernel_with_these_rules_puts_it(case):
    """The file holds what iptables-save prints of the state; merging it is applying the spec to a kernel with that."""
    settled = make.settled(case.desired, case.state)
    file = make.chains(merge(make.dump(case.state), case.desired))
    rules = {chain.key: chain.rules for chain in file if chain.rules}
    assert rules == {chain.key: chain.rules for chain in settled.chains.values() if chain.rules}


def test_a_missing_file_gets_our_tables_and_no_policy():
    lines = merged()
    assert [line for line in lines if line.startswith(("*", ":", "#", "COMMIT"))] == [
        *(ADDED_TABLE, "*filter", ":PODNET-FORWARD - [0:0]", "COMMIT"),
        *(ADDED_TABLE, "*nat", ":PODNET-POSTROUTING - [0:0]", "COMMIT"),
    ]


def test_a_jump_comes_before_the_rule_that_would_rewrite_pod_traffic():
    lines = merged(NAT, forward="none")
    assert lines[lines.index(JUMP) + 1] == f"-A POSTROUTING {make.DOCKER_MASQUERADE}"


def test_policies_and_counters_stay_as_they_are():
    assert ":POSTROUTING ACCEPT [12:345]" in merged(NAT)


def test_a_rule_with_counters_is_read():
    counted = NAT.replace("-A POSTROUTING -s", "[7:420] -A POSTROUTING -s")
    lines = merged(counted, forward="none")
    assert lines[lines.index(JUMP) + 1].startswith("[7:420] -A POSTROUTING -s")


def test_a_rule_that_the_spec_removes_goes_from_the_file_too():
    rule = f"-A POSTROUTING {make.DOCKER_MASQUERADE}"
    assert [rule in merged(NAT, **keys) for keys in ({}, {"firewall": make.REMOVE})] == [True, False]


def test_a_chain_of_ours_that_is_outdated_is_replaced():
    old = "\n".join(merged(NAT, ip_masq="{random_fully: false}")) + "\n"
    assert merge(old, make.desired()) == "\n".join(merged(NAT)) + "\n"


def test_a_chain_of_ours_that_is_up_to_date_is_left_as_it_is_written():
    text = "\n".join(merged(NAT)).replace(":PODNET-POSTROUTING - [0:0]", ":PODNET-POSTROUTING - [9:99]")
    assert merge(text, make.desired()) == text


@pytest.mark.parametrize(
    "stray",
    [
        "-A POSTROUTING -j PODNET-POSTROUTING",
        "-A PREROUTING -j PODNET-OLD",
        ":PODNET-OLD - [0:0]",
        "-A PODNET-OLD -j LOG",
        JUMP,
    ],
)
def test_what_else_carries_our_name_goes(stray):
    lines = merged(NAT)
    commit = lines.index("COMMIT")
    assert merged("\n".join([*lines[:commit], stray, *lines[commit:]])) == lines


def test_what_a_person_put_into_a_table_that_we_made_keeps_the_table():
    text = merge("", make.desired()).replace("*nat\n", "*nat\n-A OUTPUT -j LOG\n")
    assert merge(text, without(make.spec())) == f"{ADDED_TABLE}\n*nat\n-A OUTPUT -j LOG\nCOMMIT\n"


def test_of_two_tables_of_a_name_the_last_counts():
    text = f"{NAT}*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n"
    lines = merged(text, forward="none")
    assert (lines.count(JUMP), lines.index(JUMP) > lines.index("COMMIT")) == (1, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nat\n", "line 1: 'nat' stands outside of a table"),
        ("*nat\n-A POSTROUTING -j LOG\n", "line 1: table nat has no COMMIT"),
        ("*nat\n*filter\nCOMMIT\n", "line 2: '*filter' is nothing that iptables-save writes"),
        ("# x\n*nat\n-I POSTROUTING -j LOG\nCOMMIT\n", "line 3: '-I POSTROUTING -j LOG' is nothing"),
        ("*nat\n:X\nCOMMIT\n", "line 2: ':X' is nothing"),
        ("*nat\n-A POSTROUTING --nonsense\nCOMMIT\n", "line 2: "),
        ("*nat\n-A POSTROUTING -s 10.0.0.1,10.0.0.2 -j LOG\nCOMMIT\n", "line 2: "),
        ("*nat\n-A POSTROUTING -j LOG\r\nCOMMIT\n", "line 2: '-A POSTROUTING -j LOG\\r' is nothing"),
        ("*nat\n\x1b[2J\nCOMMIT\n", "line 2: "),
        ("*\nCOMMIT\n", "line 1: "),
        ("\0\n", "line 1: "),
    ],
)
def test_a_file_that_can_not_be_read_is_refused_with_its_line(text, message):
    with pytest.raises(SavedRulesError) as caught:
        merge(text, make.desired())
    assert str(caught.value).startswith(message)
    assert str(caught.value).isprintable()


def test_a_chain_that_no_packet_of_ours_comes_to_is_not_read():
    strange = "*nat\n:KUBE-SVC-X - [0:0]\n-A KUBE-SVC-X --whatever this is\nCOMMIT\n"
    assert "-A KUBE-SVC-X --whatever this is" in merged(strange)


@pytest.mark.parametrize(
    ("path", "ipv4", "ipv6"),
    [
        ("/etc/iptables/rules.v4", "/etc/iptables/rules.v4", "/etc/iptables/rules.v6"),
        ("/etc/sysconfig/iptables", "/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables"),
        ("/etc/sysconfig/iptables.save", "/etc/sysconfig/iptables.save", "/etc/sysconfig/ip6tables.save"),
        ("/etc/iptables/rules.v6", None, "/etc/iptables/rules.v6"),
        ("/etc/sysconfig/ip6tables", None, "/etc/sysconfig/ip6tables"),
        ("/etc/firewall", "/etc/firewall", None),
    ],
)
def test_each_ip_version_has_a_file_of_its_own(path, ipv4, ipv6):
    assert (file_of(path, 4), file_of(path, 6)) == (ipv4, ipv6)


SAVED_6 = """*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s fd00:7:0:21::/64 ! -o docker0 -j MASQUERADE
COMMIT
"""


def test_the_file_of_ipv6_gets_the_chains_of_ipv6_and_its_jumps_their_places():
    text = merge(SAVED_6, make.desired(make.spec(A, B, **DUAL)), 6).splitlines()
    accepted = [line for line in text if line.startswith("-A PODNET-FORWARD -s fd00:7")]
    ours, theirs = text.index(JUMP), text.index(SAVED_6.splitlines()[2])
    assert (bool(accepted), "*filter" in text, ours < theirs) == (True, True, True)
    assert not any("172.7." in line for line in text)


def test_ours_go_from_the_file_of_ipv6_too():
    spec = make.spec(A, B, **DUAL)
    assert merge(merge(SAVED_6, make.desired(spec), 6), without(spec), 6) == SAVED_6


def test_a_chain_of_ours_that_can_not_be_read_is_written_anew():
    text = NAT.replace("COMMIT", ":PODNET-POSTROUTING - [0:0]\n-A PODNET-POSTROUTING nonsense\nCOMMIT")
    lines = merge(text, make.desired()).splitlines()
    assert (lines.count("-A PODNET-POSTROUTING nonsense"), lines.count(":PODNET-POSTROUTING - [0:0]")) == (0, 1)


def test_a_chain_of_ours_that_is_declared_more_than_once_goes_with_every_header():
    header = ":PODNET-POSTROUTING - [0:0]\n"
    spec = make.spec(A, B, **DUAL)
    text = merge(NAT, make.desired(spec)).replace(header, header * 3)
    assert merge(text, without(spec)) == NAT


def test_rules_that_stood_one_behind_the_other_come_back_so():
    two = "-A POSTROUTING -o br0 -j LOG", f"-A POSTROUTING {make.DOCKER_MASQUERADE}"
    removing = ", ".join(f"{{table: nat, rule: '{line}'}}" for line in two)
    out = rules_file.merge(NAT, Wish.of(make.desired(make.spec(firewall=f"{{remove: [{removing}]}}"))))
    back = rules_file.merge(out.text, Wish.of(make.desired()), former=out.removed)
    assert (back.returned, [line for line in back.text.splitlines() if line in two]) == (two, [*two])

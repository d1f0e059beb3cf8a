"""What a spec takes out of the file that is loaded at boot comes back as soon as it is not to be out of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from netplan.desired.compile import compile_node, compile_removal
from netplan.kinds.chain.removed_rules import RemovedRules
from netplan.planning.rules_file import NOTHING, Wish, merge
from tests import make
from tests.planning.test_rules_file import files, thorough
from tests.states import specs

REJECT = "[7:420] -A FORWARD -j REJECT --reject-with icmp-host-prohibited"
SAVED = f"""# saved by a distribution
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [12:345]
[1:60] -A INPUT -i lo -j ACCEPT
[0:0] -A FORWARD -o br0 -j LOG
{REJECT}
[3:180] -A OUTPUT -o br0 -j LOG
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING {make.DOCKER_MASQUERADE}
COMMIT
"""
REMOVING = Wish.of(make.desired(make.spec(firewall=make.REMOVE)))
KEEPING = Wish.of(make.desired(make.spec()))


def applied(text=SAVED):
    return merge(text, REMOVING, generation=3)


def removed(text, removals):
    return merge(text, NOTHING, 4, removals)


def plain(text):
    """Return the lines of a file that a program reads."""
    return [line for line in text.replace("\r", "").split("\n") if line and not line.startswith("#")]


def test_what_was_taken_out_comes_back_byte_for_byte():
    after = applied()
    assert REJECT not in after.text
    assert removed(after.text, after.removed).text == SAVED


def test_the_lines_that_come_back_are_named():
    after = applied()
    returned = removed(after.text, after.removed).returned
    assert returned == (REJECT, f"-A POSTROUTING {make.DOCKER_MASQUERADE}")


def test_a_rule_that_leaves_firewall_remove_comes_back_behind_our_jump():
    after = applied()
    lines = merge(after.text, KEEPING, 4, after.removed).text.splitlines()
    assert lines[lines.index(REJECT) - 1] == "-A FORWARD -m comment --comment podnet -j PODNET-FORWARD"


def test_a_second_apply_remembers_the_same():
    after = applied()
    again = merge(after.text, REMOVING, 4, after.removed, generation=9)
    assert (again.text, again.removed, again.returned) == (after.text, after.removed, ())


def test_what_is_remembered_is_read_back_from_json():
    removals = applied().removed
    assert tuple(RemovedRules.from_json(json.loads(json.dumps(rules.to_json()))) for rules in removals) == removals


def test_until_the_file_is_written_what_comes_back_is_remembered_too():
    after = applied()
    back = removed(after.text, after.removed)
    assert ([len(rules.rules) for rules in back.meanwhile], back.removed) == ([1, 1], ())


def test_a_rule_that_another_program_put_back_meanwhile_is_not_there_twice():
    after = applied()
    lines = after.text.splitlines()
    lines.insert(lines.index("*filter") + 4, REJECT)
    back = removed("\n".join(lines) + "\n", after.removed)
    assert (back.text.count("icmp-host-prohibited"), back.text.splitlines().index(REJECT)) == (1, 5)


def test_a_rule_comes_back_behind_the_one_that_it_followed_whatever_came_between():
    after = applied()
    changed = after.text.replace(
        "[0:0] -A FORWARD -o br0 -j LOG", "-A FORWARD -i new -j DROP\n[0:0] -A FORWARD -o br0 -j LOG"
    ).replace("[3:180]", "-A FORWARD -i later -j DROP\n[3:180]")
    lines = removed(changed, after.removed).text.splitlines()
    forward = [line for line in lines if "-A FORWARD" in line]
    assert forward == [
        "-A FORWARD -i new -j DROP",
        "[0:0] -A FORWARD -o br0 -j LOG",
        REJECT,
        "-A FORWARD -i later -j DROP",
    ]


def test_the_only_rule_of_a_chain_comes_back_in_the_order_of_the_chains():
    alone = SAVED.replace("[0:0] -A FORWARD -o br0 -j LOG\n", "")
    after = applied(alone)
    assert removed(after.text, after.removed).text == alone


def test_a_table_that_is_no_longer_in_the_file_gets_nothing_back_and_that_is_told():
    after = applied()
    text = "*nat" + after.text.partition("*nat")[2]
    back = removed(text, after.removed)
    assert ([entry.line for entry in back.lost], "FORWARD" in back.text) == ([REJECT], False)


def test_a_rule_that_leads_to_a_chain_that_is_gone_does_not_come_back_since_the_file_could_not_be_loaded():
    spec = make.spec(firewall='{remove: [{table: filter, rule: "-A FORWARD -i br0 -j OLD"}]}')
    text = "*filter\n:FORWARD ACCEPT [0:0]\n:OLD - [0:0]\n-A FORWARD -i br0 -j OLD\nCOMMIT\n"
    after = merge(text, Wish.of(make.desired(spec)))
    back = removed(after.text.replace(":OLD - [0:0]\n", ""), after.removed)
    assert ([entry.line for entry in back.lost], "OLD" in back.text) == (["-A FORWARD -i br0 -j OLD"], False)


def test_what_stays_out_is_remembered_although_its_table_is_gone():
    after = applied()
    again = merge("*nat" + after.text.partition("*nat")[2], REMOVING, 4, after.removed)
    assert ({rules.chain.table for rules in again.removed}, again.lost) == ({"filter", "nat"}, ())


@thorough
@given(files(), specs())
def test_taking_ours_out_again_gives_every_rule_back(text, spec):
    wanted = compile_node(spec, spec.topology.nodes[0])
    after = merge(text, Wish.of(wanted))
    back = merge(after.text, Wish.of(compile_removal(spec, spec.topology.nodes[0])), 4, after.removed)
    assert (plain(back.text), back.removed, back.lost) == (plain(text), (), ())


@thorough
@given(files(), specs(size=2), specs(size=2))
def test_a_second_spec_takes_out_what_it_names_and_gives_back_the_rest(text, old, new):
    first, second = (compile_node(spec, spec.topology.nodes[0]) for spec in (old, new))
    after = merge(text, Wish.of(first))
    then = merge(after.text, Wish.of(second), 4, after.removed)
    back = merge(then.text, NOTHING, 4, then.removed)
    assert (plain(back.text), back.lost) == (plain(text), ())


@pytest.mark.parametrize(
    "data",
    [
        {
            "version": 4,
            "table": "nat",
            "chain": "A",
            "lines": [],
            "taken": [{"index": 0, "generation": 1}],
            "led_to": [],
        },
        {"version": 4, "table": "nat", "chain": "A", "lines": ["no rule"], "taken": [], "led_to": []},
        {},
    ],
)
def test_what_podnet_did_not_write_is_not_read(data):
    with pytest.raises((ValueError, KeyError)):
        RemovedRules.from_json(data)

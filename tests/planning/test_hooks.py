"""One jump of ours in each chain where one belongs, none in any other."""

from __future__ import annotations

from netplan.desired.hooks import Hook, hooks_of
from netplan.kinds.chain.value import Chain, ChainKey, jump_to
from netplan.planning.hooks import all_hooks, arrange_hook, rule_changes
from tests import make

JUMP = jump_to(make.FORWARD_CHAIN)
OUTPUT = ChainKey(4, "filter", "OUTPUT")
HOOKS = hooks_of(make.desired(make.spec(firewall=make.REMOVE)))
(FORWARD,) = [hook for hook in HOOKS if hook.chain == make.FORWARD]


def test_a_chain_into_which_a_jump_of_ours_has_strayed_is_looked_at_too():
    state = make.snapshot().replace(Chain, [Chain(OUTPUT, (JUMP,), "ACCEPT")])
    assert [hook for hook in all_hooks(HOOKS, state) if hook.chain == OUTPUT] == [Hook(OUTPUT)]


def test_a_hook_that_a_spec_wants_is_the_one_of_its_chain():
    assert [hook for hook in all_hooks(HOOKS, make.snapshot()) if hook.chain == make.FORWARD] == [FORWARD]


def test_a_jump_that_has_strayed_goes():
    state = make.snapshot().replace(Chain, [Chain(OUTPUT, (JUMP,), "ACCEPT")])
    assert make.said(rule_changes(Hook(OUTPUT), state, {JUMP: make.WHY})) == [f"delete rule filter OUTPUT 1: {JUMP}"]


def test_a_chain_has_our_jump_once_and_no_rule_that_is_to_go():
    rules = make.rules("-i br0 -j ACCEPT", make.REJECT)
    slots = arrange_hook(FORWARD, [*rules, JUMP, JUMP], make.snapshot().chains)
    assert [str(slot.rule) for slot in slots] == [str(rules[0]), str(JUMP)]


def test_without_a_jump_the_others_stay_in_their_order():
    rules = make.rules("-i br0 -j ACCEPT", "-j LOG")
    assert [slot.rule for slot in arrange_hook(Hook(OUTPUT), [rules[0], JUMP, rules[1]], {})] == [*rules]

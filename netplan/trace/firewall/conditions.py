"""Whether a rule's conditions hold for all packets of a class, for some of them, or for none: the only reader of rules.

For a single packet SOMETIMES means that it is unknown: it depends on what is not known of the packet or the node.
"""

from __future__ import annotations

from collections.abc import Iterator

from netplan.net import Prefix
from netplan.netfilter.iptables.operands import BITS, AddressMask, Condition, interface_matches
from netplan.netfilter.iptables.rule import Rule
from netplan.trace.fib import Fib
from netplan.trace.firewall.matches import match_holds
from netplan.trace.firewall.sets import Sets
from netplan.trace.flow import NO_DEVICE, Flow, Holds


def holds(rule: Rule, flow: Flow, fib: Fib | None = None, sets: Sets | None = None) -> Holds:
    """Whether all conditions of a rule hold; without a FIB no address is known to be local, without sets no member."""
    all_hold = Holds.ALWAYS
    for condition in _conditions(rule, flow, fib, sets):
        all_hold = min(all_hold, condition)
        if all_hold is Holds.NEVER:
            break
    return all_hold


def _conditions(rule: Rule, flow: Flow, fib: Fib | None, sets: Sets | None) -> Iterator[Holds]:
    if rule.destination is not None:
        yield _destination(rule.destination, flow)
    if rule.source is not None:
        yield _source(rule.source, flow)
    if rule.protocol is not None:
        known = None if flow.protocol is None else flow.protocol == rule.protocol.value
        yield Holds.when(known).unless(rule.protocol.negated)
    if rule.in_interface is not None:
        yield _device(rule.in_interface, flow.iif)
    if rule.out_interface is not None:
        yield _other_device(rule.out_interface, flow) if flow.other_oif else _device(rule.out_interface, flow.oif)
    if rule.fragment is not None:
        whole = None if flow.state is None else True  # conntrack puts fragments together before any rule
        yield Holds.when(whole).unless(rule.fragment)
    for match in rule.matches:
        yield match_holds(match, flow, fib, sets)


def _source(condition: Condition[AddressMask], flow: Flow) -> Holds:
    within = _within(flow.source, condition.value)
    prefix = condition.value.prefix
    if flow.but_not is not None and prefix is not None and flow.but_not.covers(prefix):
        within = Holds.NEVER
    return within.unless(condition.negated)


def _destination(condition: Condition[AddressMask], flow: Flow) -> Holds:
    if len(flow.destinations) == 1:
        return _within(flow.destinations[0], condition.value).unless(condition.negated)
    answers = {_within(prefix, condition.value) for prefix in flow.destinations}
    within = answers.pop() if len(answers) == 1 else Holds.SOMETIMES
    return within.unless(condition.negated)


def _within(packets: Prefix, named: AddressMask) -> Holds:
    """Whether the addresses of a prefix are among those that a rule names."""
    if packets.length == BITS[packets.version]:
        return Holds.when(packets.version == named.version and packets.value & named.mask == named.value)
    prefix = named.prefix
    if prefix is None:
        return Holds.SOMETIMES
    if prefix.covers(packets):
        return Holds.ALWAYS
    return Holds.SOMETIMES if prefix.overlaps(packets) else Holds.NEVER


def _device(condition: Condition[str], name: str | None) -> Holds:
    named = Holds.when(None if name is None else name != NO_DEVICE and interface_matches(condition.value, name))
    return named.unless(condition.negated)


def _other_device(condition: Condition[str], flow: Flow) -> Holds:
    """Whether packets leave by a device, of which only one is known that they do not leave by."""
    named = Holds.NEVER if condition.value == flow.oif else Holds.SOMETIMES
    return named.unless(condition.negated)

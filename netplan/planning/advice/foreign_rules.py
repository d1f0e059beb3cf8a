"""Rules beside this node's iptables: with which of them a plan must not be applied, and the messages about them.

The kernel runs both backends and every table of nftables, whatever one of them accepted: a rule of ours shields pod
traffic from the rules behind it in its own chain only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from netplan.desired.chains import LINK_LOCAL, MULTICAST
from netplan.desired.model import Desired, Place, Traffic
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.foreign_chain.value import OtherChain, Owner, program_of
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import Address, Prefix, counted
from netplan.planning.advice.case import Case
from netplan.planning.placement import outsides, shielded
from netplan.trace.fib import Fib
from netplan.trace.firewall.foreign import ForeignChains, Harm, RuleEffect
from netplan.trace.flow import Flow
from netplan.trace.intervals import Intervals, join, meet, minus, of_prefix, of_prefixes

_MATTERS: Final = {
    "prerouting": frozenset({RuleEffect.SENDS_ELSEWHERE}),
    "postrouting": frozenset({RuleEffect.REWRITES_SOURCE}),
}
"""What matters of a chain that may rewrite addresses, by its hook; of another, whether it refuses."""

_REFUSES: Final = frozenset({RuleEffect.REFUSES})
_SAID: Final = {
    RuleEffect.REFUSES: "may refuse pod traffic to {}",
    RuleEffect.REWRITES_SOURCE: "may give pod traffic to {} another source",
    RuleEffect.SENDS_ELSEWHERE: "may send pod traffic to {} elsewhere",
}
_OUTSIDE: Final = "the outside"


class _Finding(NamedTuple):
    """What a chain may do to the traffic of the spec, where the packets go, and whether that forbids to apply a plan.

    It does not where the spec names none of the destinations: no router forwards packets to link-local addresses.
    """

    harm: Harm
    destinations: tuple[str, ...]
    forbids: bool


def refuse_foreign_rules(case: Case) -> Iterator[str]:
    """Say which rules beside this node's iptables may undo what the plan is for, and what podnet left there itself."""
    desired, snapshot = case.desired, case.snapshot
    if not desired.traffic:
        return
    for finding in _all_findings(desired, snapshot):
        if finding.forbids:
            yield f"{_text(finding, snapshot)}; take it away first: {_look(finding.harm.chain)} shows it"
    for chain in snapshot.all(OtherChain):
        if chain.left_behind:
            yield (
                f"{_table(chain)} still holds podnet's own chain {chain.chain.key.name}, though iptables is "
                f"iptables-{snapshot.backend} now: podnet remove takes it away, and then this can be applied"
            )


def warn_of_foreign_rules(case: Case) -> Iterator[str]:
    """Say what else there is beside this node's iptables, in one line a table."""
    desired, snapshot = case.desired, case.snapshot
    if not desired.traffic:
        return
    findings = tuple(_all_findings(desired, snapshot))
    versions = {traffic.version for traffic in desired.traffic}
    harmful = {_table(finding.harm.chain) for finding in findings}
    yield from dict.fromkeys(_text(finding, snapshot) for finding in findings if not finding.forbids)
    tables: dict[str, dict[str, OtherChain]] = {}
    for chain in snapshot.all(OtherChain):
        if chain.hook is not None and chain.chain.key.version in versions:
            tables.setdefault(_table(chain), {}).setdefault(chain.chain.key.name, chain)
    for table, chains in tables.items():
        if table not in harmful:
            listed = ", ".join(f"{name} ({_counted(chain)})" for name, chain in chains.items())
            yield f"{_unshown(next(iter(chains.values())), snapshot)}: {listed}"


def _unshown(chain: OtherChain, snapshot: Snapshot) -> str:
    """Say of a chain's table which program does not show it."""
    native = chain.owner is Owner.NFTABLES and not chain.chain.key.table.startswith("ip6 ")
    program = program_of(f"iptables-{snapshot.backend}", 4 if native else chain.chain.key.version)
    return f"{_table(chain)} holds rules that {program} does not show"


def _all_findings(desired: Desired, snapshot: Snapshot) -> Iterator[_Finding]:
    if snapshot.all(OtherChain):
        addressed = _addressed(desired, snapshot)
        for traffic in desired.traffic:
            yield from _findings(desired, traffic, addressed)


def _addressed(desired: Desired, snapshot: Snapshot) -> Snapshot:
    """Return the state with the addresses of a tunnel to come: MASQUERADE drops IPv6 on a device that has none."""
    return snapshot.replace(LinkAddress, dict.fromkeys((*snapshot.all(LinkAddress), *desired.all(LinkAddress))))


def _text(finding: _Finding, snapshot: Snapshot) -> str:
    harm = finding.harm
    said = _SAID[harm.effect].format(" and ".join(finding.destinations))
    return f"{_unshown(harm.chain, snapshot)}, and {harm.place} {said}: {harm.rule}"


def _table(chain: OtherChain) -> str:
    return f"{chain.program}'s table {chain.chain.key.table}"


def _counted(chain: OtherChain) -> str:
    count = counted(chain.length, "rule")
    return count if chain.chain.policy in (None, "ACCEPT") else f"{count}, policy {chain.chain.policy}"


def _look(chain: OtherChain) -> str:
    table = chain.chain.key.table
    return f"nft list table {table}" if chain.owner is Owner.NFTABLES else f"{chain.program}-save -t {table}"


def _findings(desired: Desired, traffic: Traffic, snapshot: Snapshot) -> Iterator[_Finding]:
    """Return at most one finding for each chain that packets enter: of filters that nft made none forbids a plan."""
    fib = Fib(snapshot, traffic.version)
    forwarded = tuple(_forwarded(desired, traffic, fib))
    places = {jump.place for jump in desired.jumps}
    for entered in ForeignChains(snapshot, fib).entered():
        chain = entered.chain
        wanted = Place.SHIELD if chain.nat else Place.LATE
        if chain.on_the_way and wanted in places:
            effects = _MATTERS.get(chain.hook or "", frozenset()) if chain.nat else _REFUSES
            arriving = _rewritable(traffic, chain) if chain.nat else _refusable(forwarded, chain)
            flows = [leaving for flow in arriving for leaving in _passing(flow, desired, traffic, fib)]
            of_spec = [flow for flow in flows if not _link_local(flow, traffic)]
            harm = entered.harm(of_spec, effects)
            forbids = harm is not None and (chain.nat or chain.owner is not Owner.NFTABLES)
            harm = harm or entered.harm(flows, effects)
            if harm is not None:
                yield _Finding(harm, tuple(_named(harm, traffic)), forbids)


def _link_local(flow: Flow, traffic: Traffic) -> bool:
    """Whether packets go to addresses that keep their meaning on one link only, and that the spec does not name."""
    near = [LINK_LOCAL[traffic.version], MULTICAST[traffic.version]]
    left = of_prefixes(prefix for prefix in near if prefix not in traffic.exempt)
    return not minus(flow.destination, left)


def _named(harm: Harm, traffic: Traffic) -> Iterator[str]:
    """Return where the packets of a harm go, in the prefixes of the spec."""
    left = harm.destinations
    named: list[Prefix] = []
    for prefix in sorted({traffic.subnet, *traffic.kept}, key=lambda prefix: -prefix.length):
        if meet(left, of_prefix(prefix)):
            left = minus(left, of_prefix(prefix))
            named.append(prefix)
    yield from (
        str(prefix) for prefix in sorted(named) if not any(other != prefix and other.covers(prefix) for other in named)
    )
    if left:
        yield _OUTSIDE


def _rewritable(traffic: Traffic, chain: OtherChain) -> Iterator[Flow]:
    """Return the first packets of connections that must keep their addresses, as they come to a chain.

    A pod that reaches itself by a published port stays on the bridge, and must be given another source.
    """
    for flow in shielded(traffic):
        arriving = replace(
            flow, state="NEW", iif=None if flow.oif == traffic.bridge and not flow.other_oif else traffic.bridge
        )
        if flow.other_oif:
            arriving = replace(arriving, destination=minus(flow.destination, of_prefix(traffic.subnet)))
        if chain.hook == "postrouting":  # before Linux 5.7 rules there did not see by which device packets came
            yield replace(arriving, iif=None)
        else:  # marks that ask for SNAT are set here
            yield arriving.remarked()


def _passing(flow: Flow, desired: Desired, traffic: Traffic, fib: Fib) -> Iterator[Flow]:
    """Return packets as they leave that are neither from nor for the node, those by another device than the bridge."""
    own = fib.addresses_of("LOCAL")
    flow = replace(flow, source=minus(flow.source, own), destination=minus(flow.destination, own))
    if not flow.other_oif:
        yield flow
        return
    for device, addresses in _ways(flow.destination, desired, traffic, fib):
        yield replace(flow, destination=addresses, oif=device, other_oif=False)


def _forwarded(desired: Desired, traffic: Traffic, fib: Fib) -> Iterator[Flow]:
    """Return the packets that must come through: from pod to pod, and between pods and what they are to reach.

    A prefix without a route of its own stands for the outside: a rule for other addresses is a policy.
    """
    bridge, subnet = traffic.bridge, traffic.subnet
    yield Flow.between(subnet, subnet, iif=bridge, oif=bridge)
    beyond = (*traffic.exempt, *outsides(traffic)) if traffic.accepts_outside else ()
    for prefix in (traffic.network, *beyond):
        for device, _ in _ways(of_prefix(prefix), desired, traffic, fib):
            yield Flow.between(subnet, prefix, iif=bridge, oif=device)
            but_not = subnet if prefix.covers(subnet) else None
            yield Flow.between(prefix, subnet, but_not=but_not, iif=device, oif=bridge)


def _ways(addresses: Intervals, desired: Desired, traffic: Traffic, fib: Fib) -> Iterator[tuple[str, Intervals]]:
    """Return the devices by which packets to addresses leave: as it is wanted, else as it is, else the node's own.

    Where routes are wanted, addresses that none of them leads to may be reached by each of their devices.
    """
    devices: dict[str, list[Prefix]] = {}
    for route in desired.all(Route):
        if route.oif is not None and route.prefix.version == traffic.version:
            devices.setdefault(route.oif, []).append(route.prefix)
    ways = [(device, meet(addresses, of_prefixes(prefixes))) for device, prefixes in sorted(devices.items())]
    wanted = [(device, part) for device, part in ways if part]
    if wanted:
        left = minus(addresses, of_prefixes(prefix for prefixes in devices.values() for prefix in prefixes))
        yield from ((device, join(part, left)) for device, part in wanted)
    elif addresses:
        there = fib.route_to(Address(traffic.version, addresses[0]))
        yield traffic.node.interface if there is None or there.oif is None else there.oif, addresses


def _refusable(forwarded: Iterable[Flow], chain: OtherChain) -> Iterator[Flow]:
    """Return packets as they come to a chain.

    What conntrack calls invalid may be dropped: of the others each state is a class. Where rules may see packets before
    conntrack does, nothing is known of it.
    """
    for flow in forwarded:
        if chain.hook in ("forward", "postrouting"):
            yield from (replace(flow, state=state) for state in ("NEW", "ESTABLISHED"))
        else:
            yield flow

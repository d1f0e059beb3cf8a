"""How packets fare, measured by what the spec wants of them, what is to blame, and how that is said.

Refused as a policy is what is refused in a chain that is there for that: it is said, and is not broken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from enum import Enum
from typing import Final

from netplan.kinds.address.value import UNIVERSE, LinkAddress
from netplan.kinds.chain.value import ChainKey
from netplan.kinds.link.value import Link
from netplan.kinds.snapshot import Snapshot
from netplan.planning.traffic.classes import SourceAddress
from netplan.planning.traffic.probe import Probe
from netplan.trace import Did, PacketVerdict, Step, Trace
from netplan.trace.addresses import LOOPBACK
from netplan.trace.flow import Phase

_ROUTING: Final = "route"
_DOCKERS: Final = "docker0"
_CHAINS: Final = (
    ("KUBE-", "kube-proxy's"),
    ("DOCKER", "docker's"),
    ("CNI-", "a CNI plugin's"),
    ("FLANNEL-", "flannel's"),
    ("IP-MASQ", "ip-masq-agent's"),
    ("cali", "Calico's"),
    ("CILIUM_", "Cilium's"),
    ("WEAVE", "Weave's"),
    ("ufw", "ufw's"),
    ("PODNET-", "podnet's"),
)

_SHAPES: Final = (
    (re.compile(r"-s \S+ ! -o \S+ -j MASQUERADE"), "docker's MASQUERADE"),
    (re.compile(r"-s (\S+) -d \1 -p \w+ -m \w+ --dport \d+ -j MASQUERADE"), "docker's hairpin MASQUERADE"),
    (re.compile(r"-j REJECT --reject-with icmp6?-(host|adm)-prohibited"), "the distribution's REJECT"),
)

_POLICY: Final = (
    *("DOCKER-USER", "CNI-ADMIN", "KUBE-NWPLCY", "KUBE-POD-FW", "KUBE-ROUTER", "KUBE-NETWORK-POLICIES", "cali"),
    *("CILIUM_", "WEAVE-NPC", "ufw-user-"),
)
"""How the chains begin in which an administrator, or a network policy, says what may reach what."""


_DIRECT_ACCESS: Final = (
    (re.compile(r"(^|\s)raw PREROUTING \d+$"), re.compile(r"-d \S+ ! -i \S+ (-p .*)?-j DROP")),
    (re.compile(r"(^|\s)filter DOCKER \d+$"), re.compile(r"! -i (\S+) -o \1 -j DROP")),
    (re.compile(r"^nft ip6? docker-bridges "), re.compile(r"(.* )?-j DROP")),
)
"""Where docker refuses what comes for containers by another device than their bridge, and by which rules."""
_ZONES: Final = re.compile(r"^nft inet firewalld |(^|\s)filter FWD[IO]?_\S+ \d+$")
_SERVICES: Final = re.compile(r"(^|\s)nat KUBE-\S+ \d+$|^nft ip6? kube-proxy ")


class Fares(Enum):
    """How traffic fares, measured by what the spec wants of it."""

    WELL = "as wanted, or nothing is wanted of it"
    BROKEN = "otherwise than wanted"
    REFUSED = "refused by another program's policy"
    UNKNOWN = "unknown"


def fares_of(trace: Trace, probe: Probe) -> Fares:
    """Measure what became of a packet by what the spec wants of it."""
    if not probe.wanted:
        return Fares.WELL
    if probe.fault is not None:
        return Fares.BROKEN
    if trace.possible:
        return _certain({fares_of(end, probe) for end in trace.possible})
    if trace.verdict in (PacketVerdict.DROP, PacketVerdict.REJECT):
        return _refused(trace, probe)
    return _arrived(trace, probe)


def works(trace: Trace, probe: Probe) -> bool:
    """Whether a connection certainly comes to where it was to go, under whatever source."""
    ends = trace.possible or (trace,)
    wanted = probe.wanted and probe.fault is None
    return wanted and all(
        end.verdict is PacketVerdict.ACCEPT
        and end.phase is Phase.FIRST
        and end.destination == probe.packet.destination
        and not strays(end, probe)
        for end in ends
    )


def _arrived(trace: Trace, probe: Probe) -> Fares:
    unread = probe.source is not None and trace.source is None
    if trace.verdict is PacketVerdict.UNKNOWN or trace.destination is None or unread:
        return Fares.UNKNOWN
    if trace.phase is not Phase.FIRST:
        return Fares.WELL if _is_of_others(trace, probe) else Fares.BROKEN
    if _served(trace, probe):
        return Fares.WELL
    arrives = trace.destination == probe.packet.destination and not strays(trace, probe)
    kept = SourceAddress.KEPT if trace.source == probe.packet.source else SourceAddress.REWRITTEN
    return Fares.WELL if arrives and probe.source in (None, kept) else Fares.BROKEN


def _served(trace: Trace, probe: Probe) -> bool:
    """Whether an address of the outside is one of kube-proxy's services, so that packets go where that says."""
    step = _last(trace.steps, Did.REWROTE_DESTINATION)
    return probe.beyond and not probe.arrives and step is not None and _SERVICES.search(step.at) is not None


def _certain(fares: Set[Fares]) -> Fares:
    """Say how a packet fares that may come to several ends: where each of them is wrong it is known all the same."""
    if len(fares) == 1:
        return next(iter(fares))
    return Fares.BROKEN if fares <= {Fares.BROKEN, Fares.REFUSED} else Fares.UNKNOWN


def fault_of(bridge: LinkAddress, state: Snapshot) -> Step | None:
    """Say what is wrong with the bridge of the pods, so that none can be reached; a bridge that is not there has none.

    Whether it has a carrier does not count: it has none as long as it has no pods.
    """
    device, wanted = bridge.link, bridge.address
    up = next((link.up for link in state.all(Link) if link.name == device), None)
    if up is None:
        return None
    if not up:
        return _fault(f"{device} is down: ip link set {device} up")
    addresses = [own.address for own in state.all(LinkAddress) if own.link == device and own.scope == UNIVERSE]
    if any(address.prefix == wanted.prefix for address in addresses):
        return None
    version = wanted.address.version
    has = [str(address) for address in addresses if address.address.version == version] or [f"no IPv{version} address"]
    docker = {4: f"start dockerd with --bip={wanted}", 6: f"start dockerd with --ipv6 --fixed-cidr-v6={wanted.prefix}"}
    remedy = docker[version] if device == _DOCKERS else f"ip address add {wanted} dev {device}"
    return _fault(f"{device} has {', '.join(has)}, the spec says {wanted.prefix}: {remedy}")


def _fault(text: str) -> Step:
    return Step("bridge", "", Did.REFUSED, text)


def telling(trace: Trace, probe: Probe) -> Trace:
    """Return what tells of a packet: one of the ends that it may come to where each of them is wrong."""
    return trace.possible[0] if trace.possible and fares_of(trace, probe) is Fares.BROKEN else trace


def strays(trace: Trace, probe: Probe) -> bool:
    """Whether a packet leaves by another way than the one that is wanted."""
    by_device = probe.device not in (None, trace.oif)
    by_way = by_device or (probe.way is not None and (trace.oif, trace.next_hop) != probe.way)
    return trace.phase is Phase.FIRST and by_way


def _is_of_others(trace: Trace, probe: Probe) -> bool:
    """Whether packets go to the outside, where routes are others' matter."""
    return probe.beyond and probe.arrives is trace.phase.back


def _refused(trace: Trace, probe: Probe) -> Fares:
    """Say whether it is wrong that a packet was refused; with `forward: none` the filters are not podnet's matter."""
    at, route = trace.steps[-1][:2] if trace.steps else ("", "")
    if at == _ROUTING:
        passing = probe.beyond and not route and not trace.phase.back
        return Fares.WELL if passing or _is_of_others(trace, probe) else Fares.BROKEN
    if not probe.accepted:
        return Fares.WELL
    policy = holds_policy(at) or (
        probe.beyond and trace.phase is Phase.FIRST and guards(at, route, arrives=probe.arrives)
    )
    return Fares.REFUSED if policy and not probe.tunnelled else Fares.BROKEN


def culprit(trace: Trace, probe: Probe) -> Step | None:
    """Return the step that refused the packet, rewrote or kept its addresses, or left in doubt what became of it."""
    if probe.fault is not None:
        return probe.fault
    trace = telling(trace, probe)
    if trace.doubt is not None or trace.verdict is not PacketVerdict.ACCEPT:
        return trace.doubt or (trace.steps[-1] if trace.steps else None)
    if trace.phase is not Phase.FIRST:
        return _last(trace.steps, Did.UNTRACKED) or _by_routing(trace)
    return _misled(trace, probe)


def _misled(trace: Trace, probe: Probe) -> Step | None:
    """Return the step by which a packet that was accepted has another destination, source or way than it should."""
    if trace.destination != probe.packet.destination:
        return _last(trace.steps, Did.REWROTE_DESTINATION)
    if probe.source is SourceAddress.KEPT and trace.source != probe.packet.source:
        return _last(trace.steps, Did.REWROTE_SOURCE)
    if strays(trace, probe):
        return _by_routing(trace)
    return _spared(trace, probe) if probe.source is SourceAddress.REWRITTEN else _last(trace.steps, Did.REWROTE_SOURCE)


def _by_routing(trace: Trace) -> Step | None:
    return _last(trace.steps, Did.SELECTED_TABLE) or _last(trace.steps, Did.ROUTED) or _last(trace.steps, Did.DELIVERED)


def _spared(trace: Trace, probe: Probe) -> Step:
    """Return the step by which a packet keeps its source that should have got another."""
    routed = max((number for number, step in enumerate(trace.steps) if step.at == _ROUTING), default=-1)
    postrouting = ChainKey(probe.packet.version, "nat", "POSTROUTING")
    later = trace.steps[routed + 1 :]
    hooked = [step for step in later if step.at.startswith(f"{postrouting} ")]
    return (
        _last(later, Did.KEPT_ADDRESSES)
        or _last(trace.steps, Did.UNTRACKED)
        or _last(hooked, Did.RETURNED)
        or Step(str(postrouting), "", Did.PASSED, "nothing masquerades it")
    )


def _last(steps: Sequence[Step], did: Did) -> Step | None:
    """Return the last step that did this for certain."""
    return next((step for step in reversed(steps) if step.did is did and step.certain), None)


def fate(trace: Trace, probe: Probe, *, astray: bool) -> str:
    """Say in a word what becomes of a packet; with `astray` also that it takes another way than it should."""
    if probe.fault is not None and probe.wanted:
        return "cut off"
    trace = telling(trace, probe)
    phase = "" if trace.phase is Phase.FIRST else f"{trace.phase} "
    if trace.verdict is not PacketVerdict.ACCEPT:
        return phase + {PacketVerdict.DROP: "dropped", PacketVerdict.REJECT: "rejected"}.get(trace.verdict, "unknown")
    if phase:
        return f"{phase}take the wrong path dev {trace.oif}"
    if trace.destination != probe.packet.destination:
        served = all(_served(end, probe) for end in trace.possible or (trace,))
        return "translated by kube-proxy" if served else f"sent to {trace.destination or 'an unknown destination'}"
    if astray and strays(trace, probe):
        return f"takes the wrong path {by_way_of(trace) if probe.device is None else f'by {trace.oif}'}"
    return "let in" if trace.oif == LOOPBACK else _source(trace, probe)


def _source(trace: Trace, probe: Probe) -> str:
    if trace.source == probe.packet.source:
        return "not masqueraded" if probe.source is SourceAddress.REWRITTEN else "source kept"
    return "source unknown" if trace.source is None else f"source {trace.source}"


def by_way_of(trace: Trace) -> str:
    """Say to which next hop packets leave."""
    return "direct" if trace.next_hop is None else f"via {trace.next_hop}"


def whose(at: str, rule: str) -> str:
    """Return whose a rule looks like, and what it is; empty if that is unknown.

    `at` is its table, chain and position. The shapes are those of docker 20.10 and of iptables-services.
    """
    for shape, name in _SHAPES:
        if shape.fullmatch(rule):
            return name
    chain = _chain(at)
    target = re.search(r"-j (\S+)", rule)
    for start, name in _CHAINS:
        if chain.startswith(start):
            return f"{name} {target[1] if target else 'rule'}"
    return ""


def blamed(step: Step) -> str:
    """Name a step: its place, and whose rule it looks like."""
    looks_like = whose(step.at, step.rule)
    return f"{step.at}, {looks_like}" if looks_like else said(step)


def said(step: Step) -> str:
    """Return a step's place with its rule, or what happened there where no rule is to blame."""
    return f"{step.at}: {step.rule or step.effect}"


def holds_policy(at: str) -> bool:
    """Whether a rule's chain is there for policies, so that what it refuses is refused on purpose."""
    return _chain(at).startswith(_POLICY)


def guards(at: str, rule: str, *, arrives: bool) -> bool:
    """Whether a rule keeps the outside away, as docker does from containers (since 28.0) and firewalld by its zones."""
    return (arrives and refuses_direct_access(at, rule)) or _ZONES.search(at) is not None


def refuses_direct_access(at: str, rule: str) -> bool:
    """Whether a rule is one by which docker keeps packets from containers that do not come by their bridge."""
    return any(place.search(at) and shape.fullmatch(rule) for place, shape in _DIRECT_ACCESS)


def _chain(at: str) -> str:
    """Return the chain of a place, which stands before the position there."""
    words = at.split()
    return (
        words[-2] if len(words) > 1 and (words[-1].isdecimal() or words[-1] == "policy") else words[-1] if words else ""
    )

"""What a plan may do that a user has to allow: each danger with the flag that allows it.

podnet writes no policy of a built-in chain, so that none can change: there is no flag for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.chain.value import PlacedRule
from netplan.kinds.resource import Action, Change, Resource
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import Address, printable
from netplan.netfilter.iptables.names import TCP
from netplan.planning.on_link import OnLink
from netplan.planning.plan import NodePlan
from netplan.planning.traffic.effects import TrafficEffect
from netplan.planning.traffic.judge import blamed, refuses_direct_access
from netplan.trace import Packet, PacketVerdict, Step, Trace, Tracer
from netplan.trace.fib import Fib
from netplan.trace.firewall.conditions import holds
from netplan.trace.flow import Holds

_FEW: Final = 2
_LISTED: Final = 3
_PORTS: Final = 65535
_ESTABLISHED: Final = "ESTABLISHED"
_INCOMING: Final = ("raw PREROUTING", "mangle PREROUTING", "mangle INPUT", "filter INPUT")
_OUTGOING: Final = ("raw OUTPUT", "mangle OUTPUT", "filter OUTPUT", "mangle POSTROUTING")
_DIRECT_ROUTING: Final = (
    "start dockerd with --allow-direct-routing, or make the bridge's network with"
    " -o com.docker.network.bridge.trusted_host_interfaces=INTERFACE"
)
_NEVER_MISSED: Final = frozenset({"DROP", "REJECT", "LOG", "NFLOG"})
"""Targets of rules without which a packet fares no worse."""


class Flag(StrEnum):
    """The options that allow a danger."""

    SESSION = "--allow-session"
    DEFAULT_ROUTE = "--allow-default-route"
    MANY_DELETES = "--allow-many-deletes"
    OFF_LINK = "--allow-off-link"
    BROKEN_TRAFFIC = "--allow-broken-traffic"


class Danger(Struct, frozen=True):
    """Something that a plan would do, the option without which it is refused, and the objects that it is about, if few.

    A plan that does not change these objects has not this danger.
    """

    flag: Flag
    text: str
    objects: tuple[Resource, ...] = ()

    def __str__(self) -> str:
        return f"{self.flag}: {self.text}"


class Session(Struct, frozen=True):
    """A TCP connection to this node, by which a user is logged in."""

    client: Address
    client_port: int
    server: Address
    server_port: int

    @classmethod
    def parse(cls, text: str) -> Session:
        """Read SSH_CONNECTION; ValueError if it names no connection, as of an sshd without a socket."""
        words = text.split()
        if len(words) != 4:
            raise ValueError(f"{text!r} is not CLIENT PORT SERVER PORT")
        return cls(_address(words[0]), _port(words[1]), _address(words[2]), _port(words[3]))


def dangers(plan: NodePlan, before: Snapshot, after: Snapshot, session: str | None) -> tuple[Danger, ...]:
    """Return every danger of a plan that leads from the whole state `before` to `after`.

    `session` is the user's SSH_CONNECTION on the node, None if no user is logged in, or if it is another machine.
    """
    if not plan.changes:
        return ()
    return (
        *_of_session(plan.changes, before, after, session),
        *_of_default_route(plan.changes),
        *_of_deletes(plan.changes, before),
        *_of_next_hops(plan.changes, after),
        *_of_traffic(plan.effects),
    )


def _address(text: str) -> Address:
    """Read an address; a link-local one of IPv6 names its device too."""
    return Address.parse(text.partition("%")[0])


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) <= _PORTS):
        raise ValueError(f"{text!r} is not a port")
    return int(text)


def _of_session(
    changes: Iterable[Change[Resource]], before: Snapshot, after: Snapshot, text: str | None
) -> Iterator[Danger]:
    """Return what endangers the session; nothing endangers one to another network namespace."""
    if text is None:
        return
    try:
        session = Session.parse(text)
    except ValueError as error:
        message = f"it is unknown what becomes of your SSH session: SSH_CONNECTION: {printable(str(error))}"
        yield Danger(Flag.SESSION, message)
        return
    if _ends_here(session, before):
        yield from (Danger(Flag.SESSION, message) for message in _cut(tuple(changes), before, after, session))


def _ends_here(session: Session, state: Snapshot) -> bool:
    """Whether it is a session to this network namespace."""
    version = session.client.version
    return session.server.version == version and Fib(state, version).holder(session.server) is not None


def session_packets(text: str | None, state: Snapshot) -> tuple[Packet, ...]:
    """Return the packets by which a session is followed through a node's rules; none where nothing can be followed.

    `text` is its SSH_CONNECTION, None if there is none; of `state` only addresses and routes count.
    """
    try:
        session = None if text is None else Session.parse(text)
    except ValueError:
        return ()
    if session is None or not _ends_here(session, state):
        return ()
    return tuple(packet for _, packet, _ in _ways(session, Fib(state, session.client.version)))


def _cut(changes: tuple[Change[Resource], ...], before: Snapshot, after: Snapshot, session: Session) -> Iterator[str]:
    """Return, as texts, how the packets of a session would fare otherwise, and which change touches what they use."""
    tracers = Tracer(before), Tracer(after)
    fib = tracers[0].fib(session.client.version)
    for name, packet, hooks in _ways(session, fib):
        then, now = (tracer.trace(packet) for tracer in tracers)
        if _otherwise(then, now):
            yield f"{name} of your SSH session from {session.client} would be {_fate(now)}; now they are {_fate(then)}"
        for change in changes:
            if _uses(then, packet, hooks, change, fib):
                yield (
                    f"{name} of your SSH session from {session.client} use what would go: "
                    f"{change.resource.kind} {printable(str(change.before))}"
                )
    used = fib.route_to(session.client)
    for change in changes:
        if used is not None and change.before == used:
            after_it = "go" if change.after is None else f"become {printable(str(change.after))}"
            yield f"the route to your SSH session from {session.client} would {after_it}: {printable(str(used))}"


def _ways(session: Session, fib: Fib) -> Iterator[tuple[str, Packet, tuple[str, ...]]]:
    """Return a packet for each direction of a session, with the hooks at which filters see an established one."""
    arrival = _device_to(session.client, fib)
    to_server = Packet(session.client, session.server, TCP, session.client_port, session.server_port, iif=arrival)
    if arrival is not None or fib.holder(session.client) is not None:
        yield "packets", to_server, _INCOMING
    to_client = Packet(session.server, session.client, TCP, session.server_port, session.client_port)
    yield "answers", to_client, _OUTGOING


def _device_to(client: Address, fib: Fib) -> str | None:
    """Return the device by which a client's packets arrive: the one by which answers leave."""
    route = None if fib.holder(client) is not None else fib.route_to(client)
    if route is None:
        return None
    return route.oif or next((hop.oif for hop in route.hops), None)


def _otherwise(before: Trace, after: Trace) -> bool:
    """Whether a packet may fare worse; where it is lost or in doubt before, only that it is lost for sure counts."""
    if before.verdict is PacketVerdict.UNKNOWN:
        return after.verdict in (PacketVerdict.DROP, PacketVerdict.REJECT)
    if before.verdict is not PacketVerdict.ACCEPT:
        return False
    return _way(before) != _way(after)


def _way(trace: Trace) -> tuple[object, ...]:
    return trace.verdict, trace.oif, trace.next_hop, trace.source


def _fate(trace: Trace) -> str:
    """Return what becomes of a packet, in words."""
    if trace.verdict is PacketVerdict.UNKNOWN:
        return "to an unknown destination" if trace.doubt is None else f"in doubt at {printable(trace.doubt.at)}"
    if trace.verdict is not PacketVerdict.ACCEPT:
        lost = trace.steps[-1].at if trace.steps else "the end"
        return f"{'dropped' if trace.verdict is PacketVerdict.DROP else 'rejected'} at {printable(lost)}"
    if trace.oif == "lo":
        return f"taken in with source {trace.source}"
    via = f" via {trace.next_hop}" if trace.next_hop is not None else ""
    return f"sent by {trace.oif}{via} with source {trace.source}"


def _uses(trace: Trace, packet: Packet, hooks: tuple[str, ...], change: Change[Resource], fib: Fib) -> bool:
    """Whether a packet uses a rule that is deleted, as the first of its connection or as a later one."""
    placed = change.before
    if not isinstance(placed, PlacedRule) or change.after is not None:
        return False
    if placed.rule.target is not None and placed.rule.target.name in _NEVER_MISSED:
        return False
    if any((step.at, step.rule) == (placed.label, str(placed.rule)) for step in trace.steps):
        return True
    device = trace.oif if packet.iif is None else None
    later = replace(packet.flow, state=_ESTABLISHED, hook=placed.chain.name)
    later = replace(later, oif=device) if device is not None else later
    return str(placed.chain) in hooks and holds(placed.rule, later, fib) is not Holds.NEVER


def _of_default_route(changes: Iterable[Change[Resource]]) -> Iterator[Danger]:
    for change in changes:
        if isinstance(change.resource, Route) and change.resource.prefix.length == 0:
            yield Danger(Flag.DEFAULT_ROUTE, f"the default route would change: {_change_text(change)}")


def _change_text(change: Change[Resource]) -> str:
    if change.action is Action.UPDATE:
        return f"{change.before} would become {change.after}"
    return f"{change.action.value} {change.resource}"


def _of_deletes(changes: Iterable[Change[Resource]], before: Snapshot) -> Iterator[Danger]:
    total = sum(1 for route in before.all(Route) if route.ours)
    deleted = [change.resource for change in changes if change.after is None and isinstance(change.resource, Route)]
    if len(deleted) > _FEW and 3 * len(deleted) > total:
        yield Danger(Flag.MANY_DELETES, f"{len(deleted)} of podnet's {total} routes would go: {_some(deleted)}")


def _of_next_hops(changes: Iterable[Change[Resource]], after: Snapshot) -> Iterator[Danger]:
    """Return the danger of routes whose next hop is not on-link."""
    on_link = OnLink(after)
    off = [change.after for change in changes if isinstance(change.after, Route) and on_link.off(change.after)]
    if off:
        count = f"{len(off)} routes" if len(off) > 1 else "a route"
        yield Danger(Flag.OFF_LINK, f"{count} would lead to a next hop that is not on-link: {_some(off)}", tuple(off))


def _of_traffic(effects: Iterable[TrafficEffect]) -> Iterator[Danger]:
    """Return the danger of breaking traffic that works, and what helps against it where that is known."""
    for effect in effects:
        if effect.breaks:
            step = effect.after_blame
            blame = "" if step is None else f": {printable(blamed(step))}"
            remedy = "" if step is None else _remedy_for(step)
            fate = f"works now, and would not: {effect.words[1]}{blame}"
            yield Danger(Flag.BROKEN_TRAFFIC, f"{printable(effect.probe.title)} {fate}{remedy and f'; {remedy}'}")


def _remedy_for(step: Step) -> str:
    """Return what helps against a rule, empty if that is unknown: docker's, against packets straight to containers."""
    return _DIRECT_ROUTING if refuses_direct_access(step.at, step.rule) else ""


def _some(routes: list[Route] | list[Resource]) -> str:
    shown = ", ".join(printable(str(route)) for route in routes[:_LISTED])
    return shown if len(routes) <= _LISTED else f"{shown} and {len(routes) - _LISTED} more"

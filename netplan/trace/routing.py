"""Where packets go from a node: to itself, or out by a device, or nowhere (net/ipv4/route.c).

Rules of policy routing are not followed: what a state holds is the local and the main table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final, NamedTuple

from netplan.kinds.route.value import Hop, Route
from netplan.net import Address, IfName
from netplan.trace.fib import LOOPBACK, Fib, is_loopback, is_martian_source
from netplan.trace.flow import Flow, single
from netplan.trace.walk import Step

Settings = Mapping[str, str]

IP_FORWARD: Final = "net.ipv4.ip_forward"
BRIDGE_CALLS: Final = "net.bridge.bridge-nf-call-iptables"

_STRICT: Final = 1


class Verdict(StrEnum):
    """What becomes of a packet in the end."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    UNKNOWN = "unknown"


class Turn(NamedTuple):
    """Where packets go, or the verdict that ends their way; `local` is to this node itself."""

    flow: Flow
    steps: tuple[Step, ...]
    verdict: Verdict | None = None
    local: bool = False


_REFUSALS: Final = {"blackhole": Verdict.DROP, "unreachable": Verdict.REJECT, "prohibit": Verdict.REJECT}


class Router:
    """Takes the routing decisions of a state."""

    def __init__(self, fib: Fib, settings: Settings) -> None:
        self._fib = fib
        self._settings = settings

    def arriving(self, flow: Flow) -> Iterator[Turn]:
        """Decide on packets that came by a device; each of several answers is one that nobody can rule out."""
        source, destination = flow.from_address, flow.to_address
        if source is None or destination is None:
            yield _unknown(flow, "its addresses are not known")
            return
        refused = list(self._martian(flow, source, destination))
        yield from refused
        if any(turn.steps[-1].certain for turn in refused):
            return
        for turn in self._onwards(flow, destination):
            refused = list(self._disbelieved(flow, source)) if turn.verdict is None else []
            yield from refused
            if not any(each.steps[-1].certain for each in refused):
                yield turn

    def _onwards(self, flow: Flow, destination: Address) -> Iterator[Turn]:
        kind = self._fib.type_of(destination)
        if self._is_own(destination):
            yield self._delivered(flow, destination)
        elif kind == "LOCAL":
            yield from self._routed(flow, destination)
        elif kind == "MULTICAST":
            yield _unknown(flow, "multicast goes where its routing daemon says")
        else:
            forward = self._settings.get(IP_FORWARD)
            if forward != "1":
                yield _refused(flow, Verdict.DROP, f"dropped: {IP_FORWARD} is {forward or 'not known'}", forward == "0")
            if forward != "0":
                yield from self._routed(flow, destination)

    def sent(self, flow: Flow) -> Iterator[Turn]:
        """Decide on packets that a process of this node sends; one without a source gets the one of its route."""
        destination = flow.to_address
        if destination is None:
            yield _unknown(flow, "where it goes is not known")
        elif self._fib.holder(destination) is not None:
            yield _looped(self._delivered(_from(flow, self._fib.own_source(destination)), destination))
        elif (device := self._fib.broadcaster(destination)) is not None:
            source = self._fib.select_address(device, destination)
            yield _out(_from(flow, source), Hop(IfName(device), None), f"broadcast {destination} dev {device}")
        else:
            for turn in self._routed(flow, destination):
                yield from [_looped(turn)] if turn.local else self._leaving(turn)

    def _leaving(self, turn: Turn) -> Iterator[Turn]:
        """Refuse to send from a loopback address to somewhere else, unless a setting allows it."""
        source, device = turn.flow.from_address, turn.flow.oif
        allowed: int | None = 1
        if source is not None and is_loopback(source) and device != LOOPBACK and turn.verdict is None:
            allowed = self._of_device("route_localnet", device or "")
        if allowed != 1:
            why = f"dropped: {source} is not to leave this node (route_localnet)"
            yield _refused(turn.flow, Verdict.DROP, why, allowed is not None)
        if allowed != 0:
            yield turn

    def on_link(self, flow: Flow, device: str) -> bool:
        """Whether packets go straight to a host on a device's own network."""
        destination = flow.to_address
        if destination is None or self._fib.type_of(destination) != "UNICAST":
            return False
        route = self._fib.route_to(destination)
        return route is not None and route.oif == device and route.next_hop is None and route.type == "unicast"

    def _is_own(self, destination: Address) -> bool:
        """Whether an address of this node's devices, or a broadcast to them."""
        own = self._fib.holder(destination) or self._fib.broadcaster(destination)
        return own is not None or self._fib.type_of(destination) == "BROADCAST"

    def _delivered(self, flow: Flow, destination: Address) -> Turn:
        device = self._fib.holder(destination) or self._fib.broadcaster(destination)
        step = Step("local address", f"{destination} dev {device}" if device else str(destination), "for this node")
        return Turn(flow, (step,), local=True)

    def _routed(self, flow: Flow, destination: Address) -> Iterator[Turn]:
        """Look packets up in the main table."""
        route = self._fib.route_to(destination)
        if route is None or route.type == "throw":
            yield _refused(flow, Verdict.REJECT, f"rejected: no route to {destination}")
        elif route.type in _REFUSALS:
            verdict = _REFUSALS[route.type]
            yield Turn(flow, (Step("route", str(route), verdict_text(verdict)),), verdict)
        elif route.type == "local":
            step = Step("route", str(route), "for this node")
            yield Turn(_from(flow, route.prefsrc or destination), (step,), local=True)
        elif route.type == "unicast":
            yield from self._hops(flow, route)
        else:
            yield _unknown(flow, "a route of this type is not followed", str(route))

    def _hops(self, flow: Flow, route: Route) -> Iterator[Turn]:
        """Take a route: any of its hops, where there are several."""
        hops = route.hops or (Hop(route.oif, route.next_hop),)
        for hop in hops:
            if hop.oif is None:
                yield _unknown(flow, "the device of this route is not known", str(route))
                continue
            source = self._fib.source(route, hop.oif, hop.next_hop)
            yield _out(_from(flow, source), hop, str(route), certain=len(hops) == 1)

    def _martian(self, flow: Flow, source: Address, destination: Address) -> Iterator[Turn]:
        """Refuse addresses that no packet may have which comes from outside."""
        if is_martian_source(source):
            yield _refused(flow, Verdict.DROP, f"dropped: {source} is no source")
        elif is_loopback(source) or is_loopback(destination):
            yield from self._unless(flow, "route_localnet", "a loopback address comes from outside")

    def _disbelieved(self, flow: Flow, source: Address) -> Iterator[Turn]:
        """Refuse what cannot come by this device, as fib_validate_source does once it is known where packets go.

        A source of this node itself is refused; with rp_filter 1 one to which an answer would leave by another device,
        and with 2 one to which no answer leaves at all.
        """
        device = flow.iif or ""
        kind = self._fib.type_of(source)
        if kind == "LOCAL":
            yield from self._unless(flow, "accept_local", f"{source} is this node's own")
        devices = self._answers_by(source)
        if device in devices and kind != "BROADCAST":
            return
        mode = self._of_device("rp_filter", device)
        if mode in (None, _STRICT) or (not devices and mode) or kind == "BROADCAST":
            why = f"dropped: no answer to {source} leaves by {device} (rp_filter)"
            yield _refused(flow, Verdict.DROP, why, bool(mode))

    def _answers_by(self, source: Address) -> list[str | None]:
        """Give the devices by which an answer may leave; none if there is no way to the source."""
        holder = self._fib.holder(source)
        route = self._fib.route_to(source)
        if holder is not None:
            return [holder]
        if route is None or route.type not in ("unicast", "local"):
            return []
        return [route.oif, *(hop.oif for hop in route.hops)]

    def _unless(self, flow: Flow, name: str, why: str) -> Iterator[Turn]:
        value = self._of_device(name, flow.iif or "")
        if value != 1:
            yield _refused(flow, Verdict.DROP, f"dropped: {why} ({name})", value is not None)

    def _of_device(self, name: str, device: str) -> int | None:
        """Give the greater of a setting for all devices and for one, as the kernel does; None if it is not known."""
        texts = [self._settings.get(_setting(each, name)) for each in ("all", device)]
        return None if None in texts else max(int(text) for text in texts if text is not None)


def settings_of(device: str) -> tuple[str, ...]:
    """Give the settings that decide whether packets are believed which come in by a device, or by `all` of them."""
    return tuple(_setting(device, name) for name in ("accept_local", "route_localnet", "rp_filter"))


def _setting(device: str, name: str) -> str:
    return f"net.ipv4.conf.{device.replace('.', '/')}.{name}"


def verdict_text(verdict: Verdict) -> str:
    """Give a verdict as what was done."""
    return {Verdict.DROP: "dropped", Verdict.REJECT: "rejected", Verdict.ACCEPT: "accepted"}.get(verdict, "unknown")


def _from(flow: Flow, source: Address | None) -> Flow:
    """Give a flow its source if it has none yet."""
    if flow.source.length or source is None:
        return flow
    return replace(flow, source=single(source))


def _looped(turn: Turn) -> Turn:
    """Give packets that this node sends to itself the device that they leave by."""
    return turn._replace(flow=replace(turn.flow, oif=LOOPBACK, next_hop=None))


def _out(flow: Flow, hop: Hop, route: str, *, certain: bool = True) -> Turn:
    way = f"via {hop.next_hop} dev {hop.oif}" if hop.next_hop is not None else f"dev {hop.oif}"
    step = Step("route", route, f"leaves {way}" if certain else f"may leave {way}", certain)
    return Turn(replace(flow, oif=hop.oif, next_hop=hop.next_hop), (step,))


def _refused(flow: Flow, verdict: Verdict, text: str, certain: bool = True) -> Turn:  # noqa: FBT001, FBT002
    return Turn(flow, (Step("route", "", text if certain else f"may be {text}", certain),), verdict)


def _unknown(flow: Flow, why: str, route: str = "") -> Turn:
    return Turn(flow, (Step("route", route, f"unknown: {why}", certain=False),), Verdict.UNKNOWN)

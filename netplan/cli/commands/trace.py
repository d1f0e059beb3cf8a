"""podnet trace: what becomes of one packet on a node, or on its way over all nodes, step by step."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from netplan.cli.context import (
    DEFAULT_STATE,
    Records,
    SpecPath,
    addresses_of,
    kernel_of,
    open_spec,
    resolved_here,
    this_node,
)
from netplan.cli.options import VarDir, check_var_dir, verb_app
from netplan.cli.output import Format, show_json, show_text, terminal
from netplan.errors import UsageError
from netplan.net import Address
from netplan.netfilter.iptables.names import ICMP, ICMPV6, PROTOCOLS, SERVICES, TCP, UDP
from netplan.netfilter.iptables.number import integer
from netplan.operations.trace import live_state, recorded_state
from netplan.operations.trace_network import Cluster, recorded_cluster
from netplan.store.vardir import var_dir
from netplan.text import did_you_mean
from netplan.trace import Packet, Trace

app = verb_app()

_WITH_PORTS = (TCP, UDP)
_COMMON = ("icmp", "tcp", "udp", "sctp", "gre", "esp", "ah", "ipip", "vrrp")


@app.command()
def trace(
    spec: SpecPath,
    *,
    source: Annotated[str, typer.Option("--from", metavar="ADDR", help="The packet's source address.")],
    destination: Annotated[str, typer.Option("--to", metavar="ADDR", help="The packet's destination address.")],
    node: Annotated[
        str | None, typer.Option("--node", metavar="N", help="Trace on this node alone; default: over all nodes.")
    ] = None,
    proto: Annotated[
        str | None, typer.Option(metavar="P", help="Its protocol; default: icmp (an echo request), with a port tcp.")
    ] = None,
    sport: Annotated[str | None, typer.Option(metavar="N", help="Its source port.")] = None,
    dport: Annotated[str | None, typer.Option(metavar="N", help="Its destination port.")] = None,
    mark: Annotated[str, typer.Option(metavar="M", help="The mark that it has already, such as 0x4000.")] = "0",
    live: Annotated[bool, typer.Option("--live", help="Trace through this machine's kernel.")] = False,
    state: Records = DEFAULT_STATE,
    planned: Annotated[bool, typer.Option("--planned", help="Trace through the state after the plan.")] = False,
    folder: VarDir = None,
    format: Annotated[Format, typer.Option(help="How to print the trace.")] = Format.TEXT,
) -> None:
    """Show what becomes of one packet on a node, or over all nodes, step by step."""
    check_var_dir(folder, live=live)
    loaded = open_spec(spec, state)
    packet = _packet(_addresses(source, destination), proto, (_port("--sport", sport), _port("--dport", dport)), mark)
    if node is None and not live:
        _show_journeys(recorded_cluster(loaded, spec, state, terminal, planned=planned), packet, format)
        return
    here = loaded.topology.by_name[this_node(addresses_of(loaded), node)]
    if live:
        start = live_state(loaded, resolved_here(here), partial(kernel_of, folder=folder), var_dir(folder), terminal)
    else:
        start = recorded_state(loaded, here, state, packet.version, terminal)
    _show_trace(start.trace(packet, planned=planned), format)


def _show_trace(result: Trace, format: Format) -> None:
    """Show what becomes of a packet on one node."""
    if format is Format.JSON:
        show_json(result.to_json())
        return
    from netplan.cli.views.trace import way_text

    show_text(way_text(result))


def _show_journeys(cluster: Cluster, packet: Packet, format: Format) -> None:
    """Show the way of a packet over all nodes, and of what answers it."""
    journeys = cluster.follow(packet)
    if format is Format.JSON:
        show_json({"remarks": cluster.remarks, "journeys": [journey.to_json() for journey in journeys]})
        return
    from netplan.cli.views.journey import journeys_text

    show_text(journeys_text(journeys, cluster.remarks))


def _addresses(source: str, destination: str) -> tuple[Address, Address]:
    addresses = (_address("--from", source), _address("--to", destination))
    if addresses[0].version != addresses[1].version:
        raise UsageError(f"--from {source} and --to {destination} are of different IP versions")
    return addresses


def _packet(
    addresses: tuple[Address, Address], proto: str | None, ports: tuple[int | None, int | None], mark: str
) -> Packet:
    protocol = _protocol(proto, ports, addresses[0].version)
    return Packet(*addresses, protocol, *ports, mark=_number("--mark", mark, 0xFFFFFFFF))


def _address(option: str, text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def _number(option: str, text: str, high: int) -> int:
    try:
        return integer(text, 0, high)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def _port(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    return SERVICES[text] if text in SERVICES else _number(option, text, 0xFFFF)


def _protocol_number(text: str) -> int:
    names = {name: number for name, number in PROTOCOLS.items() if number}
    if text.lower() in names:
        return names[text.lower()]
    try:
        return integer(text, 0, 255)
    except ValueError as error:
        close = did_you_mean(text.lower(), _COMMON) or did_you_mean(text.lower(), names)
        hint = f"did you mean {close}?" if close else f"there are {', '.join(_COMMON)} and others of /etc/protocols"
        raise UsageError(f"--proto: {text!r} is not a protocol's name, nor a number from 0 to 255; {hint}") from error


def _protocol(text: str | None, ports: tuple[int | None, int | None], version: int) -> int:
    with_ports = ports != (None, None)
    echo = ICMP if version == 4 else ICMPV6
    if text is None:
        return TCP if with_ports else echo
    protocol = echo if text.lower() == "icmp" else _protocol_number(text)
    if with_ports and protocol not in _WITH_PORTS:
        raise UsageError(f"--proto {text} has no ports: leave out --sport and --dport, or use --proto tcp or udp")
    return protocol

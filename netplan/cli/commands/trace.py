"""podnet trace: what becomes of one packet on a node, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from netplan.cli.context import DEFAULT_STATE, NodeName, Records, SpecPath, addresses_of, open_spec, this_node
from netplan.cli.options import VarDir, check_var_dir, verb_app
from netplan.cli.output import Format, say, show_json, show_text, terminal
from netplan.cli.progress import bar
from netplan.desired.compile import compile_node
from netplan.desired.model import Desired
from netplan.errors import UsageError
from netplan.kinds.chain.value import ChainKey
from netplan.kinds.snapshot import Snapshot
from netplan.net import Address
from netplan.netfilter.iptables.built_in import BUILT_IN_BY_TABLE
from netplan.netfilter.iptables.names import ICMP, ICMPV6, PROTOCOLS, SERVICES, TCP, UDP
from netplan.netfilter.iptables.number import integer
from netplan.planning.differences import diff_node
from netplan.planning.projection import project
from netplan.planning.underlay import resolved_in
from netplan.spec.load import Spec
from netplan.spec.topology import Node
from netplan.store import records
from netplan.store.vardir import var_dir
from netplan.text import did_you_mean
from netplan.trace import Packet, Tracer, entrance

app = verb_app()

_WITH_PORTS = (TCP, UDP)
_COMMON = ("icmp", "tcp", "udp", "sctp", "gre", "esp", "ah", "ipip", "vrrp")


@app.command()
def trace(
    spec: SpecPath,
    *,
    source: Annotated[str, typer.Option("--from", metavar="ADDR", help="The packet's source address.")],
    destination: Annotated[str, typer.Option("--to", metavar="ADDR", help="The packet's destination address.")],
    node: NodeName = None,
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
    format: Annotated[Format, typer.Option(help="How to print the way.")] = Format.TEXT,
) -> None:
    """Show what becomes of one packet on a node, step by step."""
    check_var_dir(folder, live=live)
    loaded = open_spec(spec, state)
    ports = (_port("--sport", sport), _port("--dport", dport))
    addresses = (_address("--from", source), _address("--to", destination))
    version = addresses[1].version
    if addresses[0].version != version:
        raise UsageError(f"--from {source} and --to {destination} are of different IP versions")
    packet = Packet(
        *addresses,
        _protocol(proto, ports, version),
        *ports,
        mark=_number("--mark", mark, 0xFFFFFFFF),
    )
    here = loaded.topology.by_name[this_node(addresses_of(loaded), node)]
    start = _live(loaded, here, folder) if live else _recorded(loaded, here, state, version)
    found = start.planned() if planned else start.state
    tracer = Tracer(found)
    answer = tracer.trace(_entering(packet, tracer, here))
    if format is Format.JSON:
        show_json(answer.to_json())
        return
    from netplan.cli.views.trace import way_text

    show_text(way_text(answer))


class _Start(Struct, frozen=True):
    """A state of a node, and what the node should have."""

    state: Snapshot
    desired: Desired

    def planned(self) -> Snapshot:
        """Return the state after the plan."""
        return project(self.state, diff_node(self.desired, self.state))


def _live(spec: Spec, node: Node, folder: Path | None) -> _Start:
    from netplan.cli.context import kernel_of, resolved_here
    from netplan.operations.live_plan import whole_state
    from netplan.operations.remembered import recalled

    desired = recalled(compile_node(spec, resolved_here(node)), var_dir(folder), terminal)
    with bar.during("reading the kernel"):
        return _Start(whole_state(kernel_of(desired.backend), desired.interest), desired)


def _recorded(spec: Spec, node: Node, folder: Path, version: int) -> _Start:
    found = records.read(folder, spec.model.cluster, node.name)
    if found is None:
        raise UsageError(
            f"{folder} has no record of {node.name}: run podnet capture there, or say --live on the node itself"
        )
    desired = compile_node(spec, resolved_in(node, found.state))
    record = found.of(desired.backend)
    unread = [
        table
        for table, hooks in BUILT_IN_BY_TABLE.items()
        if all(ChainKey(version, table, hook) not in record.chains for hook in hooks)
    ]
    if unread:
        say(f"podnet: the record of {node.name} holds nothing of table {' and '.join(unread)}: taken as empty")
    return _Start(record, replace(desired, overwritten=found.overwritten))


def _entering(packet: Packet, tracer: Tracer, node: Node) -> Packet:
    """Return the packet with the device that it comes in by: its source decides."""
    try:
        return entrance(packet, tracer.fib(packet.version), node.subnet_of(packet.version), node.bridge)
    except ValueError as error:
        raise UsageError(f"--from: {error}") from error


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
        raise UsageError(f"--proto: {text!r} is no protocol, by name or by number from 0 to 255; {hint}") from error


def _protocol(text: str | None, ports: tuple[int | None, int | None], version: int) -> int:
    given = ports != (None, None)
    echo = ICMP if version == 4 else ICMPV6
    if text is None:
        return TCP if given else echo
    protocol = echo if text.lower() == "icmp" else _protocol_number(text)
    if given and protocol not in _WITH_PORTS:
        raise UsageError(f"--proto {text} has no ports: leave out --sport and --dport, or say --proto tcp or udp")
    return protocol

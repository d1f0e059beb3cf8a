"""What must work once a plan has been applied: the spec's `checks`, as one node has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from netplan.errors import Location
from netplan.kinds.resource import Json
from netplan.kinds.route.value import MAIN_TABLE, Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import Address, printable
from netplan.spec.load import Spec
from netplan.spec.model import CheckSpec
from netplan.spec.topology import Node
from netplan.spec.values import WITHIN_MAX, WITHIN_MIN

_SHOWN: Final = 200


class Ping(Struct, frozen=True):
    """Whether an address answers to an echo request; `whose` is the node's name that has it, or nothing."""

    address: Address
    whose: str = ""

    def __str__(self) -> str:
        return f"ping {self.address}" + (f" (peer {self.whose})" if self.whose else "")

    def to_json(self) -> Json:
        """Return it as JSON values."""
        data = {"ping": str(self.address)}
        return data | {"peer": self.whose} if self.whose else data


class PingGateway(Struct, frozen=True):
    """Whether the next hop of the default route answers, which only the node knows."""

    def __str__(self) -> str:
        return "ping gateway"

    def to_json(self) -> Json:
        """Return it as JSON values."""
        return {"ping": "gateway"}


class Connect(Struct, frozen=True):
    """Whether a TCP connection comes about."""

    address: Address
    port: int

    def __str__(self) -> str:
        return f"tcp {self._target}"

    def to_json(self) -> Json:
        """Return it as JSON values."""
        return {"tcp": self._target}

    @property
    def _target(self) -> str:
        return f"{self.address}:{self.port}" if self.address.version == 4 else f"[{self.address}]:{self.port}"


class Command(Struct, frozen=True):
    """Whether a program ends with exit code 0; no shell reads its words."""

    argv: tuple[str, ...]

    def __str__(self) -> str:
        text = printable(" ".join(self.argv))
        return f"command {text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}"

    def to_json(self) -> Json:
        """Return it as JSON values."""
        return {"command": list(self.argv)}


class Check(Struct, frozen=True):
    """Something that must work at least once within so many seconds; `at` is the line of the spec that says so."""

    what: Ping | PingGateway | Connect | Command
    within: int
    at: Location

    def __str__(self) -> str:
        return f"check {self.what}"

    def to_json(self) -> Json:
        """Return the check as JSON values; `from_json` reads it back."""
        return {**self.what.to_json(), "within": self.within, "at": str(self.at)}

    @classmethod
    def from_json(cls, data: Json) -> Check:
        """Read what `to_json` gave; ValueError, KeyError or TypeError if it is something else."""
        within = data["within"]
        if type(within) is not int or not WITHIN_MIN <= within <= WITHIN_MAX:
            raise ValueError(f"{within!r} is not a number of seconds from {WITHIN_MIN} to {WITHIN_MAX}")
        path, line, column = str(data["at"]).rsplit(":", 2)
        return cls(_what(data), within, Location(path, int(line), int(column)))


def _what(data: Json) -> Ping | PingGateway | Connect | Command:
    if "ping" in data:
        target = str(data["ping"])
        return PingGateway() if target == "gateway" else Ping(Address.parse(target), str(data.get("peer", "")))
    if "tcp" in data:
        return Connect(*_address_and_port(str(data["tcp"])))
    return Command(_argv(data["command"]))


def _argv(words: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever JSON holds
    if (
        not isinstance(words, list)
        or not words
        or not all(isinstance(word, str) and "\0" not in word for word in words)
    ):
        raise ValueError("a command is a list of texts")
    return tuple(words)


def checks_of(spec: Spec, node: Node) -> Iterator[Check]:
    """Compile the checks of a node, in the order of the spec; `peers` becomes one check for each of them."""
    values = {
        "subnet": node.subnets[0],
        "network": spec.model.networks[0],
        "bridge": node.bridge,
        "interface": node.interface,
        "address": node.address.address,
    }
    for number, check in enumerate(spec.model.checks):
        at = spec.at("checks", number)
        if check.ping == "peers":
            yield from (
                Check(Ping(address.address, peer.name), check.within, at)
                for peer in spec.topology.peers(node)
                for address in peer.addresses
            )
        else:
            yield Check(_compiled(check, values), check.within, at)


def _compiled(check: CheckSpec, values: Mapping[str, object]) -> Ping | PingGateway | Connect | Command:
    if check.ping == "gateway":
        return PingGateway()
    if check.ping is not None:
        return Ping(Address.parse(_filled(check.ping, values)))
    if check.tcp is not None:
        return Connect(*_address_and_port(_filled(check.tcp, values)))
    return Command(tuple(_filled(word, values) for word in check.command or ()))


def _filled(text: str, values: Mapping[str, object]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: str(values[match[1]]), text)


def _address_and_port(text: str) -> tuple[Address, int]:
    address, _, port = text.rpartition(":")
    if not re.fullmatch("[1-9][0-9]{0,4}", port) or int(port) > 65535:
        raise ValueError(f"{text!r} is not ADDRESS:PORT")
    return Address.parse(address.removeprefix("[").removesuffix("]")), int(port)


def gateway_of(snapshot: Snapshot) -> Address | None:
    """Return the next hop of the default route, IPv4's where there is one, with the lowest metric; None if none."""
    defaults = [
        route
        for route in snapshot.all(Route)
        if (route.table, route.prefix.length) == (MAIN_TABLE, 0) and route.type == "unicast"
    ]
    first = min(defaults, key=lambda route: (route.prefix.version, route.metric), default=None)
    if first is None:
        return None
    return first.next_hop or next((hop.next_hop for hop in first.hops), None)

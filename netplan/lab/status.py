"""How a lab's hosts are doing, as their kernels tell it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from netplan.lab.holder import Holder
from netplan.lab.layout import FLOOR, Host

_SHOW_ADDRESSES: Final = """
for host do
    ip ${host:+-n "$host"} -json address show || echo '[]'
done
"""


class LinkStatus(Struct, frozen=True):
    """A device: whether it is set up, whether packets pass, and its addresses as `ip` prints them."""

    name: str
    up: bool
    running: bool
    addresses: tuple[str, ...]


class HostStatus(Struct, frozen=True):
    """A host and its devices, without lo; a host whose namespace is gone has none."""

    host: Host
    links: tuple[LinkStatus, ...]

    @property
    def up(self) -> bool:
        """Whether the host still has all its addresses, on devices that are up."""
        present = {address for link in self.links if link.up for address in link.addresses}
        return present.issuperset(map(str, self.host.addresses))


def read_status(holder: Holder, hosts: Sequence[Host]) -> tuple[HostStatus, ...]:
    """Read the devices of every host, in the order in which the hosts are given."""
    links = read_links(holder, [host.name for host in hosts])
    return tuple(HostStatus(host, links[host.name]) for host in hosts)


def read_links(holder: Holder, names: Sequence[str]) -> Mapping[str, tuple[LinkStatus, ...]]:
    """Read the devices of hosts of these names; the floor is one too."""
    done = holder.run(FLOOR, ["sh", "-c", _SHOW_ADDRESSES, "sh", *names])
    return {name: tuple(_links(line)) for name, line in zip(names, done.stdout.splitlines(), strict=True)}


def _links(line: str) -> Iterator[LinkStatus]:
    """Read what `ip -json address show` prints for one host."""
    for device in json.loads(line):
        if device["ifname"] != "lo":
            addresses = tuple(f"{entry['local']}/{entry['prefixlen']}" for entry in device["addr_info"])
            yield LinkStatus(device["ifname"], "UP" in device["flags"], device["operstate"] == "UP", addresses)

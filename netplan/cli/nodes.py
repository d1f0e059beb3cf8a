"""Which node this machine is."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from netplan.errors import UsageError
from netplan.net import Address
from netplan.text import likely


class NoNodeError(UsageError):
    """The cluster has no such node."""


def known(nodes: Mapping[str, Address], name: str) -> str:
    """Give a node's name back; NoNodeError (2) if there is no such node."""
    if name in nodes:
        return name
    close = likely(name, nodes)
    hint = f"did you mean {close}?" if close else f"there are {', '.join(list(nodes)[:5])}"
    raise NoNodeError(f"there is no node {name}; {hint}")


def this_node(nodes: Mapping[str, Address], name: str | None) -> str:
    """Give the named node, else the one whose name is the hostname or whose address this machine has.

    UsageError (2) if it is more than one, NoNodeError if it is none.
    """
    if name is not None:
        return known(nodes, name)
    from netplan.kernel.linux import addresses

    hostname = socket.gethostname()
    here = addresses()
    found = [node for node, address in nodes.items() if node in (hostname, hostname.split(".")[0]) or address in here]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoNodeError(f"this machine ({hostname}) is no node of the cluster by name or address: say --node NAME")
    raise UsageError(
        f"this machine ({hostname}) is {' and '.join(found)} by name or address: say which with --node NAME"
    )

"""Carry out setups inside a lab: `podnet internal assemble` on its floor, with the setups as JSON on standard input.

pyroute2 makes the network namespaces and compiles the messages that make links, addresses and routes; those of a host
go to the kernel in one system call. A line on standard output tells that another setup is done. The first object that
the kernel refuses ends the work: the last line on standard error names it, and the exit code is 1.

This is a process of its own for the sake of the namespaces that it goes through, and as pyroute2 takes longer to load
than most verbs take to run.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from msgspec import json
from pyroute2 import IPBatch, netns
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from netplan.errors import KernelError, PodnetError
from netplan.lab.build import AddAddress, AddDefaultRoute, AddLink, Peer, SetUp, Setup, Step, namespace
from netplan.spec.topology import USUAL_MTU
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.route import FAMILIES
from netplan.system.netlink.wire import ACK, ROUTE, Request

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
"""As pyroute2 would look for it by running ldconfig."""

_HEADER: Final = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence number, port."""

_PROTOCOL_BOOT: Final = 3
"""The routes' protocol, as if `ip route add` had made them."""


def main(_words: Sequence[str]) -> int:
    """Carry out the setups and return the exit code."""
    setups = json.decode(sys.stdin.buffer.read(), type=list[Setup])
    with IPBatch() as compiler:
        try:
            for setup in setups:
                _carry_out(compiler, setup)
                sys.stdout.write("\n")
                sys.stdout.flush()
        except PodnetError as error:
            sys.stderr.write(f"{setup.host or 'switches'}: {error}\n")
            return 1
    return 0


def _carry_out(compiler: IPBatch, setup: Setup) -> None:
    """Do all that a setup says but for its rules; KernelError names what the kernel refused."""
    for name in setup.namespaces:
        _make_namespace(name)
    netns.setns(namespace(setup.host), flags=0, libc=_LIBC)
    for setting in setup.sysctls:
        _set(setting)
    with ExitStack() as stack:
        hosts = {step.peer.host for step in setup.steps if isinstance(step, AddLink) and step.peer}
        files = {host: stack.enter_context(Path(namespace(host)).open("rb")).fileno() for host in hosts}
        compiler.reset()
        for step in setup.steps:
            _compile(compiler, step, files)
        refused = stack.enter_context(Channel(ROUTE)).write(list(_requests(bytes(compiler.batch))))
    if refused:
        first = min(refused)
        raise KernelError(f"ip {setup.steps[first]}: {refused[first]}")


def _make_namespace(name: str) -> None:
    """Make a network namespace with a name, and enter it."""
    try:
        netns.setns(namespace(name), flags=os.O_CREAT | os.O_EXCL, libc=_LIBC, fork=False)
    except OSError as error:
        number = error.errno or 0
        advice = "; allow more with sysctl -w user.max_net_namespaces=NUMBER" if number == errno.ENOSPC else ""
        raise KernelError(f"network namespace {name}: {os.strerror(number)}{advice}") from error


def _set(setting: str) -> None:
    name, _, value = setting.partition("=")
    file = Path("/proc/sys", name)
    try:
        if file.exists():  # a kernel without IPv6 has none of its settings
            file.write_text(value)
    except OSError as error:
        raise KernelError(f"sysctl {setting}: {os.strerror(error.errno or 0)}") from error


def _compile(compiler: IPBatch, step: Step, files: Mapping[str, int]) -> None:
    """Add the message of a step to a batch; `files` are the open namespaces of the hosts that peers are on."""
    match step:
        case AddLink():
            link = {
                "index": step.device.index,
                "ifname": step.device.name,
                **_hardware(step),
                "linkinfo": _kind(step.peer, files),
            }
            compiler.link("add", **link)
        case AddAddress():
            compiler.addr("add", index=step.device.index, address=step.address, prefixlen=step.length)
        case SetUp():
            master = {"master": step.bridge.index} if step.bridge else {}
            compiler.link("set", index=step.device.index, state="up", **master)
        case AddDefaultRoute():
            compiler.route("add", family=FAMILIES[step.version], gateway=step.gateway, proto=_PROTOCOL_BOOT)


def _hardware(link: AddLink | Peer) -> dict[str, Any]:
    """Return a device's MAC and MTU, but for what the kernel chooses by itself."""
    mac = {"address": link.mac} if link.mac else {}
    return mac if link.mtu == USUAL_MTU else {**mac, "mtu": link.mtu}


def _kind(peer: Peer | None, files: Mapping[str, int]) -> dict[str, Any]:
    """Return what IFLA_LINKINFO holds; the `peer` of `IPBatch.link` would lose the peer's index."""
    if peer is None:
        return {"attrs": [("IFLA_INFO_KIND", "bridge")]}
    named = {"ifname": peer.device.name, "net_ns_fd": files[peer.host], **_hardware(peer)}
    attributes = [(ifinfmsg.name2nla(key), value) for key, value in named.items()]
    ends = {"attrs": [("VETH_INFO_PEER", {"index": peer.device.index, "attrs": attributes})]}
    return {"attrs": [("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", ends)]}


def _requests(batch: bytes) -> Iterator[Request]:
    """Take a batch apart; the channel numbers the messages, and has only the last one answered if it is done."""
    at = 0
    while at < len(batch):
        length, kind, flags, _, _ = _HEADER.unpack_from(batch, at)
        yield Request(kind, flags & ~ACK, batch[at + _HEADER.size : at + length])
        at += (length + 3) & ~3

"""Forwarding: a switch for each IP version, and what the kernel rewrites with it.

net/ipv4/devinet.c, inet_forward_change; net/ipv6/addrconf.c, addrconf_fixup_forwarding.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from msgspec.structs import replace

from netplan.kinds.sysctl.value import Sysctl, is_name

IP_FORWARD: Final = "net.ipv4.ip_forward"
IPV6_FORWARD: Final = "net.ipv6.conf.all.forwarding"
FORWARDING: Final = {4: IP_FORWARD, 6: IPV6_FORWARD}
"""The switch of each IP version."""

_IPV4_SWITCHES: Final = frozenset({IP_FORWARD, "net.ipv4.conf.all.forwarding"})
SWITCHES: Final = _IPV4_SWITCHES | {IPV6_FORWARD}
"""The two names of IPv4's switch, and that of IPv6's."""

_REDIRECTS: Final = "net.ipv4.conf.all.accept_redirects"
_OF_A_DEVICE: Final = re.compile(r"net\.ipv([46])\.conf\.[^.]+\.forwarding")


def follows(name: str, switches: Collection[str] = SWITCHES) -> bool:
    """Whether the kernel rewrites a parameter when one of the switches takes a new value."""
    if name == _REDIRECTS or name in _IPV4_SWITCHES:
        return not _IPV4_SWITCHES.isdisjoint(switches)
    device = _OF_A_DEVICE.fullmatch(name)
    return device is not None and not switches_of(int(device[1])).isdisjoint(switches)


def switches_of(version: int) -> frozenset[str]:
    """Return the names of the switch of an IP version."""
    return _IPV4_SWITCHES if version == 4 else frozenset({IPV6_FORWARD})


def followers(devices: Iterable[str]) -> frozenset[str]:
    """Name all that the kernel rewrites where it has these devices; one whose name is no part of a name is left out."""
    paths = [device.replace(".", "/") for device in ("default", *devices)]
    names = (f"net.ipv{version}.conf.{path}.forwarding" for version in (4, 6) for path in paths)
    return SWITCHES | {_REDIRECTS} | frozenset(filter(is_name, names))


def rewritten(current: Iterable[Sysctl], switch: Sysctl) -> list[Sysctl]:
    """Return parameters as the kernel leaves them when a switch takes a new value."""
    opposite = "1" if switch.value == "0" else "0"
    return [
        replace(sysctl, value=opposite if sysctl.name == _REDIRECTS else switch.value)
        if follows(sysctl.name, {switch.name})
        else sysctl
        for sysctl in current
    ]


def switched_first(wanted: Iterable[Sysctl]) -> list[Sysctl]:
    """Put parameters into an order in which a switch overwrites none of the others, nor takes announced routes away.

    As IPv6's is set the kernel drops the default routes that routers announced, but on devices with accept_ra=2.
    """
    return sorted(
        wanted, key=lambda sysctl: 0 if sysctl.name.endswith(".accept_ra") else 1 if sysctl.name in SWITCHES else 2
    )


def once_switched(current: Iterable[Sysctl], wanted: Iterable[Sysctl]) -> list[Sysctl]:
    """Return the parameters that are found as they are after the switch is set as wanted, itself as it is now."""
    state = {sysctl.name: sysctl for sysctl in current}
    now = dict(state)
    for want in wanted:
        if want.name in SWITCHES and want.name in state and state[want.name] != want:
            state = {sysctl.name: sysctl for sysctl in rewritten(state.values(), want)} | {want.name: now[want.name]}
    return list(state.values())

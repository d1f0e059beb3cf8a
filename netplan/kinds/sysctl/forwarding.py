"""Forwarding: a switch for each IP version, and what the kernel rewrites with it.

net/ipv4/devinet.c, inet_forward_change; net/ipv6/addrconf.c, addrconf_fixup_forwarding.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from netplan.kinds.sysctl.value import Sysctl, is_name

IP_FORWARD: Final = "net.ipv4.ip_forward"
IPV6_FORWARD: Final = "net.ipv6.conf.all.forwarding"
FORWARDING: Final = {4: IP_FORWARD, 6: IPV6_FORWARD}
"""The switch of each IP version."""

_OF_ONE_DEVICE: Final = {4: "net.ipv4.conf.{}.forwarding", 6: "net.ipv6.conf.{}.force_forwarding"}

_IPV4_SWITCHES: Final = frozenset({IP_FORWARD, "net.ipv4.conf.all.forwarding"})
SWITCHES: Final = _IPV4_SWITCHES | {IPV6_FORWARD}
"""The two names of IPv4's switch, and that of IPv6's."""

_REDIRECTS: Final = "net.ipv4.conf.all.accept_redirects"
_OF_A_DEVICE: Final = re.compile(r"net\.ipv([46])\.conf\.[^.]+\.forwarding")


def forwarding_of(device: str) -> dict[int, str]:
    """Name the parameter of each IP version that makes a device forward what comes in by it, or not."""
    return {version: name.format(device.replace(".", "/")) for version, name in _OF_ONE_DEVICE.items()}


def deciding(values: Mapping[str, str], version: int, device: str) -> tuple[str, str | None]:
    """Return which parameter decides whether packets are forwarded that came by a device, and its value if known.

    Of IPv4 it is the one of the device, which has the value of the switch until it is set by itself (net/ipv4/route.c,
    ip_route_input_slow); of IPv6 the switch, unless the device is made to forward by itself (net/ipv6/ip6_output.c,
    ip6_forward).
    """
    switch, own = FORWARDING[version], forwarding_of(device)[version]
    value = values.get(switch)
    mine = values.get(own, value)
    return (own, mine) if mine != value and (version == 4 or mine == "1") else (switch, value)


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

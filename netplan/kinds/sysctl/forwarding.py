"""Forwarding of IPv4: one switch, and what the kernel rewrites with it (inet_forward_change in net/ipv4/devinet.c)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from netplan.kinds.sysctl.value import Sysctl, is_name

SWITCHES: Final = frozenset({"net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"})
"""The two names of the switch."""

_REDIRECTS: Final = "net.ipv4.conf.all.accept_redirects"
_OF_A_DEVICE: Final = re.compile(r"net\.ipv4\.conf\.[^.]+\.forwarding")


def follows(name: str) -> bool:
    """Whether the kernel rewrites a parameter when forwarding is switched."""
    return name == _REDIRECTS or name in SWITCHES or _OF_A_DEVICE.fullmatch(name) is not None


def followers(devices: Iterable[str]) -> frozenset[str]:
    """Name all that the kernel rewrites where it has these devices; one whose name is no part of a name is left out."""
    names = (f"net.ipv4.conf.{device.replace('.', '/')}.forwarding" for device in ("default", *devices))
    return SWITCHES | {_REDIRECTS} | frozenset(filter(is_name, names))


def rewritten(found: Iterable[Sysctl], switch: Sysctl) -> list[Sysctl]:
    """Give parameters as the kernel leaves them when the switch takes a new value."""
    opposite = "1" if switch.value == "0" else "0"
    return [
        replace(each, value=opposite if each.name == _REDIRECTS else switch.value) if follows(each.name) else each
        for each in found
    ]


def switched_first(wanted: Iterable[Sysctl]) -> list[Sysctl]:
    """Put parameters into an order in which the switch overwrites none of the others."""
    return sorted(wanted, key=lambda each: each.name not in SWITCHES)


def once_switched(found: Iterable[Sysctl], wanted: Iterable[Sysctl]) -> list[Sysctl]:
    """Give the parameters that are found as they are after the switch is set as wanted, itself as it is now."""
    state = {each.name: each for each in found}
    now = dict(state)
    for want in wanted:
        if want.name in SWITCHES and want.name in state and state[want.name] != want:
            state = {each.name: each for each in rewritten(state.values(), want)} | {want.name: now[want.name]}
    return list(state.values())

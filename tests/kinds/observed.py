"""What the drivers read of a kernel, in a network namespace that lasts for one script."""

from __future__ import annotations

import subprocess

from netplan.kinds.ipset import driver as ipsets
from netplan.kinds.link import driver as links
from netplan.kinds.link.access import Reading
from netplan.kinds.policy import driver as policies
from netplan.kinds.policy.value import routing_tables
from netplan.kinds.route import driver as routes
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.wire import ROUTE
from tests.kinds.chain.scratch import call


def observed(script, folder, *sets):
    """Run a shell script and give the rules of routing, the routes and the named sets there are then, as JSON."""
    return call(folder / "lock", _observed, script, sets)


def _observed(script, sets):
    subprocess.run(["sh", "-ec", script], check=True, stdin=subprocess.DEVNULL)
    with Channel(ROUTE) as netlink:
        reading = Reading(netlink, links.devices(netlink))
        rules = [*policies.observe(reading)]
        reading = Reading(netlink, reading.links, dict.fromkeys((4, 6), routing_tables(rules)))
        of_ipv4 = [route for route in routes.observe(reading) if route.prefix.version == 4]
    return {"rules": _as_json(rules), "routes": _as_json(of_ipv4), "sets": _as_json(ipsets.observe(sets))}


def _as_json(resources):
    return [resource.to_json() for resource in resources]

"""What the drivers read of a kernel, in a network namespace that lasts for one script."""

from __future__ import annotations

import json
import sys

from tests.kinds.chain.scratch import run

_PROBE = """
import json, subprocess, sys
from netplan.kinds.ipset import driver as ipsets
from netplan.kinds.link import driver as links
from netplan.kinds.link.access import Reading
from netplan.kinds.policy import driver as policies
from netplan.kinds.policy.value import routing_tables
from netplan.kinds.route import driver as routes
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.wire import ROUTE
done = subprocess.run(["sh", "-ec", sys.stdin.read()], text=True, capture_output=True)
assert done.returncode == 0, done.stderr
with Channel(ROUTE) as netlink:
    reading = Reading(netlink, links.devices(netlink))
    rules = [*policies.observe(reading)]
    reading = Reading(netlink, reading.links, dict.fromkeys((4, 6), routing_tables(rules)))
    found = [route for route in routes.observe(reading) if route.prefix.version == 4]
lists = {"rules": rules, "routes": found, "sets": ipsets.observe(sys.argv[1:])}
print(json.dumps({name: [each.to_json() for each in listed] for name, listed in lists.items()}))
"""


def observed(script, folder, *sets):
    """Run a shell script and give the rules of routing, the routes and the named sets there are then, as JSON."""
    done = run([sys.executable, "-c", _PROBE, *sets], folder / "lock", script)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

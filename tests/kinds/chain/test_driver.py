"""ip6tables in the kernel: read and written apart from iptables, on both backends."""

from __future__ import annotations

import json
import sys

import pytest

from tests.kinds.chain.scratch import run

PROBE = """
import json, sys
from netplan.kinds.chain import driver
from netplan.kinds.foreign_chain.driver import observe
from netplan.kinds.chain.programs import Iptables
from netplan.netfilter.iptables.rule import Rule
from netplan.kinds.chain.tables import BothVersions, tables
from netplan.kinds.chain.value import FirewallBackend, Chain, ChainKey, PlacedRule
from netplan.netfilter.nftables.expression import chains
from netplan.kinds.resource import Change, Reason

backend = FirewallBackend(sys.argv[1])
iptables = Iptables.find(backend)
why = Reason("a test")

def read():
    return BothVersions(*(tables(each, chains(), 2000) for each in (iptables, iptables.ipv6)))

def shown(chain):
    return chain and [str(rule) for rule in chain.rules]

own, hook = ChainKey(6, "nat", "PODNET-POSTROUTING"), ChainKey(6, "nat", "POSTROUTING")
before = read().read(hook)
driver.write(iptables.ipv6, "nat", [
    Change(None, Chain(own, (Rule.parse("-s fd00::/64 -j MASQUERADE", version=6),)), why),
    Change(None, PlacedRule(hook, 1, Rule.parse("-j PODNET-POSTROUTING", version=6)), why),
])
after = read()
other = FirewallBackend.LEGACY if backend is FirewallBackend.NFT else FirewallBackend.NFT
beside = [str(each) for each in observe(other, read(), chains(), 2000)] if len(sys.argv) > 2 else []
print(json.dumps({
    "before": shown(before), "chain": shown(after.read(own)), "hook": shown(after.read(hook)),
    "owned": [str(key) for key in after.owned("nat")], "ipv4": shown(after.read(hook._replace(version=4))),
    "beside": beside,
}))
"""
BACKENDS = pytest.mark.parametrize("backend", ["nft", "legacy"])


def probe(backend, lock, *more):
    done = run([sys.executable, "-c", PROBE, backend, *more], lock)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@BACKENDS
def test_a_chain_of_ip6tables_is_read_as_it_was_written(backend, tmp_path):
    report = probe(backend, tmp_path / "lock")
    assert report | {"beside": []} == {
        "before": [],
        "chain": ["-s fd00::/64 -j MASQUERADE"],
        "hook": ["-j PODNET-POSTROUTING"],
        "owned": ["ip6 nat PODNET-POSTROUTING"],
        "ipv4": [],
        "beside": [],
    }

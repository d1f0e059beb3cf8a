from __future__ import annotations

from dataclasses import dataclass, field

from netplan.kinds.chain.driver import REACHED, observe
from netplan.kinds.chain.iptables import Iptables
from netplan.kinds.chain.value import Backend, Chain, ChainKey
from tests import make

HOOK = ChainKey(4, "nat", "PREROUTING")


@dataclass(frozen=True)
class Stored(Iptables):
    """iptables over chains in memory, of which it counts the reads."""

    chains: dict[ChainKey, Chain] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    def read(self, key: ChainKey) -> Chain | None:
        self.reads.append(key.name)
        return self.chains.get(key)


def stored(**chains):
    """Store chains of table nat, by name, with the chains that each leads into."""
    found = {}
    for name, targets in chains.items():
        key = ChainKey(4, "nat", name)
        found[key] = Chain(key, make.rules(*(f"-j {target}" for target in targets)))
    return Stored(Backend.NFT, "iptables", found)


def read(iptables, *, walks=(HOOK,), chains=()):
    return [chain.key.name for chain in observe(iptables, chains, walks)]


def test_chains_are_read_that_a_packet_can_reach():
    assert read(stored(PREROUTING=["A"], A=["B"], B=[], C=[])) == ["PREROUTING", "A", "B"]


def test_a_chain_that_is_only_named_is_read_alone():
    assert read(stored(A=["B"], B=[]), walks=(), chains=[ChainKey(4, "nat", "A")]) == ["A"]


def test_a_chain_is_read_once():
    iptables = stored(PREROUTING=["A", "B"], A=["C"], B=["C"], C=["A"])
    read(iptables)
    assert sorted(iptables.reads) == ["A", "B", "C", "PREROUTING"]


def test_of_very_many_chains_the_nearest_are_read():
    services = [f"SVC{number}" for number in range(REACHED)]
    below = {name: [f"SEP-{name}"] for name in services} | {f"SEP-{name}": [] for name in services}
    found = read(stored(PREROUTING=["KUBE-SERVICES"], **{"KUBE-SERVICES": services}, **below))
    assert found == ["PREROUTING", "KUBE-SERVICES", *services[:-1]]

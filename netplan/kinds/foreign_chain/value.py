"""Chains beside those of this node's iptables: the other backend's, and what other programs made with nft."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final

from msgspec import Struct

from netplan.kinds.chain.value import Chain, ChainKey, FirewallBackend
from netplan.kinds.resource import Json
from netplan.net import counted
from netplan.netfilter.iptables.rule import Rule

_NAT: Final = {"prerouting": -100, "output": -100, "input": 100, "postrouting": 100}
_PRIORITIES: Final = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
_ELSEWHERE: Final = frozenset({"input", "output"})


class Owner(StrEnum):
    """Which program shows a chain."""

    LEGACY = "iptables-legacy"
    NFT = "iptables-nft"
    NFTABLES = "nft"

    @property
    def backend(self) -> FirewallBackend:
        """The packet filter whose rules the program shows."""
        return FirewallBackend.LEGACY if self is Owner.LEGACY else FirewallBackend.NFT


class OtherChain(Struct, frozen=True):
    """A chain that this node's iptables does not show, though the kernel runs it too.

    `hook` is where packets enter it, in small letters, and None for a chain that rules lead to; `nat` is whether it may
    rewrite addresses. The table of one of nft's own is `inet firewalld`, family and name, and its rules are what
    iptables could say of them: one of nft's may be several, and then `positions` has its place for each of them. One of
    a table for both IP versions is two, each as the packets of a version meet it.
    `priority` is its place among the chains of its hook, None in a record that does not tell.
    `length` counts its rules; where `chain` has none of them they were not read.
    """

    kind: ClassVar[str] = "other chain"

    owner: Owner
    chain: Chain
    hook: str | None = None
    nat: bool = False
    length: int = 0
    positions: tuple[int, ...] = ()
    priority: int | None = None

    @property
    def key(self) -> tuple[Owner, ChainKey]:
        """The program and the chain: both backends may have one of that name."""
        return (self.owner, self.chain.key)

    @property
    def program(self) -> str:
        """The program that shows it, and others' rules of its IP version."""
        return program_of(self.owner, self.chain.key.version)

    @property
    def label(self) -> str:
        """The program, the table and the chain."""
        return f"{self.program} {self.chain.key.table} {self.chain.key.name}"

    @property
    def ours(self) -> bool:
        """Never: what stands beside is read, and not written."""
        return False

    @property
    def left_behind(self) -> bool:
        """Whether podnet made the chain, when this node's iptables used the other backend."""
        return self.owner is not Owner.NFTABLES and self.chain.key.owned

    @property
    def runs_at(self) -> int:
        """The priority; of a chain that does not tell, and of those of iptables, the one that its table has there."""
        usual = _NAT.get(self.hook or "", 0) if self.nat else _PRIORITIES.get(self.chain.key.table, 0)
        return usual if self.priority is None else self.priority

    @property
    def on_the_way(self) -> bool:
        """Whether forwarded packets may come through."""
        return on_the_way(self.hook)

    @property
    def read(self) -> bool:
        """Whether its rules are known."""
        return bool(self.chain.rules) or not self.length

    def position(self, number: int) -> int:
        """Return the place of one of the rules, counted from 1, as the program that shows the chain counts them."""
        return self.positions[number - 1] if self.positions else number

    def __str__(self) -> str:
        return f"{self.label}, {counted(self.length, 'rule')}"

    def to_json(self) -> Json:
        """Return the chain as JSON values."""
        return {
            "owner": self.owner.value,
            "hook": self.hook,
            "nat": self.nat,
            "length": self.length,
            **({"positions": [*self.positions]} if self.positions else {}),
            **({} if self.priority is None else {"priority": self.priority}),
            **self.chain.to_json(),
        }

    @classmethod
    def from_json(cls, data: Json) -> OtherChain:
        """Read what `to_json` gave."""
        hook, policy = (None if data[name] is None else str(data[name]) for name in ("hook", "policy"))
        key = ChainKey(int(data.get("version", 4)), str(data["table"]), str(data["chain"]))
        rules = tuple(Rule.parse(text, version=key.version) for text in data["rules"])
        chain = Chain(key, rules, policy, int(data.get("unread", 0)))
        positions = tuple(map(int, data.get("positions", ())))
        if positions and len(positions) != len(chain.rules):
            raise ValueError(f"{len(positions)} positions for {len(chain.rules)} rules")
        priority = None if data.get("priority") is None else int(data["priority"])
        return cls(Owner(data["owner"]), chain, hook, bool(data["nat"]), int(data["length"]), positions, priority)


def program_of(owner: str, version: int) -> str:
    """Return the name of an owner's program for an IP version: `ip6tables-nft`."""
    return owner if version == 4 else owner.replace("iptables", "ip6tables")


def on_the_way(hook: str | None) -> bool:
    """Whether forwarded packets may come through a hook."""
    return hook not in _ELSEWHERE

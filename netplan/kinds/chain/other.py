"""Chains beside those of this node's iptables: the other backend's, and what other programs made with nft."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.resource import Json

_ELSEWHERE: Final = frozenset({"input", "output"})


class Owner(StrEnum):
    """Which program shows a chain."""

    LEGACY = "iptables-legacy"
    NFT = "iptables-nft"
    NATIVE = "nft"


@dataclass(frozen=True, slots=True)
class OtherChain:
    """A chain that this node's iptables does not show, though the kernel runs it too.

    `hook` is where packets enter it, in small letters, and None for a chain that rules lead to; `nat` is whether it may
    rewrite addresses. The table of one of nft's own is `inet firewalld`, family and name, and its rules are what
    iptables could say of them. `length` counts its rules; `chain` has none of them where no pod traffic passes.
    """

    kind: ClassVar[str] = "other chain"

    owner: Owner
    chain: Chain
    hook: str | None = None
    nat: bool = False
    length: int = 0

    @property
    def key(self) -> tuple[Owner, ChainKey]:
        """The program and the chain: both backends may have one of that name."""
        return (self.owner, self.chain.key)

    @property
    def label(self) -> str:
        """The program, the table and the chain."""
        return f"{self.owner} {self.chain.key}"

    @property
    def ours(self) -> bool:
        """Never: what stands beside is read, and not written."""
        return False

    @property
    def on_the_way(self) -> bool:
        """Whether forwarded packets may come through."""
        return self.hook not in _ELSEWHERE

    def __str__(self) -> str:
        return f"{self.label}, {self.length} rule{'' if self.length == 1 else 's'}"

    def to_json(self) -> Json:
        """Give the chain as JSON values."""
        return {
            "owner": self.owner.value,
            "hook": self.hook,
            "nat": self.nat,
            "length": self.length,
            **self.chain.to_json(),
        }

    @classmethod
    def from_json(cls, data: Json) -> OtherChain:
        """Read what `to_json` gave."""
        hook, policy = (None if data[name] is None else str(data[name]) for name in ("hook", "policy"))
        key = ChainKey(4, str(data["table"]), str(data["chain"]))
        chain = Chain(key, tuple(Rule.parse(text) for text in data["rules"]), policy, int(data.get("unread", 0)))
        return cls(Owner(data["owner"]), chain, hook, bool(data["nat"]), int(data["length"]))

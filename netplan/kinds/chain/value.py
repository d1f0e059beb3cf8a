"""Chains, and rules at their places in chains that are not ours."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final, NamedTuple

from msgspec import Struct

from netplan.kinds.resource import Json
from netplan.net import counted
from netplan.netfilter.iptables.quoting import check_characters
from netplan.netfilter.iptables.rule import Rule
from netplan.netfilter.iptables.word import chain_name

OWNED_PREFIX: Final = "PODNET-"
COMMENT: Final = "podnet"
TABLES: Final = frozenset({"filter", "nat", "mangle", "raw", "security"})


class FirewallBackend(StrEnum):
    """Which of the kernel's two packet filters iptables writes to."""

    NFT = "nft"
    LEGACY = "legacy"


def table_label(version: int, table: str) -> str:
    """Return the name of a table in messages: `nat`, or `ip6 nat`; that of nft's own has its family in it."""
    return table if version == 4 or " " in table else f"ip6 {table}"


class ChainKey(NamedTuple):
    """What the kernel indexes a chain by: IP version, table and name."""

    version: int
    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table_label} {self.name}"

    @property
    def table_label(self) -> str:
        """The table as people are told of it: `nat`, or `ip6 nat`."""
        return table_label(self.version, self.table)

    @property
    def owned(self) -> bool:
        """Whether the chain is one of podnet's own."""
        return self.name.startswith(OWNED_PREFIX)


class Chain(Struct, frozen=True):
    """A chain with its rules in order; `policy` is None for a user-defined chain.

    `unread` is 0, or about how many rules a chain has that was not read: then `rules` is empty.
    """

    kind: ClassVar[str] = "chain"

    key: ChainKey
    rules: tuple[Rule, ...] = ()
    policy: str | None = None
    unread: int = 0

    @property
    def label(self) -> str:
        """The chain's table and name."""
        return str(self.key)

    @property
    def ours(self) -> bool:
        """Whether the chain is one of podnet's own."""
        return self.key.owned

    def __str__(self) -> str:
        count = self.unread or len(self.rules)
        return f"{self.key}, {counted(count, 'rule')}{' that were not read' if self.unread else ''}"

    def to_json(self) -> Json:
        """Return the chain as JSON values; each rule is the text that iptables-save prints after `-A CHAIN`."""
        return {
            "version": self.key.version,
            "table": self.key.table,
            "chain": self.key.name,
            "policy": self.policy,
            "rules": [str(rule) for rule in self.rules],
        } | ({"unread": self.unread} if self.unread else {})

    @classmethod
    def from_json(cls, data: Json) -> Chain:
        """Read what `to_json` gave."""
        key = key_from_json(data)
        rules = tuple(Rule.parse(str(text), version=key.version) for text in data["rules"])
        policy = None if data["policy"] is None else str(data["policy"])
        return cls(key, rules, policy, int(data.get("unread", 0)))


class PlacedRule(Struct, frozen=True):
    """A rule at a place in a chain that is not ours: one of our jumps, or a rule that a spec removes.

    `position` counts from 1, as iptables does.
    """

    kind: ClassVar[str] = "rule"

    chain: ChainKey
    position: int
    rule: Rule

    @property
    def key(self) -> tuple[ChainKey, int, Rule]:
        """Where the rule stands, and the rule: a chain may hold the same rule more than once."""
        return (self.chain, self.position, self.rule)

    @property
    def label(self) -> str:
        """The rule's chain and position."""
        return f"{self.chain} {self.position}"

    @property
    def ours(self) -> bool:
        """Whether the rule is one of our jumps."""
        return is_our_jump(self.rule)

    def __str__(self) -> str:
        return f"{self.label}: {self.rule}"

    def to_json(self) -> Json:
        """Return the rule and its place as JSON values."""
        return {
            "version": self.chain.version,
            "table": self.chain.table,
            "chain": self.chain.name,
            "position": self.position,
            "rule": str(self.rule),
        }

    @classmethod
    def from_json(cls, data: Json) -> PlacedRule:
        """Read what `to_json` gave."""
        key, position = key_from_json(data), int(data["position"])
        if position < 1:
            raise ValueError(f"{position} is not the position of a rule: they count from 1")
        return cls(key, position, Rule.parse(str(data["rule"]), version=key.version))


def jump_to(chain: ChainKey) -> Rule:
    """Return the one rule of a built-in chain that leads into a chain of ours."""
    return Rule.parse(f"-m comment --comment {COMMENT} -j {chain.name}", version=chain.version)


def is_our_jump(rule: Rule) -> bool:
    """Whether a rule leads into a chain of ours, no matter which program wrote it."""
    return rule.target is not None and rule.target.name.startswith(OWNED_PREFIX)


def key_from_json(data: Json) -> ChainKey:
    """Read a chain's version, table and name; ValueError for a name or table that iptables does not have."""
    version, table, name = int(data["version"]), str(data["table"]), str(data["chain"])
    check_characters(name)
    if version not in (4, 6) or table not in TABLES:
        raise ValueError(f"there is no table {table!r} for IP version {version}")
    return ChainKey(version, table, chain_name(name))

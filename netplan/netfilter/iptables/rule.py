"""iptables rules as values: read from what a person or iptables-save writes, written as iptables-save prints them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from msgspec import Struct

from netplan.netfilter.iptables.built_in import BUILT_IN
from netplan.netfilter.iptables.match import Match, Target
from netplan.netfilter.iptables.matches import MATCHES
from netplan.netfilter.iptables.names import PROTOCOL_NAMES
from netplan.netfilter.iptables.operands import AddressMask, Condition
from netplan.netfilter.iptables.parser import RuleParser
from netplan.netfilter.iptables.quoting import always_quote, pictured, split
from netplan.netfilter.iptables.targets import TARGETS
from netplan.netfilter.iptables.word import chain_name

_COMMANDS: Final = frozenset({"-A", "--append", "-I", "--insert"})


class Rule(Struct, frozen=True):
    """A rule without its chain; two rules are equal if and only if iptables-save prints them alike.

    A condition that every packet meets is None. `fragment` is True for `-f`, False for `! -f`. Interface names may end
    in `+` (`interface_matches`).
    """

    version: int = 4
    source: Condition[AddressMask] | None = None
    destination: Condition[AddressMask] | None = None
    in_interface: Condition[str] | None = None
    out_interface: Condition[str] | None = None
    protocol: Condition[int] | None = None
    fragment: bool | None = None
    matches: tuple[Match, ...] = ()
    target: Target | None = None
    goto: bool = False

    @classmethod
    def parse(cls, text: str, *, version: int = 4) -> Rule:
        """Read what follows `-A CHAIN`; ValueError names the option that is wrong and says what would be right."""
        words = split(text)
        if words and words[0] in _COMMANDS:
            raise ValueError(f"leave out {' '.join(words[:2])}: a rule is what follows it")
        return _rule(words, version)

    def __str__(self) -> str:
        words = list(self._conditions())
        words += [f"-m {match}" for match in self.matches]
        if self.target is not None:
            words.append(f"{'-g' if self.goto else '-j'} {self.target}")
        return " ".join(words)

    def _conditions(self) -> Iterator[str]:
        for option, condition in (
            ("-s", self.source),
            ("-d", self.destination),
            ("-i", self.in_interface),
            ("-o", self.out_interface),
        ):
            if condition is not None:
                yield f"{'! ' if condition.negated else ''}{option} {condition.value}"
        if self.protocol is not None:
            number, negated = self.protocol
            yield f"{'! ' if negated else ''}-p {PROTOCOL_NAMES.get(number, number)}"
        if self.fragment is not None:
            yield "-f" if self.fragment else "! -f"


def parse_rule_line(text: str, *, version: int = 4, table: str | None = None) -> tuple[str, Rule]:
    """Read `-A CHAIN …` or `-I CHAIN [NUMBER] …` as chain and rule.

    With a table, ValueError also for what can't stand there (`check_place`); leave it out for what the kernel holds.
    """
    chain, words = _chain_and_words(text)
    rule = _rule(words, version)
    if table is not None:
        check_place(rule, table, chain)
    return chain, rule


@lru_cache(maxsize=4096)
def kernel_rule(text: str, *, version: int = 4) -> Rule:
    """Return the rule of a line `-A CHAIN …` that iptables printed, whatever the kernel holds.

    What stands in no rule of ours has its picture there (`pictured`). A line that can't be read is a rule that may do
    anything to some packets: `-m unread --line "…" -j unread`.

    A chain is read again where it is written and once it was: its lines are remembered, so that little time is between.
    """
    text = pictured(text)
    try:
        return parse_rule_line(text, version=version)[1]
    except ValueError:
        _, _, rule = text.removeprefix("-A ").partition(" ")
        return Rule.parse(f"-m unread --line {always_quote(rule)} -j unread", version=version)


def check_place(rule: Rule, table: str, chain: str) -> None:
    """Raise ValueError for a rule that iptables or the kernel refuses in this table or this built-in chain."""
    if rule.in_interface and chain in ("OUTPUT", "POSTROUTING"):
        raise ValueError(f"-i is not possible in {chain}: packets there have no input interface")
    if rule.out_interface and chain in ("PREROUTING", "INPUT"):
        raise ValueError(f"-o is not possible in {chain}: packets there have no output interface yet")
    named = [("-m", match.name, MATCHES.get(match.name)) for match in rule.matches]
    if rule.target is not None:
        named.append(("-j", rule.target.name, TARGETS.get(rule.target.name)))
    for flag, name, spec in named:
        if spec and spec.tables and table not in spec.tables:
            raise ValueError(f"{flag} {name} is not possible in table {table}: only in {_listed(spec.tables)}")
        if spec and chain in BUILT_IN and spec.chains and chain not in spec.chains:
            raise ValueError(f"{flag} {name} is not possible in {chain}: only in {_listed(spec.chains)}")


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _rule(words: list[str], version: int) -> Rule:
    parsed = RuleParser(words, version)
    return Rule(
        version,
        parsed.source,
        parsed.destination,
        parsed.in_interface,
        parsed.out_interface,
        parsed.protocol,
        parsed.fragment,
        parsed.matches,
        parsed.target,
        parsed.goto,
    )


def _chain_and_words(text: str) -> tuple[str, list[str]]:
    words = split(text)
    if len(words) < 2 or words[0] not in _COMMANDS:
        raise ValueError(f"{text!r} is not a rule with its chain: it starts with -A CHAIN")
    chain = chain_name(words[1])
    numbered = words[0] in ("-I", "--insert") and len(words) > 2 and words[2].isdecimal()
    return chain, words[3 if numbered else 2 :]

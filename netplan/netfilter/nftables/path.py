"""A rule of nftables as it is read, instruction by instruction: what its registers hold, what it has become already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from netplan.netfilter.nftables.condition import Conditions
from netplan.netfilter.nftables.load import Load

SLOT: Final = 4
"""How many bytes a slot has: registers of sixteen bytes overlap those of four."""


class Marked(Struct, frozen=True):
    """The last rule that a path has become: `conditions` test marks that its `targets` then set.

    `after` are the conditions behind it, which say nothing of marks any more.
    """

    conditions: Conditions
    targets: tuple[str, ...]
    after: Conditions

    def before(self, target: str) -> str:
        """Return the rule with one more target: what sets marks stands before it as if it were a match."""
        setting = (f"-m {words.removeprefix('-j ')}" for words in self.targets)
        return " ".join([str(self.conditions), *setting, target])


class Path(Struct, frozen=True):
    """A rule as it is for some packets, until one of its instructions: `rules` are those that it has become already.

    `registers` have what was loaded, or data, by slots of four bytes.
    """

    conditions: Conditions
    registers: Mapping[int, Load | bytes | None] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    ended: bool = False
    chain: str = ""
    marked: Marked | None = None

    def texts(self) -> Iterator[str]:
        """Return the rules; none if no packet meets them."""
        if self.conditions.impossible:
            return
        yield from self.rules
        if not self.rules:
            yield str(self.conditions)

    def acting(self, target: str) -> Path:
        """Return the rule with a target that lets packets go on.

        For just those packets whose mark was tested and then set it is one rule with that (`Marked`).
        """
        if self._pending is None:
            return replace(self, rules=(*self.rules, f"{self.conditions} {target}"))
        return replace(self, rules=(*self.rules[:-1], self._pending.before(target)), marked=None)

    def marking(self, target: str) -> Path:
        """Return the rule with a target that sets a mark: what was loaded and tested of it before no longer holds."""
        after = self.conditions.remarked()
        marked = Marked(self.conditions, (target,), after) if self.conditions.marks else None
        if self._pending is not None:
            marked = replace(self._pending, targets=(*self._pending.targets, target), after=after)
        return replace(self.acting(target), conditions=after, marked=marked, registers={})

    @property
    def _pending(self) -> Marked | None:
        """The last rule, if it set a mark and nothing else was tested since."""
        return self.marked if self.marked is not None and self.marked.after is self.conditions else None

    def ending(self, target: str, chain: str = "") -> Path:
        """Return the rule with its last target."""
        return replace(self.acting(target), ended=True, chain=chain)

    def saying(self, words: str) -> Path:
        """Return the rule with a condition in iptables' words."""
        return replace(self, conditions=self.conditions.worded(words))

    def vague(self) -> Path:
        """Return the rule with a condition that iptables can't say."""
        return replace(self, conditions=self.conditions.vague())

    def holding(self, register: int, value: Load | bytes | None) -> Path:
        """Return the rule with something in a register."""
        registers, first = dict(self.registers), slot(register)
        if isinstance(value, bytes):
            for at in range(0, len(value), SLOT):
                registers[first + at // SLOT] = value[at : at + SLOT]
        else:
            registers[first] = value
        return replace(self, registers=registers)

    def load(self, register: int) -> Load | None:
        """Return what was loaded into a register."""
        loaded = self.registers.get(slot(register))
        return loaded if isinstance(loaded, Load) else None

    def data(self, register: int, length: int) -> bytes | None:
        """Return the data in a register, None if it depends on the packet or is shorter."""
        first = slot(register)
        parts = [self.registers.get(first + number) for number in range(-(-length // SLOT))]
        joined = b"".join(part for part in parts if isinstance(part, bytes))
        return joined[:length] if len(joined) >= length else None


def slot(register: int) -> int:
    """Return the number of the four bytes at which a register begins: the first ones are of sixteen bytes each."""
    return (register - 1) * 4 if register <= 4 else register - 8

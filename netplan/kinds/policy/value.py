"""A rule of policy routing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from msgspec import Struct

from netplan.kinds.resource import Json
from netplan.kinds.route.value import MAIN_TABLE
from netplan.net import Prefix, printable
from netplan.netfilter.iptables.operands import Masked

LOCAL_TABLE: Final = 255
DEFAULT_TABLE: Final = 253

ACTIONS: Final = ("lookup", "goto", "nop", "blackhole", "unreachable", "prohibit")

_NAMES: Final = {LOCAL_TABLE: "local", MAIN_TABLE: "main", DEFAULT_TABLE: "default"}


class PolicyRule(Struct, frozen=True):
    """A rule of policy routing (ip-rule(8)): packets that it selects are looked up in `table`, or what `action` says.

    It is about packets of one IP `version`.
    `goto` is the priority at which packets go on. With `suppress` a route counts only if its prefix is longer than
    that. `unread` is whether there are selectors or options that are not understood: it may select what the others do.
    """

    kind: ClassVar[str] = "policy rule"

    priority: int
    table: int = MAIN_TABLE
    action: str = "lookup"
    source: Prefix | None = None
    destination: Prefix | None = None
    tos: int = 0
    mark: Masked | None = None
    iif: str | None = None
    oif: str | None = None
    negated: bool = False
    goto: int = 0
    suppress: int | None = None
    unread: bool = False
    version: int = 4

    @property
    def key(self) -> tuple[int, int, str]:
        """The IP version, the priority and the rule: several may have one priority."""
        return (self.version, self.priority, str(self))

    @property
    def label(self) -> str:
        """The priority, by which `ip rule` lists it."""
        return f"policy rule {self.priority}"

    @property
    def ours(self) -> bool:
        """Never: rules of policy routing are read, and not written."""
        return False

    @property
    def table_name(self) -> str:
        """The table as `ip rule` names it."""
        return _NAMES.get(self.table, str(self.table))

    def __str__(self) -> str:
        words = ["not"] if self.negated else []
        words += [*self._selectors(), self.action]
        if self.action == "lookup":
            words.append(self.table_name)
        elif self.action == "goto":
            words.append(str(self.goto))
        if self.suppress is not None:
            words.append(f"suppress_prefixlength {self.suppress}")
        return " ".join(words)

    def _selectors(self) -> Iterator[str]:
        yield f"from {self.source or 'all'}"
        if self.destination is not None:
            yield f"to {self.destination}"
        if self.tos:
            yield f"tos {self.tos:#x}"
        if self.mark is not None:
            yield f"fwmark {self.mark.value:#x}" + (f"/{self.mark.mask:#x}" if self.mark.mask != 0xFFFFFFFF else "")
        for name, device in (("iif", self.iif), ("oif", self.oif)):
            if device is not None:
                yield f"{name} {printable(device)}"
        if self.unread:
            yield "(and more)"

    def to_json(self) -> Json:
        """Return the rule as JSON values: what it does not ask is left out."""
        data: dict[str, Any] = {"priority": self.priority, "action": self.action}
        if self.version != 4:
            data["version"] = self.version
        if self.action == "lookup":
            data["table"] = self.table
        if self.mark is not None:
            data |= {"fwmark": self.mark.value, "fwmask": self.mark.mask}
        fields: dict[str, Any] = {
            "not": self.negated,
            "src": None if self.source is None else str(self.source),
            "dst": None if self.destination is None else str(self.destination),
            "tos": self.tos,
            "iif": self.iif,
            "oif": self.oif,
            "goto": self.goto,
            "unread": self.unread,
        }
        data |= {name: value for name, value in fields.items() if value}
        return data if self.suppress is None else data | {"suppress_prefixlength": self.suppress}

    @classmethod
    def from_json(cls, data: Json) -> PolicyRule:
        """Read what `to_json` gave."""
        action = str(data["action"])
        if action not in ACTIONS:
            raise ValueError(f"{action!r} is not what a rule of policy routing does: {', '.join(ACTIONS)}")
        suppress = data.get("suppress_prefixlength")
        return cls(
            priority=int(data["priority"]),
            table=int(data.get("table", MAIN_TABLE)),
            action=action,
            source=_prefix(data.get("src")),
            destination=_prefix(data.get("dst")),
            tos=int(data.get("tos", 0)),
            mark=Masked(int(data["fwmark"]), int(data["fwmask"])) if "fwmark" in data else None,
            iif=_device(data.get("iif")),
            oif=_device(data.get("oif")),
            negated=bool(data.get("not", False)),
            goto=int(data.get("goto", 0)),
            suppress=None if suppress is None else int(suppress),
            unread=bool(data.get("unread", False)),
            version=int(data.get("version", 4)),
        )


def _prefix(text: str | None) -> Prefix | None:
    return None if text is None else Prefix.parse(text)


def _device(text: str | None) -> str | None:
    return None if text is None else str(text)


DEFAULTS: Final = (
    PolicyRule(0, LOCAL_TABLE),
    PolicyRule(32766, MAIN_TABLE),
    PolicyRule(32767, DEFAULT_TABLE),
)
"""The rules of a node on which they are unchanged."""

IPV6_DEFAULTS: Final = (PolicyRule(0, LOCAL_TABLE, version=6), PolicyRule(32766, MAIN_TABLE, version=6))
"""The same for IPv6."""


def routing_tables(rules: Iterable[PolicyRule]) -> frozenset[int]:
    """Return the tables in which packets are looked up: the main one, and all that the rules name but the local one."""
    return frozenset({MAIN_TABLE, *(rule.table for rule in rules if rule.action == "lookup")} - {LOCAL_TABLE})

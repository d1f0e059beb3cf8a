"""Where our jumps stand and which rules must not, by chain: what a generation keeps, to plan them anew after a boot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from netplan.desired.model import Desired, Jump, Place
from netplan.kinds.chain.value import ChainKey, is_our_jump, key_from_json
from netplan.kinds.resource import Json
from netplan.net import IfName, Prefix
from netplan.netfilter.iptables.rule import Rule
from netplan.spec.model import Mark

_HOOKS: Final = "hooks"


class Pods(Struct, frozen=True):
    """The pod traffic of one IP version, as far as a jump finds its place by it (see `compile.Traffic`)."""

    network: Prefix
    subnet: Prefix
    bridge: IfName
    kept: tuple[Prefix, ...]
    respected: tuple[Mark, ...]

    @property
    def version(self) -> int:
        """The IP version."""
        return self.network.version

    def to_json(self) -> Json:
        """Return it as JSON values."""
        return {
            "network": str(self.network),
            "subnet": str(self.subnet),
            "bridge": self.bridge,
            "kept": [*map(str, self.kept)],
            "respected": [*map(str, self.respected)],
        }

    @classmethod
    def from_json(cls, data: Json) -> Pods:
        """Read what `to_json` gave."""
        return cls(
            Prefix.parse(str(data["network"])),
            Prefix.parse(str(data["subnet"])),
            IfName(str(data["bridge"])),
            tuple(Prefix.parse(str(text)) for text in data["kept"]),
            tuple(Mark.parse(str(text)) for text in data["respected"]),
        )


class Standing(Struct, frozen=True):
    """A jump of ours, the place that it belongs to, and the traffic which decides where that is.

    Where the traffic is not known the jump goes before all rules of others, which shields pods from every one of them.
    """

    rule: Rule
    place: Place
    pods: Pods | None

    def to_json(self) -> Json:
        """Return it as JSON values."""
        return {"rule": str(self.rule), "place": self.place.name.lower(), **(self.pods.to_json() if self.pods else {})}

    @classmethod
    def from_json(cls, data: Json, version: int) -> Standing:
        """Read what `to_json` gave."""
        rule = Rule.parse(str(data["rule"]), version=version)
        if not is_our_jump(rule):
            raise ValueError(f"{rule} is no jump of podnet's")
        return cls(rule, Place[str(data["place"]).upper()], Pods.from_json(data) if "network" in data else None)


class Hook(Struct, frozen=True):
    """A chain that is not ours: the jump that should be in it, None if none, and the rules that should not."""

    chain: ChainKey
    standing: Standing | None = None
    removed: tuple[Rule, ...] = ()

    def to_json(self) -> Json:
        """Return it as JSON values."""
        return {
            "version": self.chain.version,
            "table": self.chain.table,
            "chain": self.chain.name,
            "jump": None if self.standing is None else self.standing.to_json(),
            "removed": [*map(str, self.removed)],
        }

    @classmethod
    def from_json(cls, data: Json) -> Hook:
        """Read what `to_json` gave; ValueError, KeyError or TypeError if it is something else."""
        key = key_from_json(data)
        standing = None if data["jump"] is None else Standing.from_json(data["jump"], key.version)
        removed = tuple(Rule.parse(str(text), version=key.version) for text in data["removed"])
        return cls(key, standing, removed)


def hooks_to_json(hooks: Iterable[Hook] | None) -> Json:
    """Return the member of a JSON object that holds hooks; none where they are not known."""
    return {} if hooks is None else {_HOOKS: [hook.to_json() for hook in hooks]}


def hooks_from_json(data: Json) -> tuple[Hook, ...] | None:
    """Read what `hooks_to_json` gave out of an object with other members; see `Hook.from_json`."""
    return None if data.get(_HOOKS) is None else tuple(map(Hook.from_json, data[_HOOKS]))


def hooks_of(desired: Desired) -> tuple[Hook, ...]:
    """Return the chains that a spec wants anything of."""
    keys = sorted({jump.hook for jump in desired.jumps} | {removal.chain for removal in desired.removals})
    return tuple(_hook(key, desired) for key in keys)


def _hook(key: ChainKey, desired: Desired) -> Hook:
    jump = next((jump for jump in desired.jumps if jump.hook == key), None)
    removed = tuple(removal.rule for removal in desired.removals if removal.chain == key)
    return Hook(key, None if jump is None else _standing(jump, desired), removed)


def _standing(jump: Jump, desired: Desired) -> Standing:
    traffic = next(traffic for traffic in desired.traffic if traffic.version == jump.hook.version)
    pods = Pods(traffic.network, traffic.subnet, traffic.bridge, traffic.kept, traffic.respected)
    return Standing(jump.rule, jump.place, pods)

"""What parameters were before podnet wrote them, so that they can become that again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec import Struct

from netplan.kinds.resource import Change, Json
from netplan.kinds.sysctl.forwarding import SWITCHES, follows, rewritten
from netplan.kinds.sysctl.value import Sysctl, is_name


class Overwritten(Struct, frozen=True):
    """A parameter, its value before podnet wrote it, and the one that podnet, or the kernel with it, wrote last."""

    name: str
    before: str
    written: str

    def to_json(self) -> Json:
        """Return it as JSON values."""
        return {"name": self.name, "before": self.before, "written": self.written}

    @classmethod
    def from_json(cls, data: Json) -> Overwritten:
        """Read what `to_json` gave; ValueError for a name that leads out of the network's parameters."""
        name = str(data["name"])
        if not is_name(name):
            raise ValueError(f"{name!r} is not the name of a sysctl of the network")
        return cls(name, str(data["before"]), str(data["written"]))


def remember(
    known: Iterable[Overwritten], changes: Iterable[Change[Sysctl]], before: Sequence[Sysctl]
) -> tuple[Overwritten, ...]:
    """Return what is overwritten once changes are made to a state, if something was known to be before.

    The value before is the last that was not podnet's. A parameter that is as it was before is forgotten, unless it
    would change with a switch that is not; one that was not there goes with its device.
    """
    memory = {original.name: original for original in known}
    switched = [original for original in memory.values() if original.name in SWITCHES]
    values = {sysctl.name: sysctl.value for sysctl in before}
    written = [change.after for change in changes if change.after is not None and change.after.name in values]
    for switch in [sysctl for sysctl in written if sysctl.name in SWITCHES and sysctl.name not in memory]:
        memory |= {original.name: original for original in _carried_along(before, switch, values[switch.name])}
    for sysctl in written:
        name, value_before, earlier = sysctl.name, values[sysctl.name], memory.get(sysctl.name)
        ours = earlier is not None and earlier.written == value_before
        memory[name] = Overwritten(
            name,
            earlier.before if earlier and ours else _unswitched(Sysctl(name, value_before), switched),
            sysctl.value,
        )
    turned = {
        original.name
        for original in memory.values()
        if original.name in SWITCHES and original.before != original.written
    }
    return tuple(
        original
        for original in memory.values()
        if original.before != original.written or _hangs_on(original.name, turned)
    )


def _carried_along(before: Sequence[Sysctl], switch: Sysctl, value: str) -> Iterator[Overwritten]:
    """Return what the kernel rewrites with a switch, and would not bring back with the switch's value before."""
    during = rewritten(before, switch)
    again = rewritten(during, Sysctl(switch.name, value))
    for old, new, back in zip(before, during, again, strict=True):
        if old != back:
            yield Overwritten(old.name, old.value, new.value)


def _unswitched(sysctl: Sysctl, switched: Iterable[Overwritten]) -> str:
    """Return the value that a parameter had before podnet turned switches, if they gave it the one that it has."""
    for switch in switched:
        if _hangs_on(sysctl.name, {switch.name}) and rewritten([sysctl], Sysctl(switch.name, switch.written)) == [
            sysctl
        ]:
            return rewritten([sysctl], Sysctl(switch.name, switch.before))[0].value
    return sysctl.value


def _hangs_on(name: str, switches: Collection[str]) -> bool:
    return name not in SWITCHES and bool(switches) and follows(name, switches)

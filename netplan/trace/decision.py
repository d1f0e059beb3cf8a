"""What becomes of packets at a node: the routing decision about them, or the verdict that ends their way."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from netplan.trace.firewall.targets import Did
from netplan.trace.firewall.walk import Step
from netplan.trace.flow import Flow


class PacketVerdict(StrEnum):
    """What becomes of a packet in the end."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    UNKNOWN = "unknown"


REFUSALS: Final = {
    "blackhole": PacketVerdict.DROP,
    "unreachable": PacketVerdict.REJECT,
    "prohibit": PacketVerdict.REJECT,
}


class RoutingDecision(NamedTuple):
    """Where packets go, or the verdict that ends their way; `local` is to this node itself."""

    flow: Flow
    steps: tuple[Step, ...]
    verdict: PacketVerdict | None = None
    local: bool = False

    def behind(self, steps: tuple[Step, ...]) -> RoutingDecision:
        """Return the decision with what led to it."""
        return self._replace(steps=steps + self.steps) if steps else self

    def doubted(self) -> RoutingDecision:
        """Return the decision as one that may not be taken."""
        *before, last = self.steps
        if not last.certain:
            return self
        return self._replace(steps=(*before, last._replace(effect=f"may be {last.effect}", certain=False)))


def verdict_text(verdict: PacketVerdict) -> str:
    """Return a verdict as what was done."""
    return {PacketVerdict.DROP: "dropped", PacketVerdict.REJECT: "rejected", PacketVerdict.ACCEPT: "accepted"}.get(
        verdict, "unknown"
    )


def refusal(flow: Flow, verdict: PacketVerdict, text: str, certain: bool = True) -> RoutingDecision:  # noqa: FBT001, FBT002
    """Return the decision on packets that go no further, or may not."""
    step = Step("route", "", Did.REFUSED, text if certain else f"may be {text}", certain)
    return RoutingDecision(flow, (step,), verdict)


def unknown(flow: Flow, why: str, route: str = "") -> RoutingDecision:
    """Return the decision on packets whose way is unknown."""
    return RoutingDecision(
        flow, (Step("route", route, Did.UNKNOWN, f"unknown: {why}", certain=False),), PacketVerdict.UNKNOWN
    )

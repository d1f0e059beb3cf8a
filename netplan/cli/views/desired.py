"""The desired state of nodes, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from netplan import __version__
from netplan.cli.views.lines import reason_text
from netplan.cli.views.styled import Styled
from netplan.desired.model import Desired
from netplan.kinds.chain.value import Chain
from netplan.kinds.change_json import reason_to_json
from netplan.kinds.registry import kind_of
from netplan.kinds.resource import Json, Reason
from netplan.planning.plan_json import FORMAT_VERSION


def desired_json(cluster: str, nodes: Sequence[Desired]) -> Json:
    """Return the desired state of nodes as JSON values."""
    return {
        "format_version": FORMAT_VERSION,
        "podnet_version": __version__,
        "cluster": cluster,
        "nodes": [_node(desired) for desired in nodes],
    }


def desired_text(nodes: Sequence[Desired]) -> Styled:
    """Return the desired state of nodes as text, each chain with its rules."""
    text = Styled()
    for desired in nodes:
        text.append(f"{desired.node}\n", style="bold")
        for want in desired.objects:
            _add(text, kind_of(want.resource).short, str(want.resource), want.reason)
            if isinstance(want.resource, Chain):
                text.append("".join(f"            {rule}\n" for rule in want.resource.rules))
        for jump in desired.jumps:
            _add(text, "rule", f"{jump.hook}: {jump.rule}", jump.reason)
        for removal in desired.removals:
            _add(text, "no rule", f"{removal.chain}: {removal.rule}", removal.reason)
    return text


def _add(text: Styled, kind: str, what: str, reason: Reason) -> None:
    text.append(f"  {kind:<8} {what}").append(f"  {reason_text(reason)}\n", style="dim")


def _node(desired: Desired) -> Json:
    return {
        "node": desired.node,
        "objects": [
            {"kind": want.resource.kind, "key": want.resource.label, "object": want.resource.to_json()}
            | {"reason": reason_to_json(want.reason)}
            for want in desired.objects
        ],
        "jumps": [
            {
                "version": jump.hook.version,
                "table": jump.hook.table,
                "chain": jump.hook.name,
                "rule": str(jump.rule),
                "place": jump.place.value,
            }
            | {"reason": reason_to_json(jump.reason)}
            for jump in desired.jumps
        ],
        "removals": [
            {"version": removal.chain.version, "table": removal.chain.table, "chain": removal.chain.name}
            | {"rule": str(removal.rule)}
            | {"reason": reason_to_json(removal.reason)}
            for removal in desired.removals
        ],
    }

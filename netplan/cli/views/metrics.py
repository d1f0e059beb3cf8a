"""Drift as metrics in Prometheus' text format, for the textfile collector of node_exporter."""

from __future__ import annotations

from collections import Counter

from netplan.planning.plan import NodePlan


def drift_metrics(cluster: str, node: NodePlan, now: float) -> str:
    """Return the gauges of a node's comparison made at `now`, in seconds since the epoch.

    Names of clusters and nodes hold no character that a label would have to escape.
    """
    labels = f'cluster="{cluster}",node="{node.node}"'
    counts = Counter((change.resource.kind, change.action.value) for change in node.changes)
    lines = [
        "# HELP podnet_drift_changes What differs between a node and its spec, by kind of object and action.",
        "# TYPE podnet_drift_changes gauge",
        *(f'podnet_drift_changes{{{labels},kind="{k}",action="{a}"}} {n}' for (k, a), n in sorted(counts.items())),
        "# HELP podnet_drift_in_sync Whether the node is what its spec says.",
        "# TYPE podnet_drift_in_sync gauge",
        f"podnet_drift_in_sync{{{labels}}} {int(node.in_sync)}",
        "# HELP podnet_drift_broken_traffic How many classes of traffic others' rules or routes break.",
        "# TYPE podnet_drift_broken_traffic gauge",
        f"podnet_drift_broken_traffic{{{labels}}} {len(node.broken)}",
        "# HELP podnet_drift_checked_timestamp_seconds When the node was compared with its spec.",
        "# TYPE podnet_drift_checked_timestamp_seconds gauge",
        f"podnet_drift_checked_timestamp_seconds{{{labels}}} {now:.0f}",
    ]
    return "\n".join([*lines, ""])

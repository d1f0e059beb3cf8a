"""The metrics that drift writes."""

from netplan.cli.views.metrics import drift_metrics
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.resource import Change, Reason
from netplan.net import Address
from netplan.planning.plan import NodePlan, Source
from tests.make import route


def plan(*changes):
    return NodePlan("hdss7-21", Address.parse("10.4.7.21"), Source.LIVE, FirewallBackend.NFT, changes, {})


def test_differences_are_counted_by_kind_and_action():
    stale = [Change(route(prefix), None, Reason("stale")) for prefix in ("172.7.23.0/24", "172.7.24.0/24")]
    labels = 'cluster="hdss7",node="hdss7-21",kind="route",action="delete"'
    assert f"podnet_drift_changes{{{labels}}} 2\n" in drift_metrics("hdss7", plan(*stale), 0)


def test_a_node_in_sync_has_no_changes_to_count():
    metrics = drift_metrics("hdss7", plan(), 0)
    assert 'podnet_drift_in_sync{cluster="hdss7",node="hdss7-21"} 1\n' in metrics
    assert "podnet_drift_changes{" not in metrics


def test_the_time_of_the_comparison_is_in_seconds():
    metrics = drift_metrics("hdss7", plan(), 1_790_000_000.4)
    assert 'podnet_drift_checked_timestamp_seconds{cluster="hdss7",node="hdss7-21"} 1790000000\n' in metrics

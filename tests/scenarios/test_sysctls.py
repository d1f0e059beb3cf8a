"""A sysctl that podnet wrote goes back to what it was, when the spec drops it and when podnet leaves."""

from __future__ import annotations

import json
import re

import pytest

from tests.scenarios.test_refused import variant

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)

RP_FILTER = "net.ipv4.conf.all.rp_filter"
REDIRECTS = "net.ipv4.conf.all.accept_redirects"
WITHOUT_OTHERS = """
ip address flush dev docker0
iptables-nft -F; iptables-nft -X; iptables-nft -t nat -F; iptables-nft -t nat -X
"""


@pytest.fixture
def still(node):
    """A node that does not check the way back, and does not forward."""
    forwarding(node, 0)
    node.shell(f"sysctl -q {RP_FILTER}=0")
    yield node
    node.shell(f"sysctl -q {RP_FILTER}=0")
    forwarding(node, 1)


@pytest.fixture
def alone(still):
    """The same with nothing on it that could need forwarding."""
    still.shell(WITHOUT_OTHERS)
    yield still
    still.shell("ip address replace 172.7.21.1/24 dev docker0")


def forwarding(node, value):
    node.shell(f"sysctl -q net.ipv4.ip_forward={1 - value} net.ipv4.ip_forward={value}")


def with_sysctls(node, folder, *settings):
    folder.mkdir(exist_ok=True)
    return variant(node, folder, "defaults:", f"sysctl: {{{', '.join(settings)}}}\ndefaults:")


def applied(node, folder, *settings):
    """Apply the spec with sysctls, `NAME: VALUE` each."""
    done = node.podnet("apply", with_sysctls(node, folder, *settings), "--yes", "--allow-many-deletes")
    assert done.code == 0, done.stderr
    return done


def value(node, name=RP_FILTER):
    return node.shell(f"sysctl -n {name}").strip()


def test_remove_puts_back_what_was_there_before_many_applies(still, tmp_path):
    for number in ("2", "1", "2"):
        applied(still, tmp_path, f"{RP_FILTER}: {number}")
    plan = still.remove().stdout
    assert value(still) == "0"
    assert re.search(rf"~ sysctl  {RP_FILTER}\s+no longer wanted: as before podnet\s+value +2 -> 0", plan)


def test_sysctl_that_leaves_the_spec_is_a_difference_and_goes_back(still, tmp_path):
    applied(still, tmp_path, f"{RP_FILTER}: 2")
    drift = still.drift()
    assert (drift.code, drift.changes, drift.fields) == (
        1,
        [f"update sysctl {RP_FILTER}"],
        {"value": ("2", "0")},
    )
    assert (still.drift("--fix").code, value(still), still.drift().code) == (0, "0", 0)


def test_live_plan_knows_of_it_too(still, tmp_path):
    applied(still, tmp_path, f"{RP_FILTER}: 2")
    assert still.podnet("plan", still.spec, "--live", "--format", "json").changes == [f"update sysctl {RP_FILTER}"]


def test_plan_from_a_record_knows_of_it_too(still, tmp_path):
    applied(still, tmp_path, f"{RP_FILTER}: 2", "net.ipv4.tcp_retries2: 9")
    state = tmp_path / "state" / "hdss7"
    state.mkdir(parents=True)
    record = state / f"{still.name}.json"
    assert still.podnet("capture", "--node", still.name, "--out", record).code == 0
    planned = still.podnet("plan", still.spec, "--node", still.name, "--state", state.parent, "--format", "json")
    assert planned.changes == [f"update sysctl {RP_FILTER}", "update sysctl net.ipv4.tcp_retries2"]


def test_plan_against_the_older_spec_says_that_it_goes_and_not_to_what(still, tmp_path):
    older = with_sysctls(still, tmp_path, f"{RP_FILTER}: 2")
    plan = still.podnet("plan", still.spec, "--against", older, "--node", still.name).stdout
    assert re.search(rf"- sysctl  {RP_FILTER} = 2\s+no longer wanted: as before podnet", plan)


def test_saved_plan_puts_it_back(still, tmp_path):
    applied(still, tmp_path, f"{RP_FILTER}: 2")
    path = tmp_path / "plan.json"
    still.podnet("plan", still.spec, "--live", "--out", path)
    done = still.podnet("apply", path, "--yes")
    assert (done.code, value(still), still.drift().code) == (0, "0", 0), done.stderr


def test_saved_plan_against_the_older_spec_is_refused_since_it_says_not_to_what(still, tmp_path):
    older = with_sysctls(still, tmp_path, f"{RP_FILTER}: 2")
    still.podnet("apply", older, "--yes")
    path = tmp_path / "plan.json"
    still.podnet("plan", still.spec, "--against", older, "--out", path)
    done = still.podnet("apply", path, "--yes")
    assert (done.code, value(still), "no spec says what" in done.stderr) == (3, "2", True)


def test_what_another_program_set_since_stays_and_is_named(still, tmp_path):
    applied(still, tmp_path, f"{RP_FILTER}: 2")
    still.shell(f"sysctl -q {RP_FILTER}=1")
    done = still.remove()
    assert (done.code, value(still)) == (0, "1")
    text = f"{RP_FILTER} stays 1, which another program set after podnet's 2; it was 0 before"
    assert text in " ".join(done.stdout.split())


def test_apply_that_failed_is_not_remembered(still, tmp_path):
    spec = with_sysctls(still, tmp_path, f"{RP_FILTER}: 2")
    spec.write_text(spec.read_text() + 'checks: [{command: ["false"], within: 1}]\n')
    assert still.podnet("apply", spec, "--yes").code == 4
    still.shell(f"sysctl -q {RP_FILTER}=2")
    still.apply()
    assert (still.remove().code, value(still)) == (0, "2")


def test_rollback_to_before_podnet_leaves_nothing_to_put_back(still, tmp_path):
    applied(still, tmp_path, f"{RP_FILTER}: 2")
    assert (still.podnet("rollback", "--yes").code, value(still)) == (0, "0")
    still.shell(f"sysctl -q {RP_FILTER}=2")
    assert (still.remove().code, value(still)) == (0, "2")


def test_what_was_written_in_another_boot_is_not_put_back(still, tmp_path):
    applied(still, tmp_path, f"{RP_FILTER}: 2")
    still.shell("""sed -i 's/"boot_id": "[^"]*"/"boot_id": "another"/' "$PODNET_VAR_DIR/sysctls.json" """)
    assert (still.remove().code, value(still)) == (0, "2")


def test_damaged_memory_is_told_and_sysctls_stay(still, tmp_path):
    applied(still, tmp_path, f"{RP_FILTER}: 2")
    still.shell('echo "{" > "$PODNET_VAR_DIR/sysctls.json"')
    done = still.remove()
    assert (done.code, value(still), "sysctls.json can't be read" in done.stderr) == (0, "2", True)


def test_forwarding_stays_on_where_containers_need_it_and_that_is_told(still):
    still.apply()
    done = still.remove()
    assert (done.code, value(still, "net.ipv4.ip_forward")) == (0, "1")
    assert "net.ipv4.ip_forward stays 1, and was 0 before podnet: bridge docker0 (172.7.21.1/24) may need it" in (
        " ".join(done.stdout.split())
    )


def test_forwarding_goes_off_where_nothing_needs_it_with_all_that_the_kernel_rewrote(alone):
    alone.shell(f"sysctl -q {REDIRECTS}=0; sysctl -q net.ipv4.conf.eth0.forwarding=1")
    before = alone.shell("sysctl net.ipv4.conf net.ipv4.ip_forward")
    assert alone.apply().code == 0
    assert (value(alone, "net.ipv4.ip_forward"), alone.remove().code) == ("1", 0)
    assert alone.shell("sysctl net.ipv4.conf net.ipv4.ip_forward") == before


def test_forwarding_stays_on_for_a_router_by_nfts_own_rules(alone):
    assert alone.apply().code == 0
    alone.shell("nft 'add table ip router; add chain ip router forw { type filter hook forward priority 10; }'")
    alone.shell("nft add rule ip router forw ip saddr 192.168.77.0/24 accept")
    done = alone.remove()
    alone.shell("nft delete table ip router")
    assert (done.code, value(alone, "net.ipv4.ip_forward")) == (0, "1")
    assert "nft ip router forw 1: -s 192.168.77.0/24 -j ACCEPT may need it" in " ".join(done.stdout.split())


def test_planned_trace_knows_what_goes_back(still, tmp_path):
    applied(still, tmp_path, "net.ipv6.conf.all.forwarding: 1")
    still.shell("ip -6 address add fd00:4::21/64 dev eth0 nodad; ip -6 route add fd00:5::/64 via fd00:4::1")
    words = ("trace", still.spec, "--from", "fd00:4::9", "--to", "fd00:5::2", "--live", "--format", "json")
    verdicts = [json.loads(still.podnet(*words, *planned).stdout)["verdict"] for planned in ((), ("--planned",))]
    still.shell("ip -6 address del fd00:4::21/64 dev eth0")
    assert verdicts == ["accept", "drop"]

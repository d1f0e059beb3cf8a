"""Tunnels with their settings are brought back: after a reboot, a kill, a missing confirm, and by a rollback."""

from __future__ import annotations

import signal

import pytest

from tests.scenarios.podnet import podnet, process
from tests.scenarios.racks import BOTH, IPV4, IPV6, nodes, passes, rack_1, spec_text
from tests.scenarios.tools import first_in_path, links, wrap

NODE = "r1-n1"
REBOOT = (
    'sed -i "s/\\"boot_id\\": *\\"/&not /" "$PODNET_VAR_DIR"/generations/*.json "$PODNET_VAR_DIR"/journal.json || true'
)
VXLAN, DIRECT, HOST_GW = "{type: vxlan}", "{type: vxlan, direct_routing: true}", "{type: host-gw}"
SPEC = spec_text(VXLAN)
SETTING = "net.ipv4.conf.podnet/1.accept_local"


def reboot(racks):
    """Leave of what podnet did on the node only what it remembers, as from another boot."""
    racks.reset()
    racks.shell(NODE, REBOOT)


@pytest.mark.parametrize(
    ("backend", "placed"),
    [
        pytest.param(VXLAN, nodes(IPV4), id="vxlan"),
        pytest.param(VXLAN, nodes(IPV6), id="vxlan of IPv6"),
        pytest.param(DIRECT, nodes(BOTH), id="vxlan and direct, dual stack"),
        pytest.param(HOST_GW, rack_1(BOTH), id="host-gw, dual stack"),
    ],
)
def test_recover_brings_the_whole_network_back(racks, backend, placed):
    spec = spec_text(backend, placed)
    racks.apply(spec, [NODE])
    before = racks.state(NODE)
    reboot(racks)
    done = racks.recover(NODE)
    assert (done.code, racks.state(NODE)) == (0, before), done.stderr
    assert racks.podnet(NODE, "drift", spec).code == 0


def test_pods_reach_each_other_through_a_tunnel_that_came_back(racks):
    racks.apply(SPEC, [NODE, "r2-n1"])
    racks.shell(NODE, f"ip link del podnet.1; {REBOOT}")
    racks.recover(NODE)
    assert passes(racks.lab, f"{NODE}-pod1", "r2-n1-pod1")


def killed_with_its_journal_written(racks, folder, verb, spec):
    """Run a verb on the node that is killed as it begins to write rules."""
    path = folder / "racks.yaml"
    path.write_text(spec)
    (folder / "bin").mkdir()
    links(folder / "bin", {"iptables-nft": "iptables-nft"})
    wrap(folder / "bin", "iptables-nft-restore", before=['[ ! -e "$PODNET_VAR_DIR/journal.json" ] || kill -9 $PPID'])
    words = (verb, path, "--node", NODE, "--yes")
    done = process(racks.lab, NODE, *words, before=first_in_path(folder / "bin"))
    assert done.code == -signal.SIGKILL, done


def test_a_remove_that_was_killed_leaves_a_tunnel_that_recover_brings_back(racks, tmp_path):
    racks.apply(SPEC, [NODE])
    before = racks.state(NODE)
    killed_with_its_journal_written(racks, tmp_path, "remove", SPEC)
    done = racks.recover(NODE)
    assert (done.code, racks.state(NODE)) == (0, before), done.stderr


def test_a_state_with_a_setting_of_the_tunnel_that_is_not_confirmed_goes(racks):
    racks.apply(SPEC.replace("defaults:", f"sysctl: {{{SETTING}: 1}}\ndefaults:"), [NODE])
    before = racks.state(NODE)
    spec = SPEC.replace("defaults:", f"sysctl: {{{SETTING}: 1}}\nforward: none\ndefaults:")
    done = racks.podnet(NODE, "apply", spec, "--yes", "--confirm-within", "1")
    assert (done.code, racks.state(NODE)) == (4, before), done.stderr


def test_a_rollback_to_a_generation_with_the_same_tunnel_keeps_it(racks):
    for spec in (SPEC, SPEC.replace("defaults:", "forward: none\ndefaults:")):
        racks.apply(spec, [NODE])
    number = racks.shell(NODE, 'ls "$PODNET_VAR_DIR/generations" | tail -2 | head -1').removesuffix(".json\n")
    done = podnet(racks.lab, NODE, "rollback", str(int(number)), "--yes")
    assert (done.code, racks.podnet(NODE, "drift", SPEC).code) == (0, 0), done.stderr


def test_a_setting_of_a_bridge_waits_for_it_while_all_else_is_done(racks):
    spec = SPEC.replace("defaults:", "sysctl: {net.ipv4.conf.cni9.rp_filter: 2}\ndefaults:")
    done = [racks.podnet(NODE, *words) for words in (("apply", spec, "--yes"), ("drift", spec))]
    assert [(outcome.code, "waits for the interface cni9" in " ".join(outcome.stdout.split())) for outcome in done] == [
        (0, True)
    ] * 2
    racks.shell(NODE, "ip link add cni9 type bridge")
    codes = [racks.podnet(NODE, "drift", spec, *words).code for words in ((), ("--fix",), ())]
    value = racks.shell(NODE, "sysctl -n net.ipv4.conf.cni9.rp_filter; ip link del cni9").strip()
    assert (codes, value) == ([1, 0, 0], "2")
    reboot(racks)
    done = racks.recover(NODE)
    assert (done.code, "waits for the interface cni9" in done.stdout) == (0, True)


HIDDEN = ["unshare", "--mount", "sh", "-ec", 'mount -t tmpfs tmpfs /proc/sys/net/ipv6; exec "$@"', "sh"]


def test_a_kernel_without_ipv6_gets_its_tunnel_also_by_a_plan_that_does_not_know(racks, tmp_path):
    path, plan = tmp_path / "racks.yaml", tmp_path / "plan.json"
    path.write_text(SPEC)
    words = ("--node", NODE)
    racks.podnet(NODE, "plan", SPEC, "--live", "--out", str(plan))
    assert "accept_ra" in plan.read_text()
    for verb in (
        ("apply", plan, "--yes"),
        ("drift", path),
        ("remove", path, "--yes"),
        ("apply", path, "--yes"),
        ("drift", path),
    ):
        done = process(racks.lab, NODE, *verb, *words, before=HIDDEN)
        assert done.code == 0, done
    record = process(racks.lab, NODE, "capture", *words, before=HIDDEN)
    assert '"ipv6": false' in record.stdout

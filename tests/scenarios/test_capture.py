"""Capture writes what plan reads back."""

from __future__ import annotations

import json

import pytest

from tests.scenarios.node import ROOT
from tests.scenarios.podnet import process
from tests.scenarios.tools import as_default


@pytest.fixture
def capture(node, tmp_path):
    """Record the node, whose `iptables` is that of its backend."""
    start = as_default(tmp_path, node.backend)
    return lambda *options: process(node.lab, node.name, "capture", *options, before=start)


@pytest.fixture
def record(capture, tmp_path):
    """A state folder with a record of the node."""
    path = tmp_path / "state/hdss7/hdss7-21.json"
    path.parent.mkdir(parents=True)
    assert capture("--out", path).code == 0
    return path


def recorded_plan(node, record):
    """Plan the node from its record, as JSON."""
    return node.podnet("plan", node.spec, "--node", node.name, "--state", record.parents[1], "--format", "json")


def test_plan_from_a_record_has_the_changes_of_the_live_plan(node, record):
    live = node.podnet("plan", node.spec, "--live", "--format", "json")
    assert json.loads(recorded_plan(node, record).stdout)["nodes"][0] == {
        **json.loads(live.stdout)["nodes"][0],
        "source": "recorded",
    }


def test_plan_from_a_record_of_a_node_in_sync_is_empty(node, capture, tmp_path):
    node.apply()
    record = tmp_path / "state/hdss7/hdss7-21.json"
    record.parent.mkdir(parents=True)
    capture("--out", record)
    assert recorded_plan(node, record).changes == []


def test_plan_from_a_record_is_for_the_backend_of_the_spec_whatever_iptables_is(node, tmp_path):
    record = tmp_path / "state/hdss7/hdss7-21.json"
    record.parent.mkdir(parents=True)
    other = "legacy" if node.backend == "nft" else "nft"
    start = as_default(tmp_path, other)
    assert process(node.lab, node.name, "capture", "--out", record, before=start).code == 0
    live = node.podnet("plan", node.spec, "--live", "--format", "json")
    planned = json.loads(recorded_plan(node, record).stdout)["nodes"][0]
    assert planned == {**json.loads(live.stdout)["nodes"][0], "source": "recorded"}


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_record_on_stdout_is_that_of_the_file_but_for_the_cluster(capture, record):
    assert json.loads(capture().stdout) == {**json.loads(record.read_text()), "cluster": None}


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_record_on_stdout_leaves_stderr_alone(node):
    assert node.podnet("capture", "--out", "-").stderr == ""


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_record_in_a_file_leaves_stdout_alone(node, tmp_path):
    assert node.podnet("capture", "--out", tmp_path / "n.json").stdout == ""


def test_capture_changes_nothing(node):
    before = node.state()
    node.podnet("capture")
    assert node.state() == before


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
@pytest.mark.parametrize(
    ("key", "value"), [("cluster", "hdss8"), ("node", "hdss7-22"), ("format_version", "2.0"), ("routes", [{}])]
)
def test_record_of_something_else_is_wrong_use(node, record, key, value):
    record.write_text(json.dumps({**json.loads(record.read_text()), key: value}))
    assert recorded_plan(node, record).code == 2


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_record_of_something_else_is_named(node, record):
    record.write_text(json.dumps({**json.loads(record.read_text()), "cluster": "hdss8"}))
    assert f"{record} is a record of cluster hdss8, not of hdss7" in recorded_plan(node, record).stderr


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_record_outside_a_state_folder_may_be_copied_to_any(node, capture, record, tmp_path):
    elsewhere = tmp_path / "records/hdss7-21.json"
    elsewhere.parent.mkdir()
    capture("--out", elsewhere)
    record.write_text(elsewhere.read_text())
    assert recorded_plan(node, record).code == 0


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
@pytest.mark.parametrize("name", ["net.ipv4.conf.eth0.proxy_arp", "net.ipv4.tcp_syncookies"])
def test_record_knows_the_parameters_that_specs_set(node, record, tmp_path, name):
    value = node.shell(f"sysctl -n {name}").strip()
    spec = tmp_path / "hdss7.yaml"
    spec.write_text(node.spec.read_text().replace("defaults:", f"sysctl: {{{name}: {value}}}\ndefaults:"))
    planning = ["plan", spec, "--state", record.parents[1], "--node", node.name]
    known = node.podnet(*planning).stdout
    data = json.loads(record.read_text())
    data["sysctls"] = [sysctl for sysctl in data["sysctls"] if sysctl["name"] != name]
    record.write_text(json.dumps(data))
    unknown = node.podnet(*planning).stdout
    assert [name in shown for shown in (known, unknown)] == [False, True]


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_parameter_that_a_record_does_not_hold_is_said_not_to_be_recorded(node, record, tmp_path):
    spec = tmp_path / "hdss7.yaml"
    spec.write_text(node.spec.read_text().replace("defaults:", "sysctl: {net.ipv4.tcp_sack: 1}\ndefaults:"))
    shown = node.podnet("plan", spec, "--state", record.parents[1]).stdout
    assert "warning: not recorded, and perhaps as wanted already: net.ipv4.tcp_sack" in shown


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_node_without_a_record_is_told_how_to_get_one(node, tmp_path):
    said = node.podnet("plan", node.spec, "--state", tmp_path).stderr
    assert f"`podnet capture --out {tmp_path}/hdss7/hdss7-21.json`" in said


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_folder_that_is_not_there_is_not_made(node, tmp_path):
    for words in (["capture"], ["plan", node.spec, "--live"], ["drift", node.spec]):
        option = "--metrics-file" if words[0] == "drift" else "--out"
        done = node.podnet(*words, option, tmp_path / "no/file")
        assert (done.code, f"there is no folder {tmp_path / 'no'}" in done.stderr) == (2, True)


def of_the_network(record):
    """Leave out the parameters whose values depend on the memory of the machine, or on what its kernel has loaded."""
    kept = [
        sysctl
        for sysctl in record["sysctls"]
        if sysctl["name"].startswith(("net.ipv4.conf.", "net.ipv4.ip_", "net.br"))
    ]
    return {**record, "sysctls": kept}


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
@pytest.mark.parametrize("name", ["hdss7-21", "hdss7-22"])
def test_committed_records_are_what_capture_writes_on_a_node_as_the_story_starts(node, peer, name):
    captured = {host.name: host for host in (node, peer)}[name].podnet("capture").stdout
    committed = json.loads((ROOT / f"state/hdss7/{name}.json").read_text())
    record = {**json.loads(captured), "cluster": "hdss7", "podnet_version": committed["podnet_version"]}
    assert of_the_network(committed) == of_the_network(record)

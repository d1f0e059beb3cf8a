from __future__ import annotations

import json

import pytest

from netplan.errors import UsageError
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.ipset.value import IpSet, Member
from netplan.kinds.policy.value import DEFAULTS, PolicyRule
from netplan.kinds.resource import Resource
from netplan.kinds.sysctl.originals import Overwritten
from netplan.net import Prefix
from netplan.store import records
from netplan.trace.fib import Fib
from tests import make, tunnels

STATE = make.snapshot(make.docker(), make.route(), backend=FirewallBackend.LEGACY)


def text(node="a", cluster="c", **keys):
    return json.dumps(json.loads(records.render(STATE, node, cluster)) | keys)


def parsed(written):
    return records.parse(written, "state/c/a.json", "c", "a").state


def test_a_record_is_read_back():
    record = parsed(text())
    assert (record.backend, make.content(record)) == (FirewallBackend.LEGACY, make.content(STATE))


def test_tunnels_and_what_stands_on_them_are_read_back():
    standing: list[Resource] = [tunnels.link(), tunnels.address(), tunnels.neighbour(), tunnels.fdb(), tunnels.route()]
    record = parsed(records.render(make.snapshot("", *standing), "a", "c"))
    assert [record.index[resource.kind, resource.key] for resource in standing] == standing


def test_a_node_without_tunnels_has_no_lists_of_what_stands_on_them():
    assert {"neighbours", "fdb"}.isdisjoint(json.loads(text()))


def test_a_record_that_does_not_know_its_cluster_is_read_for_any():
    assert parsed(text(cluster=None)).backend is FirewallBackend.LEGACY


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (text(cluster="other"), "is a record of cluster other, not of c: capture a again"),
        (text(node="b"), "is a record of node b, not of a: capture a again"),
        (text(format_version="2.0"), r"has record format 2\.0; this podnet reads 1\.1: capture the node again"),
        ('{"format_version": "9.0"}', r"has record format 9\.0; this podnet reads 1\.1: capture the node again"),
        (text(backend="ipfw"), "is not a record of a node's state: 'ipfw' is not a valid FirewallBackend"),
        (text(routes=None), "is not a record of a node's state: a value of another type is expected"),
        (text(chains=[{"version": 4}]), r"is not a record of a node's state: chains\[0\]: the key 'table' is missing"),
        ("[]", "is not a record of a node's state"),
        ("{}", "is not a record of a node's state"),
    ],
    ids=str,
)
def test_what_is_no_record_of_the_node_is_refused_with_the_files_name(written, message):
    with pytest.raises(UsageError, match=rf"^state/c/a\.json {message}"):
        parsed(written)


def test_a_record_that_is_no_json_is_refused_with_the_place_where_it_ends_to_be():
    with pytest.raises(UsageError, match=r"^state/c/a\.json:3:7: invalid JSON"):
        parsed('{\n "a": 1,\n "b": x\n}')


def test_a_record_of_a_later_minor_version_is_read():
    assert parsed(text(format_version="1.9", later=[])).backend is FirewallBackend.LEGACY


def test_rules_of_routing_and_sets_are_read_back():
    rules = (*DEFAULTS[:1], PolicyRule(5, 100, source=Prefix.parse("172.7.21.0/24")), *DEFAULTS[1:])
    sets = (IpSet("s", "hash:ip", members=(Member((Prefix.parse("10.0.0.1/32"),)),)),)
    state = STATE.replace(PolicyRule, rules).replace(IpSet, sets)
    record = parsed(records.render(state, "a", "c"))
    assert (record.all(PolicyRule), record.all(IpSet)) == (rules, sets)


def test_a_record_from_before_has_the_rules_of_every_node():
    record = parsed(text())
    assert not record.all(PolicyRule)
    assert not Fib(record).ruled


@pytest.mark.parametrize(
    "wrong", [{"name": "s", "type": "hash:x", "version": 4, "members": []}, {"name": "s"}], ids=str
)
def test_a_set_that_is_none_is_refused_with_the_files_name(wrong):
    with pytest.raises(UsageError, match=r"^state/c/a\.json is not a record"):
        parsed(text(ipsets=[wrong]))


@pytest.mark.parametrize("rule", ["-j ACCEPT\n-F", "\x1b[2J", "-j ACCEPT\x00"])
def test_a_rule_with_control_characters_is_refused(rule):
    chain = {"version": 4, "table": "nat", "chain": "POSTROUTING", "policy": "ACCEPT", "rules": [rule]}
    with pytest.raises(UsageError, match="a rule holds no control characters"):
        parsed(text(chains=[chain]))


def test_the_record_of_a_node_is_read_from_the_folder_of_its_cluster(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "a.json").write_text(text())
    record = records.read(tmp_path, "c", "a")
    assert record is not None
    assert record.state == parsed(text())


def test_a_node_may_have_no_record(tmp_path):
    assert records.read(tmp_path, "c", "a") is None


def test_a_record_that_can_not_be_opened_is_named(tmp_path):
    (tmp_path / "c" / "a.json").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"a\.json: Is a directory"):
        records.read(tmp_path, "c", "a")


def test_bytes_of_another_encoding_are_kept(tmp_path):
    rule = '-m comment --comment "caf\udce9" -j LOG'
    state = make.snapshot(make.saved(nat=[rule]))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "a.json").write_text(records.render(state, "a", "c"))
    record = records.read(tmp_path, "c", "a")
    assert record is not None
    assert make.texts(record.state.rules(make.POSTROUTING)) == [rule]


def test_a_record_holds_what_podnet_has_overwritten():
    written = (Overwritten("net.ipv4.conf.all.rp_filter", "0", "2"),)
    text = records.render(STATE, "a", "c", written)
    assert records.parse(text, "state/c/a.json", "c", "a").overwritten == written


OTHER = make.snapshot(make.saved(nat=["-j MASQUERADE"]), make.route(), backend=FirewallBackend.NFT)


def test_a_record_holds_the_rules_of_both_backends_and_all_else_once():
    written = records.render(STATE, "a", "c", (), OTHER)
    record = records.parse(written, "state/c/a.json", "c", "a")
    seen = [make.content(record.of(backend)) for backend in (None, FirewallBackend.LEGACY, FirewallBackend.NFT)]
    assert seen == [make.content(STATE), make.content(STATE), make.content(OTHER)]
    assert {*json.loads(written)["other_backend"]} == {"backend", "chains"}


def test_a_record_of_an_older_podnet_is_that_of_the_one_backend_it_has():
    older = records.parse(text(format_version="1.0"), "state/c/a.json", "c", "a")
    assert older.of(FirewallBackend.NFT) == older.state


@pytest.mark.parametrize("other", [5, {}, {"backend": "nft", "chains": 5}, {"backend": "nft", "chains": [{}]}], ids=str)
def test_rules_of_another_backend_that_are_none_are_refused_with_the_files_name(other):
    with pytest.raises(UsageError, match=r"^state/c/a\.json is not a record of a node's state"):
        parsed(text(other_backend=other))


def test_a_parameter_that_is_none_is_refused_with_the_files_name():
    with pytest.raises(UsageError, match=r"^state/c/a\.json is not a record"):
        parsed(text(overwritten=[{"name": "../x", "before": "0", "written": "1"}]))

from __future__ import annotations

import json
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan import __version__
from netplan.errors import Location, UsageError
from netplan.kinds.chain.value import Chain, FirewallBackend, PlacedRule, jump_to
from netplan.kinds.resource import Change, Insertion, Reason
from netplan.kinds.route.value import KERNEL
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address
from netplan.planning import plan_json
from netplan.planning.plan import NodePlan, Source
from netplan.planning.plan_json import is_plan, plan_to_json, summary
from netplan.store import records
from tests import make, tunnels
from tests.plans import read_plan, rendered
from tests.runs import examples

GOLDEN = Path(__file__).parents[1] / "golden" / "plan.json"

OUTSIDE = "net.ipv4/../../kernel.core_pattern"
AT = Location("specs/c.yaml", 22, 5)
JUMP = jump_to(make.MASQUERADE_CHAIN)
CHAIN = Chain(make.MASQUERADE_CHAIN, make.rules("-s 172.7.0.0/16 -d 172.7.0.0/16 -j ACCEPT"))
DOCKER = PlacedRule(make.POSTROUTING, 2, make.rule(make.DOCKER_MASQUERADE))
CHANGES = (
    Change(None, make.route(), Reason("subnet of b", AT)),
    Change(make.route("172.7.9.0/24"), None, Reason("ours, and no longer wanted")),
    Change(None, CHAIN, Reason("ip_masq", AT)),
    Change(Chain(make.FORWARD_CHAIN, make.rules("-j DROP")), Chain(make.FORWARD_CHAIN), Reason("forward", AT)),
    Change(DOCKER, None, Reason("firewall.remove", AT)),
    Change(PlacedRule(make.POSTROUTING, 3, JUMP), PlacedRule(make.POSTROUTING, 1, JUMP), Reason("before docker's")),
    Change(Sysctl("net.ipv4.ip_forward", "0"), Sysctl("net.ipv4.ip_forward", "1"), Reason("routing needs it")),
)


def story():
    """Return a plan with every action, and a node that is in sync but not beyond doubt."""
    depends = {"the firewall backend": "sha256:1", "route 172.7.22.0/24": "sha256:2"}
    first, second = (Address.parse(f"10.4.7.2{number}") for number in (1, 2))
    return make.plans(
        NodePlan("a", first, Source.LIVE, FirewallBackend.NFT, CHANGES, depends, sysctls=("net.ipv4.ip_forward",)),
        NodePlan(
            "b",
            second,
            Source.RECORDED,
            FirewallBackend.LEGACY,
            (),
            {},
            ("no interface eth0",),
            ("a route is in the way",),
        ),
    )


def text():
    """Return the story's plan without what changes with every release."""
    return rendered(story()).replace(f'"podnet_version": "{__version__}"', '"podnet_version": "0"')


def altered(**keys):
    """Return the story's plan with some keys of its first change replaced."""
    data = json.loads(text())
    data["nodes"][0]["changes"][0] |= keys
    return json.dumps(data)


def test_the_format_is_the_one_that_users_programs_read():
    assert text() == GOLDEN.read_text()


def test_the_golden_plan_shows_every_action():
    actions = {change["action"] for node in json.loads(GOLDEN.read_text())["nodes"] for change in node["changes"]}
    assert actions == {"create", "update", "delete", "move"}


def test_a_plan_that_an_older_podnet_saved_is_read():
    assert read_plan(GOLDEN.read_text(), "plan.json") == story()


def test_keys_that_a_reader_does_not_know_are_ignored():
    data = json.loads(text()) | {"later": 1}
    data["nodes"][0] |= {"later": []}
    data["nodes"][0]["changes"][0] |= {"later": {}}
    assert read_plan(json.dumps(data), "plan.json") == story()


def test_a_plan_of_a_later_minor_version_is_read():
    assert read_plan(text().replace('"1.1"', '"1.7"', 1), "plan.json") == story()


def test_a_plan_of_another_major_version_is_refused():
    with pytest.raises(UsageError, match=r"^plan\.json has plan format 2\.0; this podnet reads 1\.1: plan again"):
        read_plan(text().replace('"1.1"', '"2.0"', 1), "plan.json")


def test_a_fingerprint_is_that_of_what_the_plan_depends_on():
    (first, _) = story().nodes
    assert plan_to_json(story())["nodes"][0]["fingerprint"] == first.fingerprint


def test_the_place_of_a_route_beside_others_is_read_back():
    changes = (Change(None, make.route(), Reason("subnet of b"), Insertion.FIRST),)
    plan = make.plans(NodePlan("a", Address.parse("10.4.7.21"), Source.LIVE, FirewallBackend.NFT, changes, {}))
    assert read_plan(rendered(plan), "plan.json") == plan


def test_changes_are_counted_and_a_move_is_an_update():
    assert summary(story()) == {"nodes": 2, "nodes_changed": 1, "create": 2, "update": 3, "delete": 2}


def test_a_node_in_sync_is_not_counted_as_changed():
    in_sync = make.plan(make.settled(make.desired(), make.snapshot()))
    assert summary(make.plans(in_sync, make.plan(name="b")))["nodes_changed"] == 1


SPECS = ["version: 1\ncluster: c\n", "{version: 1, cluster: c}", '{"version": 1, "cluster": "c"}', "{}", ""]


def test_a_plan_is_told_from_a_spec_in_yaml_or_json():
    texts = [rendered(story()), *SPECS]
    assert [is_plan(BytesIO(text.encode()), "c") for text in texts] == [True, *(False for _ in SPECS)]


def test_a_plan_is_told_by_its_version_wherever_that_stands():
    version, *others = json.loads(rendered(story())).items()
    assert is_plan(BytesIO(json.dumps(dict([*others, version])).encode()), "c")


def test_to_tell_a_plan_leaves_the_file_at_its_beginning():
    file = BytesIO(rendered(story()).encode())
    is_plan(file, "c")
    assert file.tell() == 0


@pytest.mark.parametrize("content", ["", "version: 1", "[" * 9])
def test_what_is_no_json_is_refused_with_its_place(content):
    with pytest.raises(UsageError, match=r"^plan\.json:1:\d+: invalid JSON, and so not a plan that podnet saved"):
        read_plan(content, "plan.json")


NOT_JSON = {
    ("plan.json", ""): "1:1: .*: Expecting value; the file ends too early",
    ("plan.json", "version: 1"): "1:1: .*: Expecting value",
    ("plan", "{"): "1:2: .*: Expecting value; the file ends too early",
    ("plan", '{\n "format_ver'): "2:2: .*: Unterminated string starting at; the file ends too early",
    ("plan", '{\n "cluster": "c",'): "2:17: .*: Expecting value; the file ends too early",
    ("plan", '{"cluster": "c"} {}'): "1:18: .*: Extra data",
}


@pytest.mark.parametrize(("name", "content", "said"), [(*file, said) for file, said in NOT_JSON.items()])
def test_what_should_be_json_by_its_name_or_its_beginning_is_no_spec_where_it_is_none(name, content, said):
    with pytest.raises(UsageError, match=rf"^{name}:{said}$"):
        is_plan(BytesIO(content.encode()), name)


def test_a_list_is_neither_a_plan_nor_a_spec():
    with pytest.raises(UsageError, match=r"^c\.json is not a plan that podnet saved: an object is expected$"):
        is_plan(BytesIO(b"[]"), "c.json")


def told_and_read(text, name):
    """Read a plan as `apply` does, if it is one."""
    return read_plan(text, name) if is_plan(BytesIO(text.encode()), name) else None


def test_a_plan_that_is_cut_off_anywhere_is_said_to_end_too_early():
    whole = rendered(story()).rstrip()
    for length in range(2, len(whole), max(1, len(whole) // 50)):
        with pytest.raises(UsageError, match=r"^plan\.json:\d+:\d+: invalid JSON.*; the file ends too early$"):
            told_and_read(whole[:length], "plan.json")


def test_a_key_that_is_missing_is_named_with_the_way_to_it():
    saved = json.loads(text())
    del saved["nodes"][0]["changes"][1]["reason"]
    with pytest.raises(UsageError, match=r": nodes\[0\]\.changes\[1\]: the key 'reason' is missing$"):
        read_plan(json.dumps(saved), "plan.json")


@pytest.mark.parametrize("content", ["[]", "{}", "null", '{"format_version": "1.0"}'])
def test_what_is_no_plan_is_refused(content):
    with pytest.raises(UsageError, match=r"^plan\.json is not a plan that podnet saved"):
        read_plan(content, "plan.json")


FOREIGN_ROUTE = make.route(protocol=4).to_json()
FOREIGN_RULE = {"version": 4, "table": "filter", "chain": "FORWARD", "position": 1, "rule": "-j ACCEPT"}
JUMPING = {"version": 4, "table": "nat", "position": 1, "rule": "-j PODNET-POSTROUTING"}


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("route", FOREIGN_ROUTE),
        ("rule", FOREIGN_RULE),
        ("rule", JUMPING | {"chain": "POSTROUTING -j LOG\n-F"}),
        ("rule", JUMPING | {"chain": "POSTROUTING", "table": "nat\nCOMMIT\n*filter"}),
        ("rule", JUMPING | {"chain": "POSTROUTING", "position": 0}),
        ("rule", JUMPING | {"chain": "POSTROUTING", "rule": "-j PODNET-X\n-F"}),
        ("sysctl", {"name": ".etc.cron/d.evil", "value": "x"}),
        ("sysctl", {"name": "net.//.//.//.etc.passwd", "value": "x"}),
        ("sysctl", {"name": "kernel.core_pattern", "value": "|/x"}),
    ],
    ids=str,
)
def test_a_plan_can_not_be_made_to_write_what_is_not_podnets(kind, after):
    with pytest.raises(UsageError, match="is not a plan that podnet saved"):
        read_plan(altered(kind=kind, before=None, after=after), "plan.json")


@pytest.mark.parametrize("wanted", [{"sysctls": [OUTSIDE]}, {"waiting": [{"name": OUTSIDE, "value": "1"}]}])
def test_of_parameters_that_are_wanted_none_leads_out_of_the_network(wanted):
    data = json.loads(text())
    data["nodes"][0] |= wanted
    with pytest.raises(UsageError, match="is not the name of a sysctl"):
        read_plan(json.dumps(data), "plan.json")


@pytest.mark.parametrize("name", ["\x1b[2J", "a\nb", "../a", ""])
def test_names_that_a_terminal_or_a_folder_would_act_on_are_refused(name):
    with pytest.raises(UsageError, match="is not a name"):
        read_plan(text().replace('"node": "a"', f'"node": {json.dumps(name)}'), "plan.json")


def values(data, path=()):
    """Return the path of every value in JSON."""
    yield path
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from values(value, (*path, key))


def replaced(data, path, value):
    """Return JSON with another value at a path."""
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else [*data]
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy


PLAN = json.loads(rendered(story()))
RECORD = json.loads(records.render(make.snapshot(make.docker(), make.route()), "a", "c"))
ODD = st.sampled_from([None, True, -1, 1e400, float("nan"), "", "\x1b[31m", "٣", "10.0.0.0/99", [], {}, [1], {"a": 1}])


@examples(300)
@given(st.sampled_from([*values(PLAN)]), ODD)
def test_a_damaged_plan_is_read_or_refused_and_nothing_else(path, value):
    with suppress(UsageError):
        read_plan(json.dumps(replaced(PLAN, path, value)), "plan.json")


@examples(300)
@given(st.sampled_from([*values(RECORD)]), ODD)
def test_a_damaged_record_is_read_or_refused_and_nothing_else(path, value):
    with suppress(UsageError):
        records.parse(json.dumps(replaced(RECORD, path, value)), "a.json", "c", "a")


ADOPTED = tunnels.link("flannel.1")
FOREIGN = tunnels.link("flannel.1", alias="")


def read_back(*changes, adopts=True):
    address = Address.parse("10.4.7.21")
    saved = make.plans(NodePlan("a", address, Source.LIVE, FirewallBackend.NFT, changes, {}, adopts=adopts))
    return read_plan(rendered(saved), "plan.json").nodes[0].changes


@pytest.mark.parametrize(
    "changes",
    [
        [Change(FOREIGN, ADOPTED, make.WHY), Change(tunnels.route(device="flannel.1", protocol=3), None, make.WHY)],
        [Change(make.route(protocol=3), make.route(), make.WHY)],
        [Change(None, tunnels.neighbour(), make.WHY), Change(tunnels.fdb(), None, make.WHY)],
    ],
)
def test_what_is_adopted_is_podnets_to_change(changes):
    assert read_back(*changes) == tuple(changes)


def test_nothing_is_adopted_unless_the_spec_said_so():
    with pytest.raises(UsageError, match="podnet must not update"):
        read_back(Change(make.route(protocol=3), make.route(), make.WHY), adopts=False)


@pytest.mark.parametrize(
    "change",
    [
        Change(FOREIGN, None, make.WHY),
        Change(ADOPTED, FOREIGN, make.WHY),
        Change(make.route(), make.route(protocol=3), make.WHY),
        Change(tunnels.route(device="flannel.1", protocol=3), None, make.WHY),
        Change(tunnels.address(ours=False), None, make.WHY),
        Change(tunnels.neighbour(ours=False), tunnels.neighbour(), make.WHY),
        Change(None, tunnels.fdb(ours=False), make.WHY),
    ],
)
def test_what_is_not_adopted_is_not_podnets_to_change(change):
    with pytest.raises(UsageError, match="podnet must not"):
        read_back(change)


def test_a_node_stands_once_in_a_plan():
    text = rendered(story()).replace('"node": "b"', '"node": "a"')
    with pytest.raises(UsageError, match=r"nodes\[1\]: the node a stands twice"):
        read_plan(text, "plan.json")


def test_a_route_that_the_kernel_keeps_is_never_adopted():
    connected = make.route("172.7.22.0/24", None, "docker0", protocol=KERNEL)
    change = Change(connected, make.route(), Reason("a made up plan"))
    adopting = NodePlan("a", Address.parse("10.4.7.21"), Source.LIVE, FirewallBackend.NFT, (change,), {}, adopts=True)
    with pytest.raises(UsageError, match="podnet must not update"):
        read_plan(rendered(make.plans(adopting)), "plan.json")


def test_a_node_whose_part_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(plan_json, "MAX_BYTES", 100)
    with pytest.raises(UsageError, match=r"^plan\.json: the part of one node"):
        read_plan(rendered(story()), "plan.json")

from __future__ import annotations

from msgspec.structs import replace

from netplan.desired.compile import compile_node
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Chain, FirewallBackend, jump_to
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName, InterfaceAddress
from netplan.planning.fingerprint import changed_since, dependencies, unlike, unmet
from netplan.planning.plan import Source, plan_node
from netplan.planning.projection import project
from netplan.planning.underlay import resolved_in
from tests import make

STORY = make.snapshot(make.saved(nat=["-j LOG", make.DOCKER_MASQUERADE, "-j LOG"]))


def with_rules(state, *texts, key=make.POSTROUTING):
    return state.replace(
        Chain, [Chain(key, make.rules(*texts)) if chain.key == key else chain for chain in state.all(Chain)]
    )


def stale(now, before=STORY, **keys):
    """Return the parts of the state before that a plan depends on and that are no longer the same."""
    node_plan = make.plan(before, make.spec(**keys))
    return dict(changed_since(node_plan.depends, node_plan.changes, now))


def test_a_state_that_did_not_change_is_fresh():
    assert not stale(STORY)


def test_a_rule_that_came_before_those_that_the_plan_changes_makes_it_stale():
    now = with_rules(STORY, "-j MASQUERADE", "-j LOG", make.DOCKER_MASQUERADE, "-j LOG")
    assert stale(now) == {"the first rules of nat POSTROUTING": "-j MASQUERADE came"}


def test_a_rule_to_be_removed_that_has_gone_makes_a_plan_stale():
    now = with_rules(STORY, "-j LOG", "-j LOG")
    expected = {"the first rules of nat POSTROUTING": f"{make.DOCKER_MASQUERADE} went"}
    assert stale(now, firewall=make.REMOVE) == expected


MANY = [f"-s 10.9.9.{number}/32 -j ACCEPT" for number in range(200)]


def told_of_forward(now, before=MANY):
    """Tell what makes a plan stale that depends on every rule of FORWARD."""
    return stale(make.snapshot(make.saved(filter=now)), make.snapshot(make.saved(filter=before)))


def test_of_many_rules_only_the_one_that_came_is_told():
    assert told_of_forward([*MANY[:50], "-j LOG", *MANY[50:]]) == {"the rules of filter FORWARD": "-j LOG came"}


def test_a_rule_that_went_and_that_the_plan_does_not_know_is_counted():
    assert told_of_forward(MANY[1:]) == {"the rules of filter FORWARD": "a rule went"}


def test_rules_in_another_order_are_said_to_be():
    assert told_of_forward(MANY[::-1]) == {"the rules of filter FORWARD": "they stand in another order"}


def test_of_many_rules_that_came_the_first_are_told():
    came = "-s 10.9.9.0/32 -j ACCEPT came; -s 10.9.9.1/32 -j ACCEPT came; -s 10.9.9.2/32 -j ACCEPT came"
    text = told_of_forward(MANY, [])["the rules of filter FORWARD"]
    assert text == f"{came}; and 197 more came or went"


def test_a_rule_that_came_before_the_place_of_a_jump_counts_where_rules_before_that_go():
    firewall = '{remove: [{table: filter, rule: "-A FORWARD -s 1.1.1.1/32 -j DROP"}]}'
    removed, policy = ["-s 1.1.1.1/32 -j DROP"] * 3, "-d 172.7.21.5/32 -j DROP"
    before = make.snapshot(make.saved(filter=[*removed, "-j LOG", policy]))
    now = make.snapshot(make.saved(filter=[*removed, "-j LOG", "-j LOG", policy]))
    assert [*stale(now, before, firewall=firewall)] == ["the rules of filter FORWARD"]


def test_a_rule_that_came_behind_those_that_the_plan_changes_does_not_matter():
    assert not stale(with_rules(STORY, "-j LOG", make.DOCKER_MASQUERADE, "-j LOG", "-j RETURN"))


def test_a_chain_that_the_plan_leaves_alone_does_not_matter():
    assert not stale(with_rules(STORY, "-j DROP", key=make.FORWARD), before=STORY, forward="none")


def test_a_route_that_came_to_stand_in_the_way_makes_a_plan_stale():
    now = make.snapshot(make.saved(nat=["-j LOG", make.DOCKER_MASQUERADE]), make.route(via="10.4.7.9", protocol=4))
    assert stale(now)["route 172.7.22.0/24"] == "172.7.22.0/24 via 10.4.7.9 dev eth0"


def test_a_route_that_has_gone_is_said_to_be_not_there():
    before = make.snapshot("", make.route(via="10.4.7.9"))
    assert stale(make.snapshot(), before) == {"route 172.7.22.0/24": "not there"}


def test_a_route_that_the_plan_does_not_change_does_not_matter():
    assert not stale(make.snapshot("", make.route("10.9.0.0/16", protocol=4)), make.snapshot())


def test_a_parameter_that_changed_makes_a_plan_stale():
    now = make.snapshot(ip_forward="1")
    assert stale(now, make.snapshot()) == {"sysctl net.ipv4.ip_forward": "net.ipv4.ip_forward = 1"}


def test_another_packet_filter_makes_a_plan_stale():
    assert stale(make.snapshot(backend=FirewallBackend.LEGACY), make.snapshot()) == {"the firewall backend": "legacy"}


KUBE = "*nat\n:KUBE-POSTROUTING - [0:0]\n-A POSTROUTING -j KUBE-POSTROUTING\n-A KUBE-POSTROUTING {}\nCOMMIT\n"
UNMARKED = "-m mark ! --mark 0x4000/0x4000 -j RETURN"


def before_our_jump(rule):
    """Make a state in which a chain that a rule before our jump leads into holds a rule."""
    return make.snapshot(KUBE.format(rule))


def test_a_chain_before_our_jump_that_changed_makes_a_plan_stale():
    parts = stale(before_our_jump("-j MASQUERADE"), before_our_jump(UNMARKED))
    assert parts == {"chain nat KUBE-POSTROUTING": "-j MASQUERADE"}


def test_a_chain_behind_our_jump_does_not_matter():
    behind = f"*nat\n:DOCKER-POST - [0:0]\n-A POSTROUTING {make.DOCKER_MASQUERADE}\n-A POSTROUTING -j DOCKER-POST\n"
    assert not stale(make.snapshot(f"{behind}-A DOCKER-POST -j MASQUERADE\n"), make.snapshot(behind))


def test_the_device_of_a_route_that_has_gone_makes_a_plan_stale():
    now = STORY.replace(Link, [link for link in STORY.all(Link) if link.name != "eth0"])
    assert stale(now) == {"interface eth0": "not there"}


def test_an_address_that_no_longer_reaches_the_next_hop_makes_a_plan_stale():
    now = STORY.replace(LinkAddress, make.snapshot(address="10.4.7.21/32").all(LinkAddress))
    assert stale(now) == {"interface eth0": "no address towards 10.4.7.22"}


def test_an_address_that_reaches_no_next_hop_does_not_matter():
    other = LinkAddress(IfName("eth0"), InterfaceAddress.parse("198.51.100.9/24"))
    assert not stale(STORY.replace(LinkAddress, [*STORY.all(LinkAddress), other]))


def left(state, before=STORY, **keys):
    """Return what of a plan for the state before is not met in a state."""
    return make.said(unmet(make.plan(before, make.spec(**keys)).changes, before, state))


def done(before=STORY, **keys):
    return project(before, make.plan(before, make.spec(**keys)).changes)


def test_a_plan_that_was_carried_out_leaves_nothing():
    assert not left(done(firewall=make.REMOVE), firewall=make.REMOVE)


def test_a_plan_that_was_not_carried_out_leaves_everything():
    assert left(STORY, firewall=make.REMOVE) == make.said(make.plan(STORY, make.spec(firewall=make.REMOVE)).changes)


def test_a_rule_that_others_appended_meanwhile_is_not_left_to_do():
    observed = done()
    assert not left(with_rules(observed, *make.texts(observed.rules(make.POSTROUTING)), "-s 10.9.9.9/32 -j ACCEPT"))


def test_a_rule_that_others_took_away_meanwhile_is_not_left_to_do():
    logged = [f"-s 10.9.9.{number}/32 -j LOG" for number in (1, 2)]
    before = make.snapshot(make.saved(nat=[*logged, make.DOCKER_MASQUERADE]))
    observed = done(before)
    jump, *rest = make.texts(observed.rules(make.POSTROUTING))[2:]
    assert (jump, left(with_rules(observed, logged[1], jump, *rest), before)) == (
        str(jump_to(make.MASQUERADE_CHAIN)),
        [],
    )


def test_a_jump_that_did_not_move_is_left_to_do():
    before = make.settled(make.desired(), make.snapshot())
    jump = str(jump_to(make.MASQUERADE_CHAIN))
    overtaken = with_rules(before, make.DOCKER_MASQUERADE, jump)
    assert left(overtaken, overtaken) == [f"move rule nat POSTROUTING 1: {jump}"]


def test_an_object_with_another_content_is_left_to_do():
    observed = done().replace(Sysctl, [Sysctl("net.ipv4.ip_forward", "0")])
    assert left(observed) == ["update sysctl net.ipv4.ip_forward = 1"]


def test_a_policy_that_came_behind_the_place_of_our_jump_in_forward_makes_a_plan_stale():
    before = make.snapshot(make.saved(filter=["-j LOG"]))
    now = make.snapshot(make.saved(filter=["-j LOG", "-d 172.7.21.5/32 -j DROP"]))
    assert [*stale(now, before)] == ["the rules of filter FORWARD"]


CONNECTED = make.route(via=None, dev="docker0", protocol=2)


def test_a_route_beside_one_that_changes_is_part_of_what_a_plan_depends_on():
    changes = [Change(make.route(), None, make.WHY)]
    depends = dependencies(changes, make.snapshot("", make.route()))
    (changed,) = changed_since(depends, changes, make.snapshot("", make.route(), CONNECTED))
    assert changed == ("route 172.7.22.0/24", f"{make.route()}; {CONNECTED}")


def test_a_delete_is_met_where_another_route_of_its_prefix_stays():
    changes = [Change(make.route(), None, make.WHY)]
    before = make.snapshot("", make.route(), CONNECTED)
    assert [*unmet(changes, before, make.snapshot("", CONNECTED))] == []


def test_a_delete_is_unmet_where_the_other_route_of_its_prefix_went():
    changes = [Change(make.route(via="10.4.7.9"), None, make.WHY)]
    before = make.snapshot("", make.route(via="10.4.7.9"), make.route())
    assert [*unmet(changes, before, make.snapshot("", make.route(via="10.4.7.9")))] == changes


def test_changes_are_the_same_where_only_positions_differ():
    now = with_rules(STORY, "-s 10.9.9.0/24 -j RETURN", "-j LOG", make.DOCKER_MASQUERADE, "-j LOG")
    assert unlike(make.plan(STORY, make.spec()).changes, make.plan(now, make.spec()).changes) == ()


def test_changes_that_only_one_of_two_plans_has_are_told_apart():
    now = with_rules(STORY, "-j LOG", "-j LOG")
    keys = {"firewall": make.REMOVE}
    others = unlike(make.plan(STORY, make.spec(**keys)).changes, make.plan(now, make.spec(**keys)).changes)
    assert [(sign, str(change.resource)) for sign, change in others] == [
        ("-", f"nat POSTROUTING 2: {make.DOCKER_MASQUERADE}")
    ]


def test_a_change_that_is_needed_twice_is_not_the_same_as_one_that_is_needed_once():
    change = Change(make.route(), None, make.WHY)
    assert unlike([change, change], [change]) == (("-", change),)


def carried(mtu):
    """Return what made the plan of a tunnel stale whose device carries `mtu` now, and carried 1500 then."""
    spec = make.spec(backend="{type: vxlan}", defaults="{mtu: auto}")
    plan = plan_node(compile_node(spec, resolved_in(spec.topology.by_name["a"], STORY)), STORY, Source.LIVE)
    return dict(changed_since(plan.depends, plan.changes, with_mtu(STORY, mtu)))


def with_mtu(state, mtu):
    links = [replace(link, mtu=mtu) if link.name == "eth0" else link for link in state.all(Link)]
    return state.replace(Link, links)


def test_a_tunnel_by_a_device_whose_mtu_has_changed_since_makes_a_plan_stale():
    assert carried(1460) == {"the MTU of eth0": "1460"}


def test_a_tunnel_by_a_device_whose_mtu_is_as_it_was_leaves_a_plan_fresh():
    assert not carried(1500)


def test_a_tunnel_that_a_plan_leaves_as_wide_as_it_is_does_not_depend_on_its_device():
    spec = make.spec(backend="{type: vxlan}")
    applied = project(STORY, make.plan(STORY, spec).changes)
    moved = [replace(link, lladdr="02:00:00:00:00:01") if link.ours else link for link in applied.all(Link)]
    plan = make.plan(applied.replace(Link, moved), spec)
    assert "link" in {change.resource.kind for change in plan.changes}
    assert not dict(changed_since(plan.depends, plan.changes, with_mtu(applied.replace(Link, moved), 9000)))


def test_a_tunnel_that_was_planned_from_nothing_fits_the_mtu_that_was_assumed():
    spec = make.spec(backend="{type: vxlan}", defaults="{mtu: auto}")
    bare = Snapshot(STORY.backend)
    plan = plan_node(compile_node(spec, spec.topology.by_name["a"]), bare, Source.EMPTY)
    stale = [dict(changed_since(plan.depends, plan.changes, with_mtu(STORY, mtu))) for mtu in (1500, 1460)]
    assert ["the MTU of eth0" in parts for parts in stale] == [False, True]

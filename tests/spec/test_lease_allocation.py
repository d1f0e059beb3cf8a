"""Who is leased what, and what is refused."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netplan.errors import Problem, SpecError, UsageError
from netplan.net import Prefix
from netplan.spec.lease_allocation import Leasing, Rename, lease, renamed_back
from netplan.spec.lease_file import Leases, parse_leases
from netplan.spec.load import parse, understand
from tests.spec.factory import cursor, spec_text

PATH = "state/c/leases.yaml"
A = "a: {address: 10.4.7.21/24}"
B = "b: {address: 10.4.7.22/24}"
C = "c: {address: 10.4.7.23/24}"


def lookup(leases: str):
    """Find a leases file of the given text."""
    return lambda cluster: parse_leases(leases, PATH)


def table(*names: str, first=1) -> str:
    """Write a leases file: 172.7.1.0/24 for the first name, and so on."""
    return "".join(f"{name}: {{subnet: 172.7.{number}.0/24}}\n" for number, name in enumerate(names, first))


def run(*nodes: str, leases="", release=(), **keys: str | None) -> Leasing:
    return lease(understand(spec_text(*nodes, **keys), "s.yaml", lookup(leases)), release)


def given_to(leasing: Leasing) -> dict[str, str]:
    return {name: " ".join(map(str, subnets)) for name, subnets in leasing.allocated.items()}


def problems(*nodes: str, leases="", **keys: str | None) -> tuple[Problem, ...]:
    """Return what any other command says about a spec and a leases file."""
    with pytest.raises(SpecError) as caught:
        parse(spec_text(*nodes, **keys), "s.yaml", lookup(leases))
    return caught.value.problems


def only_problem(*nodes: str, leases="", **keys: str | None) -> Problem:
    (problem,) = problems(*nodes, leases=leases, **keys)
    return problem


def test_a_leased_subnet_is_the_nodes():
    spec = parse(spec_text(A, B), "s.yaml", lookup(table("a", "b")))
    assert [str(node.subnets[0]) for node in spec.topology.nodes] == ["172.7.1.0/24", "172.7.2.0/24"]


def test_the_digest_is_of_the_spec_and_the_leases():
    text, leases = spec_text(A, B), table("a", "b")
    assert parse(text, "s.yaml", lookup(leases)).sha256 == sha256((text + leases).encode()).hexdigest()


def test_the_digest_is_of_the_spec_alone_where_no_node_has_a_lease():
    text = spec_text()
    assert parse(text, "s.yaml", lookup(table("x"))).sha256 == sha256(text.encode()).hexdigest()


def test_a_node_with_a_subnet_in_the_spec_is_leased_none():
    assert given_to(run(A, "d: {address: 10.4.7.23/24, subnet: 172.7.1.0/24}")) == {"a": "172.7.2.0/24"}


def test_leases_are_not_given_twice():
    assert given_to(run(A, B, leases=table("b"))) == {"a": "172.7.2.0/24"}


def test_what_is_held_for_a_node_that_left_is_not_given():
    leasing = run(A, leases=table("gone"))
    assert (given_to(leasing), [*leasing.retained]) == ({"a": "172.7.2.0/24"}, ["gone"])


def test_nothing_to_do_leaves_the_file_as_it_is():
    assert run(A, B, leases=table("b", "a")).text == table("b", "a")


def test_a_released_subnet_is_free_at_once():
    leasing = run(A, leases=table("gone"), release=["gone"])
    assert (given_to(leasing), [*leasing.released], leasing.retained) == ({"a": "172.7.1.0/24"}, ["gone"], {})


def test_a_lease_in_use_is_not_released():
    with pytest.raises(UsageError, match=r"^a is in the spec and has the subnet 172.7.1.0/24 by its lease"):
        run(A, leases=table("a"), release=["a"])


def test_a_lease_that_is_not_there_is_not_released():
    with pytest.raises(UsageError, match="has no lease of gonr; did you mean gone"):
        run(A, leases=table("gone"), release=["gonr"])


def test_a_lease_of_a_node_that_has_its_subnet_in_the_spec_is_released():
    leasing = run("a: {address: 10.4.7.21/24, subnet: 172.7.9.0/24}", leases=table("a"), release=["a"])
    assert [*leasing.released] == ["a"]


def test_a_lease_outside_the_range_is_released_and_given_anew():
    leasing = run(A, leases=table("a"), release=["a"], subnet_min="172.7.5.0")
    assert given_to(leasing) == {"a": "172.7.5.0/24"}


def test_the_family_of_a_lease_that_is_right_is_kept_as_the_other_is_released():
    node, lease = "a: {address: 10.4.7.21/24, ipv6_address: 'fd00:4::21/64'}", "subnet: 172.7.1.0/24, ipv6_subnet: "
    leases = f"a: {{{lease}fd00:7:0:9::/64}}\n"
    leasing = run(node, leases=leases, release=["a"], subnet_min="172.7.5.0", ipv6_network="fd00:7::/48")
    assert leasing.text == leases.replace("172.7.1.0", "172.7.5.0")


def test_a_subnet_that_two_nodes_leased_is_given_up_by_either():
    leasing = run(A, B, leases=table("a") + table("b"), release=["b"])
    assert given_to(leasing) == {"b": "172.7.2.0/24"}


def test_a_full_network_names_who_finds_no_subnet():
    with pytest.raises(SpecError) as caught:
        run(A, B, leases=table("c"), subnet_min="172.7.1.0", subnet_max="172.7.2.0")
    (problem,) = caught.value.problems
    assert problem.message == (
        "no subnet is left for node b: wanted 2, room for 2 (172.7.1.0/24 to 172.7.2.0/24), taken before 1"
    )
    assert problem.hint == "free what is held for nodes that left: podnet lease s.yaml --release c"


def test_a_mistake_of_the_spec_is_reported_before_anything_is_leased():
    with pytest.raises(SpecError, match="forwrd"):
        run(A, forwrd="none")


def test_nodes_without_a_lease_are_told_the_command():
    text = spec_text(A, B)
    problem = only_problem(A, B, leases=table("a"))
    assert (str(problem.at), problem.message) == (cursor(text, "b: {"), "node b has no subnet")
    assert problem.hint.startswith("run podnet lease s.yaml,")


def test_the_command_names_a_state_folder_that_is_not_the_usual_one():
    assert Leases("/srv/my state/c/leases.yaml").command("s.yaml") == "podnet lease s.yaml --state '/srv/my state'"


def test_a_subnet_that_two_nodes_leased_is_shown_at_both_lines_with_the_remedy():
    problem = only_problem(A, B, leases=table("a") + table("b"))
    assert [str(problem.at), *(str(at) for at, _ in problem.related)] == [f"{PATH}:2:13", f"{PATH}:1:13"]
    assert problem.hint.startswith("podnet lease s.yaml --release b gives b another one")


def test_a_lease_of_a_subnet_in_the_spec_is_told_to_give_way():
    problem = only_problem(A, "b: {address: 10.4.7.22/24, subnet: 172.7.1.0/24}", leases=table("a"))
    assert problem.hint == "podnet lease s.yaml --release a gives it another one"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"subnet_min": "172.7.5.0"}, "node a: subnet 172.7.1.0/24 is below subnet_min, 172.7.5.0"),
        ({"subnet_max": "172.7.0.0"}, "node a: subnet 172.7.1.0/24 is above subnet_max, 172.7.0.0"),
        ({"network": "172.8.0.0/16"}, "node a: subnet 172.7.1.0/24 lies outside the pod network 172.8.0.0/16"),
        ({"subnet_len": "25"}, "node a: subnet 172.7.1.0/24 is a /24, and this cluster's are /25"),
    ],
)
def test_a_lease_outside_a_changed_range_is_named_with_its_line_and_the_remedy(keys, message):
    problem = only_problem(A, leases=table("a"), **keys)
    assert (str(problem.at), problem.message) == (f"{PATH}:1:13", message)
    assert problem.hint == "podnet lease s.yaml --release a gives it another one"


def test_a_lease_that_differs_from_the_spec_is_shown_with_both_places():
    node = "a: {address: 10.4.7.21/24, subnet: 172.7.9.0/24}"
    problem = only_problem(node, leases=table("a"))
    assert (str(problem.at), str(problem.related[0][0])) == (f"{PATH}:1:13", cursor(spec_text(node), "172.7.9.0"))


def test_a_lease_that_agrees_with_the_spec_is_right():
    spec = parse(spec_text("a: {address: 10.4.7.21/24, subnet: 172.7.1.0/24}"), "s.yaml", lookup(table("a")))
    assert str(spec.topology.by_name["a"].subnets[0]) == "172.7.1.0/24"


def test_a_subnet_that_is_held_for_a_node_that_left_is_refused_to_others():
    problem = only_problem("a: {address: 10.4.7.21/24, subnet: 172.7.1.0/24}", leases=table("gone"))
    assert problem.message == "node a: subnet 172.7.1.0/24 is held for gone, which is not in the spec"
    assert problem.hint == "free it, if nothing uses it any more: podnet lease s.yaml --release gone"


def test_a_held_lease_outside_the_range_takes_no_room():
    assert parse(spec_text(A), "s.yaml", lookup(table("a") + "gone: {subnet: 10.0.0.0/24}\n")).subnets.keys() == {"a"}


def test_mistakes_of_the_spec_and_of_the_leases_come_together():
    reported = problems(A, leases="a: {}\n", forwrd="none")
    assert [problem.message for problem in reported] == ["forwrd: there is no such key", "a has no subnet"]


def test_no_node_is_said_to_have_no_subnet_while_the_name_of_the_cluster_is_wrong():
    assert only_problem(A, leases=table("a"), cluster="7").message.startswith("cluster: expected a name")


@st.composite
def edits(draw):
    """Which of nodes a to h are in the spec, one set after another."""
    return draw(st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1), min_size=1, max_size=6))


@settings(deadline=None)
@given(edits(), st.randoms())
def test_no_edit_moves_a_lease_or_gives_one_subnet_twice(history, random):
    """Neither of either family; nodes are of IPv4, or of IPv6 too."""
    leases = ""
    before: set[tuple[str, Prefix]] = set()
    for names in history:
        order = sorted(names)
        random.shuffle(order)
        both = random.random() < 0.5
        keys = {"ipv6_network": "fd00:7::/48" if both else None}
        second = ", ipv6_address: 'fd00:4::{}/64'" if both else ""
        nodes = [f"{name}: {{address: 10.4.7.{ord(name)}/24{second.format(ord(name))}}}" for name in order]
        leases = run(*nodes, leases=leases, **keys).text
        assert run(*sorted(nodes), leases=leases, **keys).text == leases
        after = {
            (name, subnet) for name, lease in parse_leases(leases, PATH).entries.items() for subnet in lease.subnets
        }
        assert before <= after
        assert len({subnet for _, subnet in after}) == len(after)
        assert parse(spec_text(*nodes, **keys), "s.yaml", lookup(leases)).subnets.keys() == names
        before = after


@settings(deadline=None)
@given(st.sets(st.sampled_from("abcdefgh"), min_size=1), st.randoms())
def test_the_order_of_the_nodes_in_the_file_does_not_matter(names, random):
    nodes = [f"{name}: {{address: 10.4.7.{ord(name)}/24}}" for name in sorted(names)]
    leases = run(*nodes).text
    random.shuffle(nodes)
    assert run(*nodes).text == leases


WORKER_B = B.replace("b:", "worker-b:")


def renaming(*nodes: str, leases: str | None = None, old="b", new="worker-b", release=()) -> Leasing:
    reading = understand(spec_text(*nodes), "s.yaml", lookup(leases or table("a", "b")))
    return lease(reading, release, Rename(old, new))


def test_a_renamed_node_keeps_its_subnet():
    leasing = renaming(A, WORKER_B)
    assert leasing.text == "a: {subnet: 172.7.1.0/24}\nworker-b: {subnet: 172.7.2.0/24}\n"
    assert (leasing.allocated, leasing.retained) == ({}, {})


def test_what_else_is_missing_is_leased_with_a_rename():
    assert given_to(renaming(A, WORKER_B, C)) == {"c": "172.7.3.0/24"}


def test_nothing_is_leased_with_a_rename_while_another_node_may_be_renamed_too():
    leasing = renaming(A, WORKER_B, C.replace("c:", "worker-c:"), leases=table("a", "b", "c"))
    assert (leasing.allocated, leasing.waiting, list(leasing.retained)) == ({}, ("worker-c",), ["c"])


def test_both_subnets_of_a_node_are_renamed():
    keys = {"ipv6_network": "fd00:7::/48"}
    leases = "b: {subnet: 172.7.2.0/24, ipv6_subnet: fd00:7:0:2::/64}\n"
    node = "worker-b: {address: 10.4.7.22/24, ipv6_address: fd00:4::22/64}"
    leasing = lease(understand(spec_text(node, **keys), "s.yaml", lookup(leases)), (), Rename("b", "worker-b"))
    assert leasing.text == leases.replace("b:", "worker-b:", 1)


@pytest.mark.parametrize(
    ("nodes", "leases", "old", "new", "message"),
    [
        ((A, WORKER_B), table("a", "b"), "bb", "worker-b", f"{PATH} has no lease of bb; did you mean b?"),
        ((A, B), table("a", "b"), "b", "a", "b is in the spec, and its lease is its own: give the node its new name"),
        (
            (A, WORKER_B),
            table("a", "b"),
            "b",
            "workerb",
            "there is no node workerb in the spec; did you mean worker-b?",
        ),
        ((A, WORKER_B), table("a", "b", "worker-b"), "b", "worker-b", "worker-b has a lease already, 172.7.3.0/24: "),
        ((A, WORKER_B), table("a", "b", "worker-b"), "b", "worker-b", f"delete that line \\({PATH}:3:1\\)"),
    ],
)
def test_a_rename_that_is_none_is_refused(nodes, leases, old, new, message):
    with pytest.raises(UsageError, match=message):
        renaming(*nodes, leases=leases, old=old, new=new)


def test_a_lease_is_not_released_and_renamed_at_once():
    with pytest.raises(UsageError, match="has no lease of b"):
        renaming(A, WORKER_B, release=["b"])


def test_a_node_without_a_subnet_may_be_one_that_left():
    hint = only_problem(A, WORKER_B, leases=table("a", "b")).hint
    assert hint.endswith("; if worker-b is b with a new name: podnet lease s.yaml --rename b worker-b")


def test_a_full_network_without_a_node_that_left_is_to_be_widened():
    with pytest.raises(SpecError) as caught:
        run(A, B, subnet_min="172.7.1.0", subnet_max="172.7.1.0")
    assert [problem.hint for problem in caught.value.problems] == ["widen subnet_min and subnet_max, or the network"]


def older(*nodes: str, leases: str) -> list[str]:
    """Read an older spec whose nodes have got new names since; return whose the leases are in it."""
    later = parse(spec_text(A, WORKER_B), "s.yaml", lookup(table("a", "worker-b")))
    return [*renamed_back(understand(spec_text(*nodes), "old.yaml", lookup(leases)), later).leases.entries]


def test_a_node_of_an_older_spec_has_the_lease_of_its_new_name():
    assert older(A, B, leases=table("a", "worker-b")) == ["a", "b"]


@pytest.mark.parametrize(
    ("nodes", "leases"),
    [
        pytest.param((A, C), table("a", "worker-b"), id="no node has its address now"),
        pytest.param((A, B, WORKER_B.replace("22", "23")), table("a", "worker-b"), id="the new name is another node's"),
        pytest.param((A, B), table("a", "b", "worker-b"), id="it has a lease of its own"),
        pytest.param((A, "b: {address: wrong}"), table("a", "worker-b"), id="the older spec is wrong"),
    ],
)
def test_else_the_leases_stay_those_of_the_names_that_they_have(nodes, leases):
    assert older(*nodes, leases=leases) == [*parse_leases(leases, PATH).entries]

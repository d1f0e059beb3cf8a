"""Beside programs that change rules all the time: none of theirs is lost, doubled or moved, none of ours missing."""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest

from tests.scenarios import in_ipv6
from tests.scenarios.inserts import PATIENT
from tests.scenarios.node import STORY, Node
from tests.scenarios.others import company
from tests.scenarios.racks import CLUSTERS

CHAINS = [("nat", "POSTROUTING"), ("nat", "DOCKER"), ("filter", "FORWARD"), ("filter", "DOCKER")]
REMOVED = [
    "-A POSTROUTING -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE",
    "-A FORWARD -j REJECT --reject-with icmp-host-prohibited",
]
"""What the spec has taken away, and a rollback puts back."""

SUBNETS = {4: "10.32.11.0/24", 6: "fd00:32:0:11::/64"}
REMOVES = 'remove: [{table: nat, rule: "-A POSTROUTING -s {subnet} ! -o docker0 -j MASQUERADE"}]'


def foreign(node, table, chain, version=4, removed=REMOVED):
    """Return the rules of a chain that are neither podnet's nor taken away by it."""
    program = "iptables" if version == 4 else "ip6tables"
    lines = node.shell(f"{program}-{node.backend} -t {table} -S {chain}").splitlines()
    rules = [line for line in lines if line.startswith("-A ") and "PODNET-" not in line and line not in removed]
    return [re.sub(rf"^-A {chain} ", "", rule) for rule in rules]


def among(rules, before):
    """Return rules as they should be in the end: the former ones between those that came on top and at the end."""
    top = [rule for rule in rules if " ! -o br-" in rule]
    return [*top, *before, *rules[len(top) :]]


def by_spec(node, _):
    """Apply the spec of a node."""
    return node.podnet("apply", node.spec, "--yes", *PATIENT)


def by_saved_plan(node, folder):
    """Save a plan of a node and apply it, unless the rules change faster than they can be read."""
    path = folder / "plan.json"
    planned = node.podnet("plan", node.spec, "--live", "--out", path)
    return planned if planned.code else node.podnet("apply", path, "--yes", *PATIENT)


@pytest.mark.parametrize("rounds", [10, pytest.param(100, marks=pytest.mark.soak)])
def test_what_others_write_meanwhile_stays_as_they_wrote_it(node, applied_images, rounds):
    node.shell('rm -rf "$PODNET_VAR_DIR"')
    before = {chain: foreign(node, *chain) for chain in CHAINS}
    assert node.apply().code == 0
    with company(node) as at_work:
        codes = [node.podnet(*words, "--yes").code for words in [("rollback",), ("apply", node.spec)] * (rounds // 2)]
        others = at_work.stop()
    assert {*codes} <= {0, 3, 4}
    assert 0 in codes
    assert {chain: foreign(node, *chain) for chain in CHAINS} == {
        chain: among(others.rules(*chain), before[chain]) for chain in CHAINS
    }
    assert foreign(node, "nat", "KUBE-SERVICES") == others.jumps
    assert (node.podnet("apply", node.spec, "--yes").code, node.drift().code) == (0, 0)


@pytest.fixture
def crowded(racks, cluster, tmp_path):
    """A node of the racks with the rules of docker and kube-proxy, in which podnet has done nothing yet."""
    spec = tmp_path / "racks.yaml"
    spec.write_text(cluster.spec.replace(f"backend: {cluster.firewall}}}", f"backend: {cluster.firewall}, {REMOVES}}}"))
    node = Node(racks.lab, "r1-n1", cluster.firewall, spec)
    rules = "".join((STORY / f"{name}.rules").read_text() for name in ("docker", "kube-proxy"))
    if 4 in cluster.families:
        node.shell(f"iptables-{cluster.firewall}-restore --noflush", text=rules.replace("SUBNET", SUBNETS[4]))
    if 6 in cluster.families:
        said = "".join(f"{line}\n" for line in in_ipv6.lines(rules.splitlines()))
        node.shell(f"ip6tables-{cluster.firewall}-restore --noflush", text=said.replace("SUBNET", SUBNETS[6]))
    node.shell('rm -rf "$PODNET_VAR_DIR"')
    return node


WAYS = {"spec": by_spec, "saved plan": by_saved_plan}
FEW = ("vxlan, IPv6, nft", "saved plan")


@pytest.mark.parametrize(
    ("cluster", "way", "rounds"),
    [
        pytest.param(CLUSTERS[name], way, rounds, marks=marks, id=f"{name}, {way}, {rounds}")
        for name in CLUSTERS
        for way in WAYS
        for rounds, marks in (((4, ()),) if (name, way) == FEW else ()) + ((30, pytest.mark.soak),)
    ],
)
def test_what_others_write_meanwhile_stays_beside_a_cluster(crowded, cluster, way, rounds, tmp_path):
    looks = {
        (version, *chain): (*chain, version, [f"-A POSTROUTING -s {SUBNETS[version]} ! -o docker0 -j MASQUERADE"])
        for version in cluster.families
        for chain in CHAINS
    }
    before = {key: foreign(crowded, *look) for key, look in looks.items()}
    assert crowded.apply().code == 0
    done = []
    with ExitStack() as stack:
        at_work = {version: stack.enter_context(company(crowded, version)) for version in cluster.families}
        for _ in range(rounds // 2):
            done.append(crowded.podnet("rollback", "--yes", "--allow-many-deletes", "--allow-broken-traffic", *PATIENT))
            done.append(WAYS[way](crowded, tmp_path))
        others = {version: company.stop() for version, company in at_work.items()}
    assert [outcome for outcome in done if outcome.code not in (0, 3, 4)] == []
    assert 0 in [outcome.code for outcome in done]
    assert {key: foreign(crowded, *look) for key, look in looks.items()} == {
        key: among(others[key[0]].rules(*key[1:]), before[key]) for key in looks
    }
    for version, writer in others.items():
        assert foreign(crowded, "nat", "KUBE-SERVICES", version) == writer.jumps
    assert (crowded.apply().code, crowded.drift().code) == (0, 0)

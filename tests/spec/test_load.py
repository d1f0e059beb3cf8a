"""From a file to a spec."""

from __future__ import annotations

import gc
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.errors import Location, PodnetError, SpecError, UsageError
from netplan.spec.draft import make_draft
from netplan.spec.load import parse, read
from netplan.spec.yaml.document import compose
from tests.runs import examples
from tests.spec.factory import cursor, load, problems, spec_text

ROOT = Path(__file__).parents[2]
HDSS7 = ROOT / "specs" / "hdss7.yaml"

TEN_MISTAKES = """version: 1
cluster: 7
network: 172.7.0.0/16
subnet_min: 172.7.1.5
backend: {type: ipip}
ip_mask: {enabled: true}
firewall:
  remove:
    - {table: nat, rule: "-A POSTROUTING -s {subnt} -j MASQUERADE"}
nodes:
  a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}
  b: {address: 10.4.7.21/24, subnet: 172.7.22.0/24}
  c: {address: 10.4.7.23/24, subnet: 172.7.21.0/24}
  d: {address: 10.4.7.24/24, subnet: 172.8.24.0/24}
  e:
    address: 10.4.7.255/24
    subnet: 172.7.25.0/24
  f: {address: 10.4.7.26/24}
"""

YAML_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def _is_text(name: str) -> bool:
    return name not in YAML_WORDS


names = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(_is_text)


@st.composite
def valid_specs(draw):
    drawn = draw(st.lists(names, min_size=1, max_size=8, unique=True))
    hosts = draw(st.lists(st.integers(1, 254), min_size=len(drawn), max_size=len(drawn), unique=True))
    nodes = (
        f"{name}: {{address: 10.4.7.{n}/24, subnet: 172.7.{n}.0/24}}" for name, n in zip(drawn, hosts, strict=True)
    )
    keys = {
        "forward": draw(st.sampled_from(["accept", "pods", "none", None])),
        "subnet_len": draw(st.sampled_from([None, "24"])),
    }
    return spec_text(*nodes, **keys)


@st.composite
def mutated_specs(draw):
    text = draw(st.sampled_from([TEN_MISTAKES, HDSS7.read_text()]))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 12)))
    return (
        text[:start]
        + draw(st.one_of(st.text(max_size=6), st.text("{}[]:,&*!|>'\"#%@`~<0 \n-", max_size=6)))
        + text[end:]
    )


def test_ten_mistakes_are_ten_messages_at_their_places():
    text = TEN_MISTAKES
    assert [str(problem.at) for problem in problems(text)] == [
        cursor(text, "7"),
        cursor(text, "172.7.1.5"),
        cursor(text, "ipip"),
        cursor(text, "ip_mask"),
        cursor(text, '"-A POSTROUTING'),
        cursor(text, "10.4.7.21/24", 2),
        cursor(text, "172.7.21.0/24", 2),
        cursor(text, "172.8.24.0/24"),
        cursor(text, "10.4.7.255/24"),
        cursor(text, "f: {address"),
    ]


def test_the_message_of_an_error_is_complete():
    with pytest.raises(SpecError, match=r"10 errors in s.yaml$"):
        parse(TEN_MISTAKES, "s.yaml")


def test_the_example_spec_is_valid():
    assert [str(node.subnets[0]) for node in read(HDSS7).topology.nodes] == ["172.7.21.0/24", "172.7.22.0/24"]


def test_the_example_of_leases_has_a_lease_for_each_node_that_needs_one():
    spec = read(ROOT / "specs" / "leased.yaml", ROOT / "state")
    assert [str(spec.subnets[node.name][0]) for node in spec.topology.nodes] == [
        "10.244.16.128/25",
        "10.244.17.0/25",
        "10.244.16.0/25",
    ]


def test_the_collector_of_cycles_runs_on_after_a_spec_is_read():
    read(HDSS7)
    assert gc.isenabled()


def test_the_example_spec_names_its_schema_to_editors():
    assert HDSS7.read_text().startswith("# yaml-language-server: $schema=podnet.schema.json\n")


def test_a_spec_has_the_hash_of_its_bytes():
    assert read(HDSS7).sha256 == sha256(HDSS7.read_bytes()).hexdigest()


def test_a_key_has_its_place():
    text = spec_text(ip_masq="{enabled: true}")
    assert str(parse(text, "s.yaml").at("ip_masq", "enabled")) == cursor(text, "enabled")


def test_a_key_that_the_file_leaves_out_has_the_place_of_the_document():
    assert load().at("ip_masq", "enabled") == Location("s.yaml", 1, 1)


def test_a_node_of_the_topology_has_the_place_of_its_key():
    text = spec_text()
    assert str(parse(text, "s.yaml").topology.by_name["b"].at) == cursor(text, "b: {address")


def test_a_node_has_the_default_devices():
    node = load(defaults="{interface: ens3, bridge: cni0}").topology.by_name["a"]
    assert (node.interface, node.bridge) == ("ens3", "cni0")


def test_a_node_may_have_devices_of_its_own():
    node = load("a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24, interface: ens3, bridge: br0}").topology.by_name["a"]
    assert (node.interface, node.bridge) == ("ens3", "br0")


def test_nodes_keep_the_order_of_the_file():
    nodes = [f"{name}: {{address: 10.4.7.{n}/24, subnet: 172.7.{n}.0/24}}" for n, name in enumerate("zay", 1)]
    assert [node.name for node in load(*nodes).topology.nodes] == ["z", "a", "y"]


def test_an_anchor_can_hold_what_nodes_share():
    text = spec_text(
        "a: &odd {address: 10.4.7.21/24, subnet: 172.7.21.0/24, interface: ens3}",
        "b: {<<: *odd, address: 10.4.7.22/24, subnet: 172.7.22.0/24}",
    )
    assert parse(text, "s.yaml").topology.by_name["b"].interface == "ens3"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"version: 1\ncluster: \xff\n", "2:10"),
        ("é: ".encode() + b"\xe9", "1:4"),
        ("version: 1".encode("utf-16"), "1:1"),
    ],
)
def test_a_file_that_is_no_utf8_is_refused_at_the_first_wrong_byte(tmp_path, content, place):
    path = tmp_path / "s.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:{place}: error: the byte 0x")


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("\ufeff" + spec_text(), encoding="utf-8")
    assert read(path).sha256 == sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["missing.yaml", ".", "s.yaml/below", "nul\0.yaml"])
def test_a_file_that_can_not_be_read_is_named(tmp_path, name):
    (tmp_path / "s.yaml").write_text("")
    with pytest.raises(UsageError, match=str(tmp_path)):
        read(tmp_path / name)


def test_a_file_that_never_ends_is_refused():
    with pytest.raises(UsageError, match="larger than 64 MiB"):
        read(Path("/dev/zero"))


def test_the_columns_of_nodes_are_the_same_whether_the_rest_is_valid_or_not():
    document = compose(spec_text(), "s.yaml")
    valid = make_draft(document, load().model.nodes)
    alone = make_draft(document, None)
    assert valid.families == alone.families


@given(valid_specs())
def test_a_valid_spec_loads(text):
    spec = parse(text, "s.yaml")
    assert len(spec.topology.nodes) == len(spec.model.nodes)


@examples(300)
@given(st.one_of(st.text(), mutated_specs()))
def test_no_text_raises_anything_but_our_errors(text):
    with suppress(PodnetError):
        assert parse(text, "s.yaml").topology


def test_a_sysctl_has_its_place_however_it_is_written():
    node = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24, sysctl: {net/ipv4/tcp_sack: 1}}"
    text = spec_text(node, sysctl="{net/ipv4/tcp_ecn: 1}")
    spec = parse(text, "s.yaml")
    assert str(spec.at("sysctl", "net.ipv4.tcp_ecn")) == cursor(text, "net/ipv4/tcp_ecn")
    assert str(spec.at("nodes", "a", "sysctl", "net.ipv4.tcp_sack")) == cursor(text, "net/ipv4/tcp_sack")

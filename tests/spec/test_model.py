"""One value at a time: what each key takes, and what is said of the rest."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from netplan.net import InterfaceAddress, Prefix
from netplan.spec.model import Mark
from netplan.spec.values import sysctl_name
from tests.spec.factory import cursor, load, mistakes, only_problem, spec_text


def node(**keys: str) -> str:
    values = {"address": "10.4.7.21/24", "subnet": "172.7.21.0/24", **keys}
    return "a: {" + ", ".join(f"{key}: {value}" for key, value in values.items()) + "}"


def test_addresses_and_prefixes_are_values_of_the_net_module():
    read = load(node()).model.nodes["a"]
    assert (read.address, read.subnet) == (InterfaceAddress.parse("10.4.7.21/24"), Prefix.parse("172.7.21.0/24"))


def test_what_a_spec_does_not_say_has_its_default():
    model = load().model
    assert (model.forward, model.ip_masq.enabled, model.firewall.backend) == ("accept", True, "auto")


def test_the_default_marks_are_those_of_kube_proxy_and_portmap():
    assert load().model.firewall.respect_marks == (Mark(0x4000, 0x4000), Mark(0x2000, 0x2000))


def test_a_model_can_not_be_changed():
    with pytest.raises(ValidationError):
        load().model.forward = "none"


@pytest.mark.parametrize("text", ["0x4000/0x4000", "16384/16384", "0x4000/16384"])
def test_marks_are_hexadecimal_or_decimal(text):
    assert str(Mark.parse(text)) == "0x4000/0x4000"


@pytest.mark.parametrize(
    "text",
    [
        "0x4000",
        "0x4000/0",
        "0x6000/0x4000",
        "0x100000000/0x1ffffffff",
        "4294967296/4294967296",
        "010/010",
        "-1/1",
        "a/b",
    ],
)
def test_a_mark_that_no_packet_or_every_packet_has_is_refused(text):
    with pytest.raises(ValueError, match=r"mark|mask"):
        Mark.parse(text)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("net.ipv4.tcp_rmem", "net.ipv4.tcp_rmem"),
        ("net/ipv4/tcp_rmem", "net.ipv4.tcp_rmem"),
        ("net/ipv4/conf/eth0.100/rp_filter", "net.ipv4.conf.eth0/100.rp_filter"),
        ("net.ipv4.conf.eth0/100.rp_filter", "net.ipv4.conf.eth0/100.rp_filter"),
    ],
)
def test_a_sysctl_has_one_name_whatever_its_separators(written, name):
    assert sysctl_name(written) == name


@pytest.mark.parametrize(
    "name",
    [
        "kernel.core_pattern",
        "net",
        "net.ipv4",
        "net..x.y",
        "net/../kernel/core_pattern",
        "net.//.//.kernel",
        "net.ipv4.//",
        "/net/ipv4/ip_forward",
        "net.ipv4.a b",
        "net.ipv4.x\n",
        "net.ipv4.é",
        "",
    ],
)
def test_a_sysctl_outside_net_or_with_a_way_out_of_it_is_refused(name):
    with pytest.raises(ValueError, match="sysctl"):
        sysctl_name(name)


def test_of_a_name_below_net_it_is_not_said_that_it_is_elsewhere():
    with pytest.raises(ValueError, match=r"^'net\.foo' is too short for a sysctl of the network$"):
        sysctl_name("net.foo")


@pytest.mark.parametrize(("written", "mtu"), [("", None), (", mtu: auto", None), (", mtu: 1400", 1400)])
def test_the_mtu_of_a_tunnel_is_a_number_or_follows_from_the_interfaces(written, mtu):
    assert load(backend=f"{{type: vxlan{written}}}").model.backend.mtu == mtu


@pytest.mark.parametrize(
    ("written", "link"), [("", "podnet.1"), (", vni: 16777215", "podnet.16777215"), (", name: flannel.1", "flannel.1")]
)
def test_a_tunnel_has_a_name_from_its_number_or_the_one_that_is_written(written, link):
    assert load(backend=f"{{type: vxlan{written}}}").model.backend.link == link


def test_a_number_as_a_sysctl_is_the_text_for_the_kernel():
    assert load(sysctl="{net.ipv4.tcp_syncookies: 1}").model.sysctl == {"net.ipv4.tcp_syncookies": "1"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"version": "2"}, "version: expected 1, found 2"),
        ({"version": "yes"}, "version: expected 1, found yes"),
        ({"cluster": "7"}, "cluster: expected a name such as hdss7, found 7, which YAML reads as a number"),
        ({"cluster": "a/b"}, "cluster: 'a/b' is not a name"),
        ({"cluster": ""}, "cluster: expected a name such as hdss7, found nothing"),
        ({"network": "fd00::/48"}, "network: fd00::/48 is IPv6"),
        ({"network": "172.7.0.1/16"}, "network: 172.7.0.1/16 has host bits set"),
        ({"network": "10.0.0.0/29"}, "network: 10.0.0.0/29 is too small"),
        ({"network": "224.0.0.0/8"}, "network: 224.0.0.0/8 overlaps 224.0.0.0/4 (multicast)"),
        ({"network": "0.0.0.0/0"}, "network: 0.0.0.0/0 overlaps"),
        ({"subnet_len": "31"}, "subnet_len: expected a whole number from 2 to 30, found 31"),
        ({"subnet_len": '"24"'}, "subnet_len: expected a whole number from 2 to 30, found '24'"),
        ({"subnet_len": "true"}, "subnet_len: expected a whole number from 2 to 30, found true"),
        ({"subnet_min": "172.7.21"}, "subnet_min: '172.7.21' is not an IP address"),
        ({"backend": "{type: ipip}"}, "backend.type: expected host-gw or vxlan, found 'ipip'"),
        ({"backend": "{type: vxlan, vni: 0}"}, "backend.vni: expected a whole number from 1 to 16777215, found 0"),
        ({"backend": "{type: vxlan, vni: 16777216}"}, "backend.vni: expected a whole number from 1 to 16777215"),
        ({"backend": "{type: vxlan, port: 0}"}, "backend.port: expected a whole number from 1 to 65535, found 0"),
        ({"backend": "{type: vxlan, port: 65536}"}, "backend.port: expected a whole number from 1 to 65535"),
        ({"backend": "{type: vxlan, mtu: 575}"}, "backend.mtu: expected auto or a whole number from 576 to 65535"),
        ({"backend": "{type: vxlan, mtu: much}"}, "backend.mtu: expected auto or a whole number from 576 to 65535"),
        ({"backend": "{type: vxlan, name: sixteencharacter}"}, "backend.name: 'sixteencharacter' is not an interface"),
        ({"backend": "{type: vxlan, direct_routing: 1}"}, "backend.direct_routing: expected true or false, found 1"),
        ({"backend": "host-gw"}, "backend: expected a mapping, found 'host-gw'"),
        ({"ip_masq": "{enabled: 1}"}, "ip_masq.enabled: expected true or false, found 1"),
        ({"ip_masq": "{source: nodes}"}, "ip_masq.source: expected pods or any, found 'nodes'"),
        ({"ip_masq": "{non_masquerade_cidrs: 10.0.0.0/8}"}, "ip_masq.non_masquerade_cidrs: expected a list"),
        ({"ip_masq": ""}, "ip_masq: expected a mapping, found nothing"),
        ({"forward": "no"}, "forward: expected accept, pods or none, found no, which YAML reads as true or false"),
        ({"firewall": "{persist: rules.v4}"}, "firewall.persist: 'rules.v4' is not an absolute path"),
        ({"firewall": "{persist: no}"}, "firewall.persist: expected none, or a path such as /etc/iptables/rules.v4"),
        ({"firewall": '{persist: "/etc/rules\\e[2J"}'}, "firewall.persist: '/etc/rules\\x1b[2J' has a character"),
        ({"firewall": '{persist: "/etc/a\\0b"}'}, "firewall.persist: '/etc/a\\x00b' has a character"),
        ({"firewall": "{persist: /etc/iptables/}"}, "firewall.persist: '/etc/iptables/' is not the path of a file"),
        ({"firewall": "{persist: /}"}, "firewall.persist: '/' is not the path of a file"),
        ({"checks": "{}"}, "checks: expected a list"),
        ({"checks": "[ping]"}, "checks[0]: expected a mapping, found 'ping'"),
        ({"checks": "[{pnig: peers}]"}, "checks[0].pnig: there is no such key"),
        ({"checks": "[{ping: peer}]"}, "checks[0].ping: 'peer' is not an address, peers or gateway"),
        ({"checks": "[{ping: 10.4.7}]"}, "checks[0].ping: '10.4.7' is not an IP address"),
        ({"checks": "[{ping: 10.4.7.300}]"}, "checks[0].ping: '10.4.7.300' is not an IP address"),
        ({"checks": "[{ping: '{subnet}'}]"}, "checks[0].ping: '{subnet}' is not an address, peers or gateway"),
        ({"checks": "[{tcp: 10.4.7.22}]"}, "checks[0].tcp: '10.4.7.22' is not an address with a port"),
        ({"checks": "[{tcp: '10.4.7.22:0'}]"}, "checks[0].tcp: '0' is not a port"),
        ({"checks": "[{tcp: '10.4.7.22:65536'}]"}, "checks[0].tcp: '65536' is not a port"),
        ({"checks": "[{tcp: 'web:80'}]"}, "checks[0].tcp: 'web' is not an IP address"),
        ({"checks": "[{command: curl -sf x}]"}, "checks[0].command: a command is a list of words; no shell reads it"),
        ({"checks": "[{command: []}]"}, "checks[0].command: expected a list such as"),
        ({"checks": "[{command: [curl, no]}]"}, "checks[0].command: word 2 is no, which YAML reads as true or false"),
        ({"checks": "[{command: [curl, [a]]}]"}, "checks[0].command: word 2 is a list"),
        ({"checks": '[{command: ["a\\0"]}]'}, "checks[0].command: word 1, 'a\\x00', can't be given to a program"),
        ({"checks": "[{command: ['']}]"}, "checks[0].command: word 1, '', can't be given to a program"),
        ({"checks": "[{command: [x, '{subnets}']}]"}, "checks[0].command: there is no placeholder {subnets}"),
        ({"checks": "[{ping: peers, within: 0}]"}, "checks[0].within: expected a whole number from 1 to 60, found 0"),
        ({"checks": "[{ping: peers, within: 61}]"}, "checks[0].within: expected a whole number from 1 to 60, found 61"),
        ({"checks": "[{within: 5}]"}, "checks[0]: nothing is checked"),
        ({"checks": "[{ping: peers, tcp: '10.4.7.22:80'}]"}, "checks[0]: ping and tcp are two checks"),
        ({"firewall": "{respect_marks: [0x4000]}"}, "firewall.respect_marks[0]: expected a mark with its mask"),
        (
            {"firewall": "{remove: [{table: nut, rule: -A X -j DROP}]}"},
            "firewall.remove[0].table: expected filter, nat, mangle or raw, found 'nut'",
        ),
        ({"firewall": "{remove: [{table: nat}]}"}, "firewall.remove[0] has no rule"),
        ({"sysctl": "{net.ipv4.tcp_ecn: on}"}, "sysctl.net.ipv4.tcp_ecn: expected a text or a number, found on"),
        ({"sysctl": '{net.ipv4.tcp_ecn: "1\\n2"}'}, "sysctl.net.ipv4.tcp_ecn: '1\\n2' is not the value of a sysctl"),
        ({"sysctl": "{net.ipv4.tcp_ecn: [1]}"}, "sysctl.net.ipv4.tcp_ecn: expected a text or a number, found a list"),
        (
            {"defaults": "{interface: averylonginterface}"},
            "defaults.interface: 'averylonginterface' is not an interface",
        ),
        ({"defaults": "{mtu: 100}"}, "defaults.mtu: expected auto or a whole number from 576 to 65535, found 100"),
        ({"nodez": "{}"}, "nodez: there is no such key"),
        ({"cluster": None}, "the spec has no cluster"),
        ({"backend": "{}"}, "backend has no type"),
    ],
)
def test_a_wrong_value_is_said_in_plain_words(keys, message):
    (problem,) = mistakes(**keys)
    assert problem.startswith(message)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"address": "10.4.7.21"}, "nodes.a.address: 10.4.7.21 has no prefix length"),
        ({"address": "10.4.7.21/32"}, "nodes.a.address: 10.4.7.21/32 names no segment"),
        ({"address": "10.4.7.0/24"}, "nodes.a.address: 10.4.7.0/24 is the network address"),
        ({"address": "10.4.7.255/24"}, "nodes.a.address: 10.4.7.255/24 is the broadcast address"),
        ({"address": "127.0.0.1/8"}, "nodes.a.address: 127.0.0.1/8 lies in 127.0.0.0/8 (loopback)"),
        ({"address": "224.0.0.1/24"}, "nodes.a.address: 224.0.0.1/24 lies in 224.0.0.0/4 (multicast)"),
        ({"address": "0.0.0.0/24"}, "nodes.a.address: 0.0.0.0/24 lies in 0.0.0.0/8 (this network)"),
        ({"subnet": "172.7.21.5/24"}, "nodes.a.subnet: 172.7.21.5/24 has host bits set"),
        ({"mtu": "01500"}, "nodes.a.mtu: expected auto or a whole number from 576 to 65535, found 01500, which YAML"),
        ({"bridge": "a+"}, "nodes.a.bridge: 'a+' is not an interface name"),
        ({"public_address": "127.0.0.1"}, "nodes.a.public_address: 127.0.0.1 lies in 127.0.0.0/8 (loopback)"),
        ({"public_address": "203.0.113.1/24"}, "nodes.a.public_address: '203.0.113.1/24' is not an IP address"),
        ({"routes": "[{via: 10.4.7.1}]"}, "nodes.a.routes[0] has no prefix"),
        ({"routes": "[{prefix: 10.9.0.1/16, via: 10.4.7.1}]"}, "nodes.a.routes[0].prefix: 10.9.0.1/16 has host bits"),
        ({"routes": "[{prefix: 10.9.0.0/16, va: 10.4.7.1}]"}, "nodes.a.routes[0].va: there is no such key"),
        ({"blackhole": "1"}, "nodes.a.blackhole: expected true or false, found 1"),
        ({"adress": "x"}, "nodes.a.adress: there is no such key"),
    ],
)
def test_a_wrong_value_of_a_node_is_said_in_plain_words(keys, message):
    (problem,) = mistakes(node(**keys))
    assert problem.startswith(message)


@pytest.mark.parametrize("address", ["10.4.7.20/31", "10.4.7.21/31"])
def test_both_addresses_of_a_point_to_point_prefix_can_be_nodes(address):
    assert str(load(node(address=address)).model.nodes["a"].address) == address


def test_the_name_of_a_node_is_checked_at_its_key():
    text = spec_text("-a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}")
    assert str(only_problem(text).at) == cursor(text, "-a:")


@pytest.mark.parametrize(
    ("keys", "hint"),
    [
        ({"cluster": "7"}, 'write it in quotes: "7"'),
        ({"network": "7"}, ""),
        ({"subnet_len": '"24"'}, "write it without quotes"),
        ({"ip_masq": '{enabled: "true"}'}, "write it without quotes"),
        ({"ip_mask": "{}"}, "did you mean ip_masq?"),
        (
            {"backend": "{type: host-gw, zzz: 1}"},
            "the keys here are: type, adopt, vni, port, direct_routing, mtu, name",
        ),
        ({"forward": "acept"}, "did you mean accept?"),
        (
            {"backend": "{type: ipip}"},
            (
                "host-gw: a route to each peer's subnet through the peer's address; the nodes share one segment. "
                "vxlan: a tunnel between all nodes, wherever they are."
            ),
        ),
        ({"backend": "{type: vxlam}"}, "did you mean vxlan?"),
        ({"checks": "[{pnig: peers}]"}, "did you mean ping?"),
        ({"checks": "[{ping: peer}]"}, "did you mean peers?"),
        ({"checks": "[{ping: '{adress}'}]"}, "did you mean {address}?"),
        ({"checks": "[{command: curl -sf x}]"}, "write [curl, -sf, x]"),
        ({"checks": "[{command: [curl, no]}]"}, 'write it in quotes: "no"'),
        ({"checks": "[{command: [x, '{subnets}']}]"}, "did you mean {subnet}?"),
        ({"firewall": "{persist: non}"}, "did you mean none?"),
        ({"firewall": "{persist: rules.v4}"}, "write none, or a path such as /etc/iptables/rules.v4"),
        ({"ip_masq": "{source: pod}"}, "did you mean pods?"),
        (
            {"firewall": "{backend: iptables}"},
            "Which iptables holds the rules; auto: the one that is in use on the node.",
        ),
        ({"cluster": None}, "add a key such as cluster: hdss7"),
        ({"backend": None}, "add a key such as backend: {type: host-gw}"),
    ],
)
def test_a_mistake_comes_with_what_would_be_right(keys, hint):
    assert only_problem(spec_text(**keys)).hint == hint


def test_a_number_in_a_command_is_the_text_that_the_file_says():
    (check,) = load(checks="[{command: [ping, -c, 010, 0x1F, 1.50, 8:20]}]").model.checks
    assert check.command == ("ping", "-c", "010", "0x1F", "1.50", "8:20")


def test_two_checks_in_one_are_shown_at_the_second():
    text = spec_text(checks="[{ping: peers, tcp: '10.4.7.22:80'}]")
    assert str(only_problem(text).at) == cursor(text, "tcp")


def test_a_required_key_that_is_misspelt_is_one_problem():
    text = spec_text("a: {adress: 10.4.7.21/24, subnet: 172.7.21.0/24}")
    assert only_problem(text).hint == "did you mean address?"

from __future__ import annotations

import pytest

from netplan.kinds.ipset.driver import LARGEST
from netplan.kinds.ipset.value import IpSet
from tests.kinds.observed import observed

SETS = {
    "ip": ("hash:ip", ["10.0.0.1"], ["10.0.0.1"]),
    "rounded": ("hash:ip netmask 24", ["10.0.0.1"], ["10.0.0.0/24"]),
    "bits": ("bitmap:ip range 10.0.0.0/24", ["10.0.0.4-10.0.0.5"], ["10.0.0.4", "10.0.0.5"]),
    "net": ("hash:net", ["10.0.0.0/8", "10.1.0.0/16 nomatch"], ["10.0.0.0/8", "10.1.0.0/16 nomatch"]),
    "expiring": ("hash:net timeout 900 counters comment", ["10.0.0.0/8 comment x"], ["10.0.0.0/8"]),
    "port": ("hash:ip,port", ["10.0.0.1,tcp:80", "10.0.0.1,icmp:8/0"], ["10.0.0.1,1:2048", "10.0.0.1,6:80"]),
    "netport": ("hash:net,port", ["10.0.0.0/8,udp:53"], ["10.0.0.0/8,17:53"]),
    "portip": ("hash:ip,port,ip", ["10.0.0.1,tcp:80,10.0.0.2"], ["10.0.0.1,6:80,10.0.0.2"]),
    "portnet": ("hash:ip,port,net", ["10.0.0.1,tcp:80,10.0.0.0/8"], ["10.0.0.1,6:80,10.0.0.0/8"]),
    "iface": ("hash:net,iface", ["0.0.0.0/0,eth0", "10.0.0.0/8,eth wildcard"], ["0.0.0.0/0,eth0", "10.0.0.0/8,eth+"]),
    "list": ("list:set", ["ip", "net"], ["ip", "net"]),
    "empty": ("hash:ip family inet6", [], []),
}
UNREAD = {
    "mac": ("bitmap:ip,mac range 10.0.0.0/24", ["10.0.0.1"]),
    "physdev": ("hash:net,iface", ["10.0.0.0/8,physdev:eth0"]),
    "large": ("bitmap:ip range 10.0.0.0/16", [f"10.0.0.0-10.0.{LARGEST // 256}.{LARGEST % 256}"]),
}


@pytest.fixture(scope="module")
def sets_by_name(tmp_path_factory):
    """The sets that are read of a kernel with one of each kind, by their names."""
    known = {name: (kind, members) for name, (kind, members, _) in SETS.items()}
    lines = [f"ipset create {name} {kind}" for name, (kind, _) in (known | UNREAD).items()]
    lines += [f"ipset add {name} {member}" for name, (_, members) in (known | UNREAD).items() for member in members]
    names = [*SETS, *UNREAD, "missing"]
    sets = observed("\n".join(lines), tmp_path_factory.mktemp("sets"), *names)["sets"]
    return {ipset.name: ipset for ipset in map(IpSet.from_json, sets)}


@pytest.mark.parametrize("name", SETS)
def test_the_members_of_a_set_are_read(sets_by_name, name):
    assert [str(member) for member in sets_by_name[name].members] == SETS[name][2]
    assert not sets_by_name[name].unread


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_understood_or_too_large_is_said_to_be_unread(sets_by_name, name):
    assert (sets_by_name[name].unread, sets_by_name[name].members) == (True, ())


def test_a_set_of_ipv6_is_known_as_one(sets_by_name):
    assert (sets_by_name["empty"].version, sets_by_name["ip"].version, sets_by_name["list"].version) == (6, 4, 0)


def test_a_set_that_does_not_exist_is_not_there(sets_by_name):
    assert sets_by_name.keys() == {*SETS, *UNREAD}


def test_the_sets_that_a_list_holds_are_read_with_it(tmp_path):
    script = "ipset create a hash:ip; ipset create b hash:ip; ipset create l list:set; ipset add l a"
    assert {ipset["name"] for ipset in observed(script, tmp_path, "l")["sets"]} == {"l", "a"}

"""The matches that are understood: how iptables-save prints them, and what each needs."""

from __future__ import annotations

import pytest

from netplan.netfilter.iptables.matches import MATCHES, PROTOCOL_MATCHES
from netplan.netfilter.iptables.names import TCP, UDP
from netplan.netfilter.iptables.rule import Rule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-m multiport --dports 80", "-m multiport: needs -p tcp or -p udp"),
        ("-p tcp -m multiport --dports " + ",".join(map(str, range(1, 17))), "more than 15"),
        ("-p tcp -m multiport --dports 1 --sports 2", "needs one of --sports or --dports or --ports"),
        ("-m conntrack", "-m conntrack: needs --ctstate or"),
        ("-m conntrack --ctstate NEWISH", "'NEWISH' is not one of INVALID, NEW"),
        ("-m icmp6 --icmpv6-type 1", "-m icmp6 is for IPv6"),
        ("-m mark --mark 0x1ffffffff", "--mark: '0x1ffffffff' is not a whole number from 0 to 4294967295"),
        ("-m statistic --mode nth --every 3", "--every and --packet"),
        ("-m statistic --mode nth --every 3 --packet 3", "from 0 to 2"),
        ("-m statistic --mode random --probability 1.5", "from 0 to 1"),
        ("-m limit --limit 10001/second", "at most 10000/second"),
        ("-m limit --limit 5/fortnight", "not a rate"),
        ("-m recent --set --reap", "--reap needs --seconds"),
        ("-p icmp -m icmp --icmp-type ping-pong", "not an ICMP type"),
        ("-m set --match-set pods src,up -j DROP", "not up to six of src and dst"),
        ("-m set --match-set pods-of-all-the-nodes-that-there-are src -j DROP", "longer than 31 bytes"),
        ("-m mac --mac-source 02:42:ac:11:00 -j DROP", "not an Ethernet address"),
    ],
)
def test_an_error_names_the_option_and_what_would_be_right(text, message):
    with pytest.raises(ValueError, match=message):
        Rule.parse(text)


@pytest.mark.parametrize(
    ("written", "saved"),
    [
        ("-m recent --set", "-m recent --set --name DEFAULT --mask 255.255.255.255 --rsource"),
        ("-m recent --rcheck --rdest --name x", "-m recent --rcheck --name x --mask 255.255.255.255 --rdest"),
        ("-m statistic --every 3 --packet 0 --mode nth", "-m statistic --mode nth --every 3 --packet 0"),
        ("-m limit", "-m limit --limit 3/hour"),
        ("-m limit --limit-burst 5 --limit 120/hour", "-m limit --limit 2/min"),
    ],
)
def test_what_a_match_takes_for_granted_is_printed_as_iptables_save_does(written, saved):
    assert str(Rule.parse(written)) == saved


@pytest.mark.parametrize(("protocol", "name"), [(TCP, "tcp"), (UDP, "udp")])
def test_a_protocol_loads_the_match_of_its_ports(protocol, name):
    assert {"sport", "dport"} <= {option.name for option in MATCHES[PROTOCOL_MATCHES[protocol]].options}
    assert PROTOCOL_MATCHES[protocol] == name

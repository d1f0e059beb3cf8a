"""Rules of others whose texts hold what no rule of ours holds: control characters, newlines, quotes, no UTF-8."""

from __future__ import annotations

import pytest

ODD = """
for text in 'a\tb' 'a
b' 'a

-A FORWARD -j DROP
COMMIT' "$(printf 'a\\033[2Jb')" "$(printf 'a\\001\\177b')" "$(printf 'a\\377b')" "$(printf 'a\\rb')"  \\
    'a\u0085b' 'a\u2028b' 'a\\"b' "a'b" 'a\\\\' '"' ' ' "$(printf '\\v\\f')"
do
    for place in 'FORWARD' 'POSTROUTING -t nat'; do
        iptables-$1 -A $place -s 192.0.2.1 -m comment --comment "$text" -j ACCEPT
    done
    iptables-$1 -A INPUT -i 'a"b' -m comment --comment "$text" -j ACCEPT
done
iptables-$1 -A FORWARD -s 192.0.2.1 -j LOG --log-prefix "$(printf 'a\\tb\\377')"
iptables-$1 -A FORWARD -s 192.0.2.1 -m string --algo bm --string 'a\tb
c' -j DROP
for name in "$(printf 'c\\001d')" 'c"d' "c'd" 'c\\d' "$(printf 'c\\377d')"; do
    iptables-$1 -N "$name"
    iptables-$1 -A FORWARD -s 192.0.2.1 -i "$name" -j "$name"
done
"""


OURS = r"PODNET-\|icmp-host-prohibited\|-s 172.7.21.0/24 ! -o docker0"
FOREIGN = f"""
for table in nat filter; do
    iptables-$1-save -t $table | grep -av '^#\\|{OURS}'
done | sed 's/\\[[0-9:]*\\]//' | base64
"""


@pytest.fixture
def odd(node):
    """A node as the story starts, with odd rules of others besides."""
    node.shell(ODD, node.backend)
    return node


@pytest.fixture
def before(odd):
    """The foreign rules as they were, byte for byte."""
    return odd.shell(FOREIGN, odd.backend)


def test_odd_rules_are_read_and_stay_byte_for_byte(odd, before):
    assert (odd.apply().code, odd.shell(FOREIGN, odd.backend)) == (0, before)


def test_our_jump_stands_where_it_is_said_to_stand_among_odd_rules(odd):
    assert "+ rule    filter FORWARD 29: -j PODNET-FORWARD" in odd.apply().stdout
    assert (
        odd.shell("iptables-$1 -S FORWARD 29", odd.backend)
        == "-A FORWARD -m comment --comment podnet -j PODNET-FORWARD\n"
    )


def test_odd_rules_stay_when_podnet_leaves(odd, before):
    odd.apply()
    assert (odd.drift().code, odd.remove().code, odd.shell(FOREIGN, odd.backend)) == (0, 0, before)


def test_odd_rules_go_through_a_record_and_reach_no_terminal(odd, tmp_path):
    record = tmp_path / "hdss7" / "hdss7-21.json"
    record.parent.mkdir(parents=True)
    odd.podnet("capture", "--out", record)
    planned = odd.podnet("plan", odd.spec, "--node", "hdss7-21", "--state", tmp_path)
    live = odd.podnet("plan", odd.spec, "--live")
    assert (planned.code, planned.stdout.splitlines()[1:]) == (0, live.stdout.splitlines()[1:])
    assert planned.stdout.replace("\n", "").isprintable()


def test_odd_rules_of_the_other_backend_are_read(node):
    node.shell(ODD, "legacy" if node.backend == "nft" else "nft")
    assert node.podnet("plan", node.spec, "--live").code == 0

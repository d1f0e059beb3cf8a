"""Connections that are older than the rules: counted after an apply, and ended if that is asked for, they alone."""

from __future__ import annotations

import ctypes
import socket
import struct
from contextlib import ExitStack

import pytest
from msgspec import Struct

from netplan.desired.chains import MASQUERADE_CHAIN
from netplan.kernel.linux import connections, forget
from netplan.kinds.chain.value import Chain, FirewallBackend
from netplan.kinds.snapshot import Snapshot
from netplan.operations.machine import Connections
from netplan.operations.stale_connections import stale_connections
from tests.lab.inside import inside
from tests.lab.probe import address, socket_on

PUBLISHED = "-A DOCKER -d 172.7.22.2/32 ! -i docker0 -o docker0 -p tcp -j ACCEPT"
OLD = "1 connection of pods from before the rules keeps another source address until they end"
CAPABILITY_VERSION = 0x20080522


class Conversation(Struct, frozen=True):
    """A TCP connection that is open."""

    caller: socket.socket
    answerer: socket.socket
    seen: str

    def goes_on(self) -> bool:
        """Whether what one end says still reaches the other."""
        try:
            self.caller.sendall(b"?")
            self.answerer.settimeout(1)
            return self.answerer.recv(1) == b"?"
        except OSError:
            return False


@pytest.fixture
def talk(lab, node):
    """A way to open connections that last until the test's end; the node has forgotten the rewritten ones of before."""
    inside(lab, node.name, _forget_all)
    with ExitStack() as stack:

        def opened(client, server):
            listener, caller = socket_on(lab, server), socket_on(lab, client)
            for sock in (listener, caller):
                stack.enter_context(sock)
            listener.bind((address(lab, server), 0))
            listener.listen()
            caller.settimeout(2)
            caller.connect(listener.getsockname())
            answerer, peer = listener.accept()
            stack.enter_context(answerer)
            return Conversation(caller, answerer, str(peer[0]))

        yield opened


@pytest.fixture
def old(node, peer, talk):
    """A connection from pod to pod that was opened when docker's rule hid the pod's address."""
    peer.iptables(PUBLISHED)
    connection = talk("hdss7-21-pod1", "hdss7-22-pod1")
    assert connection.seen == "10.4.7.21"
    return connection


def flush(node, *words):
    return node.podnet(*(words or ("apply", node.spec, "--yes")), "--flush-conntrack")


def tracked(node):
    """Return every connection of the node that has another source than it began with."""
    return inside(node.lab, node.name, connections, _masked)


def _masked(connection):
    return connection.masked


def _forget_all():
    forget(connections(lambda _: True))


def test_old_connection_is_counted_after_an_apply(node, old):
    assert OLD in node.apply().stderr


def test_old_connection_is_counted_after_a_fix(node, old):
    assert OLD in node.drift("--fix").stderr


def test_old_connection_goes_on_after_an_apply(node, old):
    node.apply()
    assert old.goes_on()


def test_old_connection_is_not_spoken_of_when_nothing_was_applied(node, old):
    first, second = node.apply(), node.apply()
    assert [OLD in applied.stderr for applied in (first, second)] == [True, False]


def test_flush_ends_the_old_connection(node, old):
    flush(node)
    assert not old.goes_on()


def test_flush_says_how_many_it_ended(node, old):
    assert "Ended 1 connection of pods" in flush(node).stderr


def test_flush_works_when_nothing_is_left_to_apply(node, old):
    node.apply()
    assert "Ended 1 connection of pods" in flush(node).stderr


def test_flush_works_with_a_fix(node, old):
    assert "Ended 1 connection of pods" in flush(node, "drift", node.spec, "--fix").stderr


def test_flush_works_with_a_saved_plan(node, old, tmp_path):
    node.podnet("plan", node.spec, "--live", "--out", tmp_path / "plan.json")
    assert "Ended 1 connection of pods" in flush(node, "apply", tmp_path / "plan.json", "--yes").stderr


def test_flush_without_a_fix_is_refused(node):
    assert flush(node, "drift", node.spec).code == 2


def test_second_flush_finds_none(node, old):
    flush(node)
    assert "Ended 0 connections of pods" in flush(node).stderr


def test_connection_after_a_flush_shows_the_pod_s_address(node, old, talk):
    flush(node)
    assert talk("hdss7-21-pod1", "hdss7-22-pod1").seen == "172.7.21.2"


def test_flush_spares_a_connection_to_the_outside(node, old, talk):
    masked = talk("hdss7-21-pod1", "outside")
    flush(node)
    assert masked.goes_on()


def test_flush_spares_a_connection_that_shows_the_pod_s_address(node, talk):
    node.apply()
    plain = talk("hdss7-21-pod1", "hdss7-22-pod1")
    flush(node)
    assert plain.goes_on()


def test_connection_to_the_outside_is_not_counted(node, talk):
    talk("hdss7-21-pod1", "outside")
    done = f"Applied. {node.name} is as planned; the kernel was read again to see it."
    assert node.apply().stderr.splitlines() == [done]


def test_connections_are_read_as_they_are(node, old):
    assert [str(connection) for connection in tracked(node)] == ["172.7.21.2 -> 172.7.22.2 as 10.4.7.21"]


def unprivileged():
    """Drop all capabilities, count the stale connections, and return what is said."""
    header, none = struct.pack("=Ii", CAPABILITY_VERSION, 0), bytes(24)
    assert ctypes.CDLL(None).capset(header, none) == 0
    now = Snapshot.of(FirewallBackend.NFT, [Chain(MASQUERADE_CHAIN[4])])
    return [*stale_connections(now, Connections(connections, forget), flush=False)]


def test_connections_that_can_t_be_read_are_spoken_of_and_nothing_fails(node):
    (line,) = inside(node.lab, node.name, unprivileged)
    assert line == (
        "Connections that are older than the rules may keep another source address: the kernel does not tell what its "
        "netfilter holds: Operation not permitted"
    )

"""What an earlier podnet left is undone, finished or brought back, on a kernel in memory."""

from __future__ import annotations

import threading

import pytest
from msgspec.structs import replace

from netplan.desired.compile import compile_removal
from netplan.errors import ContendedError, HalfStateError, ObserveError, PendingError, RefusedError, StoreError
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.batches import batches
from netplan.kinds.chain.value import Chain
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.originals import Overwritten
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.confirm import confirm_within
from netplan.operations.settle import Cause, bring_back, settle
from netplan.operations.transaction import Transaction, run
from netplan.operations.unfinished import abandon_entry, leftover
from netplan.planning.differences import diff_node
from netplan.store.generations import Generation
from netplan.store.store import Store
from tests import make
from tests.kernels.memory import MemoryKernel

WANTED = make.desired(make.spec(firewall=make.REMOVE))
BEFORE = make.snapshot(make.docker())
AFTER = make.settled(WANTED, BEFORE)
EARLIER = "another boot"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def opened(store, boot=None, state=BEFORE):
    """Begin an apply, as far as its journal."""
    journal = ApplyJournal(store, make.origin(boot=boot), WantedState(WANTED.sysctls))
    journal.opened(tuple(diff_node(WANTED, state)), state)
    return journal


def settled(store, kernel):
    return settle(store, lambda _: kernel)


def brought_back(store, kernel, patience=0.0):
    kept = [generation for generation in store.generations.all() if isinstance(generation, Generation)]
    return bring_back(store, kept[-1] if kept else None, lambda _: kernel, patience)


def test_without_a_journal_there_is_nothing_to_do(store):
    assert settled(store, MemoryKernel(BEFORE)) is None


@pytest.mark.parametrize("count", range(6))
def test_what_was_written_before_the_end_came_is_undone(store, count):
    opened(store)
    kernel = MemoryKernel(BEFORE)
    for batch in batches(diff_node(WANTED, BEFORE))[:count]:
        kernel.write(batch)
    settled(store, kernel)
    assert make.content(kernel.state) == make.content(BEFORE)


def test_what_an_apply_overwrote_that_was_done_and_then_killed_is_remembered(store):
    opened(store).verified(AFTER)
    settled(store, MemoryKernel(AFTER))
    assert store.overwritten.read() == (Overwritten("net.ipv4.ip_forward", "0", "1"),)


def test_what_an_undone_apply_overwrote_is_not_remembered(store):
    opened(store)
    settled(store, MemoryKernel(AFTER))
    assert store.overwritten.read() == ()


def test_an_undone_journal_is_closed(store):
    opened(store)
    settled(store, MemoryKernel(AFTER))
    assert store.journal.read() is None


def test_an_undone_apply_is_told_with_who_it_was_and_what_it_took(store):
    opened(store)
    recovery = settled(store, MemoryKernel(AFTER))
    assert (recovery.cause, recovery.origin, bool(recovery.changes)) == (Cause.INTERRUPTED, make.origin(), True)


def test_what_could_not_be_undone_keeps_the_journal(store):
    opened(store)
    kernel = Refusing(AFTER)
    with pytest.raises(
        HalfStateError,
        match=r"podnet apply by root .* was interrupted\n(.*\n)+`podnet recover` goes on .*`podnet recover --abandon`",
    ):
        settled(store, kernel)
    assert store.journal.read() is not None


class Refusing(MemoryKernel):
    """A kernel that refuses every write."""

    def write(self, batch):
        self._fail_at = self.writes + 1
        super().write(batch)


def test_what_is_left_of_an_undo_is_done_by_the_next(store):
    opened(store)
    refusing = Refusing(AFTER)
    with pytest.raises(HalfStateError):
        settled(store, refusing)
    kernel = MemoryKernel(refusing.state)
    settled(store, kernel)
    assert make.content(kernel.state) == make.content(BEFORE)


def test_a_verified_apply_becomes_a_generation(store):
    opened(store).verified(AFTER)
    recovery = settled(store, MemoryKernel(AFTER))
    assert (recovery.cause, recovery.generation, len(store.generations.all())) == (Cause.VERIFIED, 1, 1)


def test_a_verified_apply_is_left_as_it_is(store):
    opened(store).verified(AFTER)
    kernel = MemoryKernel(AFTER)
    settled(store, kernel)
    assert (kernel.writes, store.journal.read()) == (0, None)


def test_a_generation_that_was_kept_before_the_journal_was_closed_is_kept_once(store):
    journal = opened(store)
    journal.verified(AFTER)
    store.generations.keep(store.journal.read())
    settled(store, MemoryKernel(AFTER))
    assert len(store.generations.all()) == 1


def test_an_apply_that_the_last_boot_interrupted_leaves_what_is_foreign_in_this_one(store):
    opened(store, boot=EARLIER)
    kernel = MemoryKernel(make.snapshot(make.saved(nat=[make.DOCKER_MASQUERADE]), ip_forward="1"))
    settled(store, kernel)
    assert kernel.writes == 0


def test_an_apply_that_the_last_boot_interrupted_leaves_nothing_of_ours(store):
    opened(store, boot=EARLIER)
    kernel = MemoryKernel(AFTER)
    settled(store, kernel)
    assert not [chain for chain in kernel.state.all(Chain) if chain.ours]


REBOOTED = make.snapshot("")


def left_of(store, kernel):
    """Return what there is to give up."""
    left = leftover(store, lambda _: kernel)
    assert left is not None
    return left


def test_what_can_not_be_undone_is_given_up_with_what_that_leaves(store):
    opened(store)
    kernel = Refusing(AFTER)
    left = left_of(store, kernel)
    assert "delete route 172.7.22.0/24 via 10.4.7.22 dev eth0" in make.said(left.changes)
    kept = abandon_entry(store, left)
    assert (kept.name, kernel.writes, store.journal.read()) == ("journal.abandoned-1.json", 0, None)


def test_a_journal_that_was_given_up_is_kept_as_it_was(store):
    opened(store)
    text = store.journal.path.read_text()
    kept = abandon_entry(store, left_of(store, MemoryKernel(AFTER)))
    assert kept.read_text() == text


def test_what_an_apply_overwrote_that_was_given_up_is_remembered(store):
    opened(store)
    abandon_entry(store, left_of(store, MemoryKernel(AFTER)))
    assert store.overwritten.read() == (Overwritten("net.ipv4.ip_forward", "0", "1"),)


@pytest.mark.parametrize("text", ["{", '{"format_version": "3.0"}'])
def test_a_journal_that_can_not_be_read_is_given_up_with_the_reason(store, text):
    store.journal.path.write_text(text)
    left = left_of(store, MemoryKernel(AFTER))
    assert (left.entry, str(store.journal.path) in left.unknown, abandon_entry(store, left).read_text()) == (
        None,
        True,
        text,
    )


class Unreadable(MemoryKernel):
    """A kernel that can't be read."""

    def observe(self, interest):
        raise ObserveError("table nat can't be read safely")


def test_a_journal_on_a_kernel_that_can_not_be_read_is_given_up_with_the_reason(store):
    opened(store)
    left = left_of(store, Unreadable(AFTER))
    assert (left.changes, left.unknown) == ((), "table nat can't be read safely")


def test_without_a_journal_there_is_nothing_to_give_up(store):
    assert leftover(store, lambda _: MemoryKernel(AFTER)) is None


def test_an_apply_that_was_done_is_not_given_up(store):
    opened(store).verified(AFTER)
    assert leftover(store, lambda _: MemoryKernel(AFTER)) is None


def test_an_apply_that_waits_for_its_confirm_is_not_given_up(store):
    journal = ApplyJournal(store, make.origin(), WantedState(WANTED.sysctls), confirm_within(600, "secret", None))
    journal.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    journal.verified(AFTER)
    with pytest.raises(PendingError):
        leftover(store, lambda _: MemoryKernel(AFTER))


def test_what_can_not_be_undone_after_a_reboot_names_the_verb_that_gives_it_up(store):
    opened(store, boot=EARLIER, state=AFTER.replace(Chain, BEFORE.all(Chain)))
    kernel = MemoryKernel(without_device(up=None))
    with pytest.raises(
        RefusedError, match=r"no interface eth0 .*; `podnet recover --abandon` leaves the node as it is"
    ):
        settle(store, lambda _: kernel, 0.0)


@pytest.fixture
def rebooted(store):
    """What is kept on a node that was restarted since the last apply."""
    make.generation(store, WANTED, MemoryKernel(BEFORE), EARLIER)
    return store


def ours(state):
    return [resource for kind in (Chain, Route) for resource in state.all(kind) if resource.ours]


def test_after_a_reboot_what_was_ours_comes_back(rebooted):
    kernel = MemoryKernel(REBOOTED)
    brought_back(rebooted, kernel)
    assert ours(kernel.state) == ours(AFTER)


def test_after_a_reboot_packets_are_forwarded_again(rebooted):
    kernel = MemoryKernel(REBOOTED)
    brought_back(rebooted, kernel)
    assert Sysctl("net.ipv4.ip_forward", "1") in kernel.state.all(Sysctl)


TTL = "net.ipv4.ip_default_ttl"
TTL_WANTED = make.desired(make.spec(firewall=make.REMOVE, sysctl=f"{{{TTL}: 65}}"))
TTL_BEFORE = make.snapshot(make.docker(), Sysctl(TTL, "64"))


def test_after_a_reboot_a_parameter_that_was_wanted_and_needed_no_change_comes_back(store):
    make.generation(store, TTL_WANTED, MemoryKernel(make.snapshot(make.docker(), Sysctl(TTL, "65"))), EARLIER)
    kernel = MemoryKernel(make.snapshot("", Sysctl(TTL, "64")))
    brought_back(store, kernel)
    assert Sysctl(TTL, "65") in kernel.state.all(Sysctl)


@pytest.mark.parametrize("meanwhile", ["65", "63"], ids=["given back", "set by others"])
def test_after_a_reboot_a_parameter_that_the_spec_no_longer_wanted_stays_as_it_is(store, meanwhile):
    kernel = MemoryKernel(TTL_BEFORE)
    make.generation(store, TTL_WANTED, kernel, EARLIER)
    kernel.state = kernel.state.replace(Sysctl, [Sysctl(TTL, meanwhile), Sysctl("net.ipv4.ip_forward", "1")])
    dropped = make.desired(make.spec(firewall=make.REMOVE, forward="none"))
    make.generation(store, replace(dropped, overwritten=(Overwritten(TTL, "64", "65"),)), kernel, EARLIER)
    after = MemoryKernel(make.snapshot("", Sysctl(TTL, "60")))
    brought_back(store, after)
    assert Sysctl(TTL, "60") in after.state.all(Sysctl)


OTHERS = ["-s 10.9.9.9/32 -j ACCEPT", "-j LOG"]
BACK = make.snapshot(make.saved(nat=[make.DOCKER_MASQUERADE, *OTHERS], filter=[make.REJECT]))


def test_after_a_reboot_foreign_rules_stay(rebooted):
    kernel = MemoryKernel(BACK)
    brought_back(rebooted, kernel)
    assert make.texts(make.foreign_rules(kernel.state, make.POSTROUTING)) == OTHERS


def test_after_a_reboot_rules_that_had_been_taken_away_go_again(rebooted):
    kernel = MemoryKernel(BACK)
    brought_back(rebooted, kernel)
    assert make.said(diff_node(WANTED, kernel.state)) == []


def test_a_generation_of_an_earlier_podnet_has_its_jump_before_any_snat(store):
    wanted = make.desired(make.spec())
    before = make.snapshot(make.saved(nat=["-j LOG", make.DOCKER_MASQUERADE]))
    kept = make.generation(store, wanted, MemoryKernel(before), EARLIER)
    kernel = MemoryKernel(make.snapshot(make.saved(nat=[make.DOCKER_MASQUERADE, "-j LOG"])))
    bring_back(store, replace(kept, start=replace(kept.start, hooks=None)), lambda _: kernel, 0.0)
    assert make.said(diff_node(wanted, kernel.state)) == []


def test_a_generation_of_an_earlier_podnet_takes_those_rules_away_again_that_it_took_away_itself(rebooted):
    (kept,) = rebooted.generations.all()
    kernel = MemoryKernel(BACK)
    without = replace(kept, start=replace(kept.start, hooks=None))
    bring_back(rebooted, without, lambda _: kernel, 0.0)
    assert make.texts(make.foreign_rules(kernel.state, make.POSTROUTING)) == OTHERS


@pytest.mark.parametrize("now", [[make.DOCKER_MASQUERADE, "-j LOG"], ["-j LOG", make.DOCKER_MASQUERADE, "-j RETURN"]])
def test_after_a_reboot_a_jump_stands_where_it_belongs_whatever_stood_beside_it_before(store, now):
    wanted = make.desired(make.spec())
    before = make.snapshot(make.saved(nat=["-j LOG", make.DOCKER_MASQUERADE]))
    make.generation(store, wanted, MemoryKernel(before), EARLIER)
    kernel = MemoryKernel(make.snapshot(make.saved(nat=now, filter=[make.REJECT])))
    brought_back(store, kernel)
    assert make.said(diff_node(wanted, kernel.state)) == []


def test_what_came_back_after_a_reboot_is_a_generation_of_this_boot(rebooted):
    kernel = MemoryKernel(REBOOTED)
    recovery = brought_back(rebooted, kernel)
    assert (recovery.cause, recovery.generation) == (Cause.REBOOT, 2)
    assert brought_back(rebooted, kernel) is None


def absent_ttl(store):
    """Bring a generation back on a kernel that has not, or not yet, a parameter of it."""
    make.generation(store, TTL_WANTED, MemoryKernel(TTL_BEFORE), EARLIER)
    kernel = MemoryKernel(REBOOTED)
    brought_back(store, kernel)
    return kernel


def test_what_could_not_come_back_after_a_reboot_is_told_of_again(store):
    recovery = brought_back(store, absent_ttl(store))
    assert (recovery.late, recovery.changes, recovery.whole) == ((Sysctl(TTL, "65"),), (), False)


def test_what_could_not_come_back_after_a_reboot_comes_once_it_can_be_had(store):
    kernel = absent_ttl(store)
    kernel.state = kernel.state.replace(Sysctl, [*kernel.state.all(Sysctl), Sysctl(TTL, "64")])
    recovery = brought_back(store, kernel)
    assert (recovery.whole, Sysctl(TTL, "65") in kernel.state.all(Sysctl)) == (True, True)
    assert brought_back(store, kernel) is None


def test_in_the_same_boot_nothing_comes_back(store):
    make.generation(store, WANTED, MemoryKernel(BEFORE))
    assert brought_back(store, MemoryKernel(REBOOTED)) is None


def test_a_state_that_is_there_after_a_reboot_needs_no_generation(rebooted):
    assert brought_back(rebooted, MemoryKernel(AFTER)) is None


class Overtaken(MemoryKernel):
    """A kernel in which docker, which starts too, changes the first table that is written at that very moment."""

    times = 1

    def write(self, step):
        if step.kind == "table" and self.times:
            self.times -= 1
            raise ContendedError("table nat was changed by another program meanwhile")
        super().write(step)


def test_what_another_program_came_in_the_way_of_after_a_reboot_is_tried_again(rebooted):
    kernel = Overtaken(BEFORE)
    recovery = brought_back(rebooted, kernel)
    assert (recovery.cause, make.content(kernel.state)) == (Cause.REBOOT, make.content(AFTER))


def test_what_fails_after_a_reboot_is_undone(rebooted):
    kernel = MemoryKernel(REBOOTED, fail_at=3)
    with pytest.raises(Exception, match="the previous state was restored"):
        brought_back(rebooted, kernel)
    assert (make.content(kernel.state), rebooted.journal.read()) == (make.content(REBOOTED), None)


def without_device(up):
    links = [replace(link, up=up) for link in REBOOTED.all(Link) if up is not None or link.name != "eth0"]
    return REBOOTED.replace(Link, links)


def renamed_device():
    links = [replace(link, name=IfName("ens3")) if link.name == "eth0" else link for link in REBOOTED.all(Link)]
    addresses = [replace(address, link=IfName("ens3")) for address in REBOOTED.all(LinkAddress)]
    return REBOOTED.replace(Link, links).replace(LinkAddress, addresses)


@pytest.mark.parametrize(
    ("state", "missing"),
    [
        (without_device(up=None), "there is no interface eth0"),
        (renamed_device(), r"there is no interface eth0 \(10\.4\.7\.21 is on ens3: podnet apply SPEC\)"),
        (without_device(up=False), "the interface eth0 is down"),
        (
            make.snapshot("", address="10.9.9.9/24"),
            r"the interface eth0 has no address in one prefix with 10\.4\.7\.22",
        ),
    ],
)
def test_an_interface_that_is_not_ready_in_time_is_named_and_nothing_is_changed(rebooted, state, missing):
    kernel = MemoryKernel(state)
    with pytest.raises(RefusedError, match=rf"{missing} .*; nothing was changed"):
        brought_back(rebooted, kernel)
    assert kernel.writes == 0


def test_a_next_hop_that_a_route_takes_for_on_link_is_not_waited_for(store):
    before = make.snapshot(address="10.4.7.21/32")
    make.apply_desired(
        WANTED, MemoryKernel(before), ApplyJournal(store, make.origin(boot=EARLIER), WantedState(WANTED.sysctls))
    )
    store.finish(store.journal.read())
    kernel = MemoryKernel(before)
    assert brought_back(store, kernel).cause is Cause.REBOOT
    assert replace(make.route(), onlink=True) in kernel.state.all(Route)


def test_an_interface_is_waited_for(rebooted):
    kernel = MemoryKernel(without_device(up=None))
    threading.Timer(0.3, lambda: setattr(kernel, "state", REBOOTED)).start()
    brought_back(rebooted, kernel, patience=30)
    assert ours(kernel.state) == ours(AFTER)


def test_a_removed_podnet_does_not_come_back(store):
    make.generation(store, WANTED, MemoryKernel(BEFORE), EARLIER)
    spec = make.spec()
    make.generation(store, compile_removal(spec, spec.topology.nodes[0]), MemoryKernel(AFTER), EARLIER)
    assert brought_back(store, MemoryKernel(without_device(up=None))) is None


class Full:
    """A journal on a disk that is full from some method on."""

    def __init__(self, method):
        self._method = method

    def __getattr__(self, name):
        def method(*_):
            if name == self._method:
                raise StoreError("the journal can't be written: /j: No space left on device")

        return method


def applied(kernel, journal):
    changes = tuple(diff_node(WANTED, BEFORE))
    run(Transaction(changes, BEFORE, WANTED.interest, lambda _: ()), kernel, journal)


def test_a_journal_that_can_not_be_opened_keeps_the_kernel_untouched():
    kernel = MemoryKernel(BEFORE)
    with pytest.raises(StoreError):
        applied(kernel, Full("opened"))
    assert kernel.writes == 0


def test_an_outcome_that_can_not_be_kept_is_undone():
    kernel = MemoryKernel(BEFORE)
    with pytest.raises(Exception, match="No space left on device\nNothing is changed"):
        applied(kernel, Full("verified"))
    assert make.content(kernel.state) == make.content(BEFORE)


def test_a_journal_that_can_not_be_closed_is_told_of():
    with pytest.raises(Exception, match=r"was restored\. the journal can't be written"):
        applied(MemoryKernel(BEFORE, fail_at=2), Full("undone"))

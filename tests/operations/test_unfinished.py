"""What an apply leaves that can't be undone: a plan takes over from it, or it is given up, and the node is in sync."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.compile import compile_removal
from netplan.desired.model import Desired
from netplan.errors import HalfStateError, KernelError, PodnetError
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.batches import batches
from netplan.kinds.chain.value import PlacedRule
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName, InterfaceAddress
from netplan.operations.apply import apply_spec
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.apply_plan import apply_plan
from netplan.operations.confirm import confirm_within
from netplan.operations.live_plan import LivePlan
from netplan.operations.rollback_target import rollback_target
from netplan.operations.unfinished import (
    Unfinished,
    abandon_entry,
    answered,
    check_takes_over,
    complete,
    leftover,
    settle_or_leave,
)
from netplan.planning.differences import diff_node
from netplan.planning.takeover import uncovered
from netplan.store.generations import Generation
from netplan.store.provenance import boot_id
from netplan.store.store import Store
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.machines import machine

SPEC = make.spec(firewall=make.REMOVE)
WANTED = make.desired(SPEC)
BEFORE = make.snapshot(make.docker())


class Stubborn(MemoryKernel):
    """A kernel that refuses some changes, for as long as it does."""

    def __init__(self, state, refuses):
        super().__init__(state)
        self.refuses = refuses

    def write(self, batch):
        if any(map(self.refuses, batch.changes)):
            raise KernelError(f"{batch}: refused")
        super().write(batch)


def puts_back_a_rule(change):
    """Whether a change makes a rule that is not podnet's."""
    return isinstance(change.resource, PlacedRule) and not change.resource.ours and change.after is not None


def gives_forwarding_back(change):
    return change.after == Sysctl("net.ipv4.ip_forward", "0")


def renamed(state: Snapshot, name: str = "ens3") -> Snapshot:
    """Return the state once eth0 was taken down and has come up under another name."""
    new = IfName(name)
    links = [replace(link, name=new) if link.name == "eth0" else link for link in state.all(Link)]
    addresses = [
        replace(address, link=new) if address.link == "eth0" else address for address in state.all(LinkAddress)
    ]
    connected = [replace(route, oif=new) for route in state.all(Route) if route.protocol == 2]
    return state.replace(Link, links).replace(LinkAddress, addresses).replace(Route, connected)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def interrupted(store, state=BEFORE, wanted=WANTED):
    """Begin an apply, and give the state that it leads to; what ended it came before it could say so."""
    journal = ApplyJournal(store, make.origin(), WantedState(wanted.sysctls))
    journal.opened(tuple(diff_node(wanted, state)), state)
    return make.settled(wanted, state)


def applied(store: Store, kernel: MemoryKernel, wanted: Desired, unfinished: Unfinished | None) -> None:
    """Apply as a verb does, with what can't be undone at hand."""
    with answered(store, unfinished):
        work = LivePlan.from_kernel(wanted, kernel)
        if unfinished is not None:
            check_takes_over(store, unfinished, work.desired, work.before.backend)
        plan = work.plan
        journal = ApplyJournal(store, make.origin(), WantedState(plan.sysctls, waiting=plan.waiting, hooks=plan.hooks))
        after = apply_plan(work, journal)
        if plan.changes:
            journal.finished()
        elif unfinished is not None:
            complete(store, unfinished, journal, after)


def left(store, kernel):
    """Return what the journal tells of and can't be undone."""
    unfinished = settle_or_leave(store, lambda _: kernel, 0.0)
    assert isinstance(unfinished, Unfinished)
    return unfinished


def on(interface):
    return make.desired(make.spec(firewall=make.REMOVE, defaults=f"{{interface: {interface}, bridge: docker0}}"))


def in_sync(kernel, wanted):
    return tuple(diff_node(wanted, kernel.observe(wanted.interest))) == ()


EARLIER = make.desired(make.spec(firewall=make.REMOVE, forward="none"))


def test_a_spec_with_the_new_name_of_an_interface_takes_over(store):
    before = make.settled(EARLIER, BEFORE)
    kernel = MemoryKernel(renamed(interrupted(store, before)))
    wanted = on("ens3")
    applied(store, kernel, wanted, left(store, kernel))
    assert (in_sync(kernel, wanted), store.journal.read(), len(store.generations.all())) == (True, None, 1)


def test_a_rollback_from_what_took_over_goes_back_to_before_both(store):
    kernel = Stubborn(interrupted(store), gives_forwarding_back)
    applied(store, kernel, EARLIER, left(store, kernel))
    kernel.refuses = lambda _: False
    (kept,) = store.generations.all()
    assert isinstance(kept, Generation)
    roll_back(store, kernel)
    assert make.content(kernel.state) == make.content(BEFORE)


def roll_back(store, kernel):
    apply_plan(LivePlan.for_rollback(rollback_target(store.generations.all(), None), kernel), make.Unwritten())


def test_where_nothing_is_to_change_what_took_over_is_a_generation(store):
    kernel = Stubborn(interrupted(store), lambda _: True)
    applied(store, kernel, WANTED, left(store, kernel))
    assert (store.journal.read(), [type(generation) for generation in store.generations.all()]) == (None, [Generation])


def test_a_spec_that_does_not_decide_over_a_foreign_rule_does_not_take_over(store):
    kernel = Stubborn(interrupted(store), puts_back_a_rule)
    unfinished = left(store, kernel)
    with pytest.raises(HalfStateError, match=r"does not decide over:\n  create rule "):
        applied(store, kernel, make.desired(make.spec()), unfinished)
    assert unfinished.open(store)


def test_a_spec_that_removes_the_rule_too_takes_over(store):
    kernel = Stubborn(interrupted(store), puts_back_a_rule)
    applied(store, kernel, WANTED, left(store, kernel))
    assert in_sync(kernel, WANTED)


def test_remove_takes_over_from_what_is_podnet_s_alone(store):
    wanted = make.desired(make.spec())
    before = make.settled(make.desired(make.spec(forward="none")), BEFORE)
    kernel = MemoryKernel(renamed(interrupted(store, before, wanted)))
    removal = compile_removal(SPEC, SPEC.topology.nodes[0])
    applied(store, kernel, removal, left(store, kernel))
    assert (in_sync(kernel, removal), store.journal.read()) == (True, None)


def test_a_take_over_that_fails_leaves_the_journal_that_was_there(store):
    kernel = Stubborn(interrupted(store), puts_back_a_rule)
    unfinished = left(store, kernel)
    kernel.refuses = lambda change: puts_back_a_rule(change) or isinstance(change.resource, Route)
    with pytest.raises(HalfStateError, match=r"the previous state was restored"):
        applied(store, kernel, WANTED, unfinished)
    assert unfinished.open(store)


def test_a_take_over_that_fails_does_not_have_the_state_that_goes_wait_for_its_confirm_again(store):
    journal = ApplyJournal(store, make.origin(), WantedState(WANTED.sysctls), confirm_within(600, "secret", None))
    journal.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    kernel = Stubborn(make.settled(WANTED, BEFORE), puts_back_a_rule)
    journal.verified(kernel.state)
    store.decisions.expire(journal.entry.id)
    unfinished = left(store, kernel)
    kernel.refuses = lambda change: puts_back_a_rule(change) or isinstance(change.resource, Route)
    with pytest.raises(HalfStateError):
        applied(store, kernel, WANTED, unfinished)
    kernel.refuses = lambda _: False
    settle_or_leave(store, lambda _: kernel, 0.0)
    assert make.content(kernel.state) == make.content(BEFORE)


def test_what_is_left_in_another_packet_filter_is_not_taken_over(store):
    kernel = Stubborn(interrupted(store), puts_back_a_rule)
    unfinished = left(store, kernel)
    with pytest.raises(HalfStateError, match="does not decide over"):
        check_takes_over(
            store, unfinished, WANTED, next(backend for backend in type(kernel.state.backend) if backend != "nft")
        )


@pytest.mark.parametrize(
    ("refuses", "said"),
    [(gives_forwarding_back, "Applied. a is as planned"), (lambda _: True, "is taken over from: a is as planned.")],
    ids=["a part is undone", "nothing is undone"],
)
def test_an_apply_warns_of_one_that_can_not_be_undone_and_takes_over(tmp_path, refuses, said):
    here, kernel, report = machine(tmp_path, Stubborn(interrupted(Store(tmp_path)), refuses))
    apply_spec(here, SPEC, SPEC.topology.by_name["a"])
    assert "can't be undone wholly: a plan that decides over what is left takes over from it" in report.notes[0]
    assert said in report.notes[1]
    assert (in_sync(kernel, WANTED), here.store.journal.read()) == (True, None)


def test_a_journal_that_can_not_be_read_is_not_taken_over_from(store):
    store.journal.path.write_text("{")
    with pytest.raises(HalfStateError, match="is damaged"):
        settle_or_leave(store, lambda _: MemoryKernel(BEFORE), 0.0)


def test_what_was_closed_meanwhile_asks_nothing_of_a_plan(store):
    unfinished = left(store, Stubborn(interrupted(store), puts_back_a_rule))
    store.close()
    check_takes_over(store, unfinished, None, BEFORE.backend)
    journal = ApplyJournal(store, make.origin(), WantedState(()))
    assert (complete(store, unfinished, journal, BEFORE), store.generations.all()) == (False, ())


def test_a_sysctl_that_the_spec_does_not_want_is_not_decided_over():
    change = (Change(Sysctl("net.ipv4.ip_default_ttl", "65"), Sysctl("net.ipv4.ip_default_ttl", "64"), make.WHY),)
    assert (uncovered(change, WANTED), uncovered(change, None)) == (change, change)


class Trouble(Struct, frozen=True):
    """What befalls a node: the spec before, the one that is applied, how far that comes, and what happens after."""

    earlier: bool
    count: int
    ending: str
    refuses: str
    events: tuple[str, ...]
    again: bool


REFUSES: dict[str, Callable[..., bool]] = {
    "compile_removal": lambda _: False,
    "foreign rules": puts_back_a_rule,
    "forwarding": gives_forwarding_back,
    "all of ours": lambda change: change.resource.ours,
}
LASTING = ("foreign rules", "forwarding")
TROUBLES = st.builds(
    Trouble,
    st.booleans(),
    st.integers(0, 8),
    st.sampled_from(["killed", "not confirmed", "refused"]),
    st.sampled_from([*REFUSES]),
    st.lists(st.sampled_from(["renamed", "gone", "readdressed", "rebooted"]), unique=True, max_size=2).map(tuple),
    st.booleans(),
)
UNCONFIRMED = confirm_within(600, "secret", None)


def befall(trouble: Trouble, store: Store, kernel: Stubborn) -> Desired:
    """Let an apply begin and end too early, and the rest happen; give what the corrected spec wants."""
    before = kernel.state
    confirm = UNCONFIRMED if trouble.ending == "not confirmed" else None
    boot = "another boot" if "rebooted" in trouble.events else boot_id()
    journal = ApplyJournal(store, make.origin(boot=boot), WantedState(WANTED.sysctls), confirm)
    changes = tuple(diff_node(WANTED, before))
    journal.opened(changes, before)
    for batch in batches(changes)[: None if confirm else trouble.count]:
        kernel.write(batch)
    if confirm is not None:
        journal.verified(kernel.state)
        store.decisions.expire(journal.entry.id)
    return happened(trouble.events, kernel)


def happened(events: Sequence[str], kernel: MemoryKernel) -> Desired:
    """Let something happen to the devices; give what a spec wants that knows of it."""
    interface, address = "eth0", "10.4.7.21/24"
    for event in events:
        if event == "rebooted":
            kernel.state = make.snapshot(make.docker(), address=address)
            kernel.state = kernel.state if interface == "eth0" else renamed(kernel.state, interface)
        elif event == "readdressed":
            address = "10.4.7.31/24"
            addresses = [
                replace(entry, address=InterfaceAddress.parse(address)) if entry.link == interface else entry
                for entry in kernel.state.all(LinkAddress)
            ]
            kernel.state = kernel.state.replace(LinkAddress, addresses)
        else:
            new = "ens3" if event == "renamed" else "eth1"
            kernel.state = renamed(kernel.state, new) if interface == "eth0" else kernel.state
            interface = new if interface == "eth0" else interface
    nodes = [f"a: {{address: {address}, subnet: 172.7.21.0/24}}", "b: {address: 10.4.7.22/24, subnet: 172.7.22.0/24}"]
    keys = {"firewall": make.REMOVE, "defaults": f"{{interface: {interface}, bridge: docker0}}"}
    return make.desired(make.spec(*nodes, **keys))


def killed_while_taking_over(count: int, store: Store, kernel: Stubborn, wanted: Desired) -> None:
    """Recover, and end while a plan takes over, if there is anything to take over from and it covers that."""
    settled = settle_or_leave(store, lambda _: kernel, 0.0)
    work = LivePlan.from_kernel(wanted, kernel)
    if not isinstance(settled, Unfinished) or uncovered(settled.changes, wanted):
        return
    ApplyJournal(store, make.origin(), WantedState(work.plan.sysctls)).opened(work.plan.changes, work.before)
    for batch in batches(work.plan.changes)[:count]:
        with suppress(KernelError):
            kernel.write(batch)


def got_out(store: Store, kernel: Stubborn, wanted: Desired) -> bool:
    """Recover, else let a plan take over, else give up and plan; whether the node is in sync then."""
    settled = settle_or_leave(store, lambda _: kernel, 0.0)
    unfinished = settled if isinstance(settled, Unfinished) else None
    try:
        applied(store, kernel, wanted, unfinished)
    except PodnetError:
        given_up = leftover(store, lambda _: kernel)
        if given_up is not None:
            abandon_entry(store, given_up)
        if kernel.refuses not in [REFUSES[name] for name in LASTING]:
            kernel.refuses = REFUSES["compile_removal"]  # or there would be no way to write what is wanted
        applied(store, kernel, wanted, None)
    return in_sync(kernel, wanted) and store.journal.read() is None


@settings(deadline=None)
@given(TROUBLES)
def test_some_verbs_lead_out_of_every_trouble(trouble):
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        state = make.settled(EARLIER, BEFORE) if trouble.earlier else BEFORE
        kernel = Stubborn(state, REFUSES["compile_removal"])
        wanted = befall(trouble, store, kernel)
        kernel.refuses = REFUSES[trouble.refuses]
        if trouble.again:
            killed_while_taking_over(trouble.count, store, kernel, wanted)
        assert got_out(store, kernel, wanted)

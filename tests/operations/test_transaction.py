from __future__ import annotations

import signal

import pytest

from netplan.errors import (
    ExitCode,
    HalfStateError,
    KernelError,
    ObserveError,
    OvertakenError,
    RestoredError,
    UnsteadyError,
)
from netplan.kinds.chain.value import Chain
from netplan.planning.differences import diff_node
from tests import make
from tests.kernels.memory import MemoryKernel

WANTED = make.desired(make.spec(firewall=make.REMOVE))
BEFORE = make.snapshot(make.docker())


class Interrupted(MemoryKernel):
    """A kernel at whose third write a signal arrives."""

    signal_number = signal.SIGINT

    def write(self, step):
        super().write(step)
        if self.writes == 3:
            signal.raise_signal(self.signal_number)


class Terminated(Interrupted):
    signal_number = signal.SIGTERM


class Deaf(MemoryKernel):
    """A kernel that agrees to all and keeps routes as they are."""

    def write(self, step):
        if step.kind != "route":
            super().write(step)


class Broken(MemoryKernel):
    """A kernel that refuses its third write and every one after it."""

    def write(self, step):
        if self.writes >= 2:
            self._fail_at = self.writes + 1
        super().write(step)


class Unreadable(MemoryKernel):
    """A kernel that can't be read any more once it was written."""

    def observe(self, interest):
        if self.writes:
            raise ObserveError("table nat can't be read safely")
        return super().observe(interest)


class Mistaken(MemoryKernel):
    """A kernel whose driver has a mistake."""

    def write(self, step):
        if step.kind == "route" and not self._fail_at:
            self._fail_at = 99
            raise TypeError("a mistake")
        super().write(step)


def test_an_apply_makes_the_node_what_is_wanted():
    kernel = MemoryKernel(BEFORE)
    make.apply_desired(WANTED, kernel)
    assert make.content(kernel.state) == make.content(make.settled(WANTED, BEFORE))


def test_without_changes_nothing_is_written():
    kernel = MemoryKernel(make.settled(WANTED, BEFORE), fail_at=1)
    make.apply_desired(WANTED, kernel)
    assert kernel.writes == 0


def test_a_refused_write_is_undone_and_says_what_was_refused_and_why_it_was_wanted():
    kernel = MemoryKernel(BEFORE, fail_at=4)
    with pytest.raises(RestoredError, match=r"^route 172\.7\.22\.0/24 .* \(subnet of b, s\.yaml:8:3\): the kernel ref"):
        make.apply_desired(WANTED, kernel)
    assert make.content(kernel.state) == make.content(BEFORE)


def test_what_was_refused_for_a_reason_of_the_kernels_is_undone():
    kernel = MemoryKernel(make.snapshot(make.docker(), address="10.4.7.22/24"))
    with pytest.raises(RestoredError, match="the next hop is an address of this node"):
        make.apply_desired(WANTED, kernel)


def test_an_outcome_that_is_not_what_was_written_is_undone():
    kernel = Deaf(BEFORE)
    with pytest.raises(RestoredError, match=r"does not hold what was written:\n  create route 172\.7\.22\.0/24"):
        make.apply_desired(WANTED, kernel)
    assert make.content(kernel.state) == make.content(BEFORE)


@pytest.mark.parametrize("kind", [Interrupted, Terminated])
def test_an_interrupted_apply_is_undone(kind):
    kernel = kind(BEFORE)
    with pytest.raises(RestoredError, match="interrupted"):
        make.apply_desired(WANTED, kernel)
    assert make.content(kernel.state) == make.content(BEFORE)


def test_an_apply_leaves_the_answer_to_signals_as_it_was():
    before = signal.getsignal(signal.SIGTERM)
    make.apply_desired(WANTED, MemoryKernel(BEFORE))
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_mistake_in_a_driver_is_undone_too():
    kernel = Mistaken(BEFORE)
    with pytest.raises(RestoredError):
        make.apply_desired(WANTED, kernel)
    assert make.content(kernel.state) == make.content(BEFORE)


def test_what_could_not_be_undone_is_named():
    kernel = Broken(BEFORE)
    with pytest.raises(
        HalfStateError, match=r"remaining changes:\n(.*\n)*  update sysctl net\.ipv4\.ip_forward = 0"
    ) as caught:
        make.apply_desired(WANTED, kernel)
    assert caught.value.exit_code is ExitCode.HALF_STATE


def test_a_state_that_can_not_be_read_again_is_not_called_restored():
    with pytest.raises(HalfStateError, match="could not be restored: table nat can't be read safely"):
        make.apply_desired(WANTED, Unreadable(BEFORE))


class Stubborn(MemoryKernel):
    """A kernel that refuses routes, and then fails to set a parameter back."""

    failure: Exception

    def write(self, step):
        if step.kind == "route":
            raise KernelError("no")
        if "= 0" in str(step.changes[0].resource):
            raise self.failure
        super().write(step)


@pytest.mark.parametrize("failure", [KernelError("read-only"), ObserveError("sysctl did not end within 120 s")])
def test_the_rest_of_an_undo_is_done_even_where_one_step_of_it_fails(failure):
    kernel = Stubborn(BEFORE)
    kernel.failure = failure
    with pytest.raises(HalfStateError, match=str(failure)):
        make.apply_desired(WANTED, kernel)
    assert kernel.state.chains == BEFORE.chains


class Hung(MemoryKernel):
    """A kernel at whose third write the terminal hangs up and a signal asks podnet to end, both at once."""

    def write(self, step):
        super().write(step)
        if self.writes == 3:
            both = (signal.SIGHUP, signal.SIGTERM)
            signal.pthread_sigmask(signal.SIG_BLOCK, both)
            for number in both:
                signal.raise_signal(number)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, both)


def test_a_second_signal_does_not_stop_the_undoing():
    kernel, before = Hung(BEFORE), signal.getsignal(signal.SIGHUP)
    with pytest.raises(RestoredError, match="interrupted by SIGHUP"):
        make.apply_desired(WANTED, kernel)
    assert (make.content(kernel.state), signal.getsignal(signal.SIGHUP)) == (make.content(BEFORE), before)


class Shared(MemoryKernel):
    """A kernel in whose nat POSTROUTING another program puts a rule on top at some of its readings and writes."""

    busy: frozenset[int] = frozenset()
    turns = 0
    rule = "-s 10.9.9.0/24 -j RETURN"

    def observe(self, interest):
        seen = super().observe(interest)
        self._insert()
        return seen

    def write(self, step):
        super().write(step)
        self._insert()

    def _insert(self):
        self.turns += 1
        if self.turns in self.busy:
            chains = self.state.chains
            changed = Chain(make.POSTROUTING, (make.rule(self.rule), *self.state.rules(make.POSTROUTING)), "ACCEPT")
            self.state = self.state.replace(Chain, [*({**chains, make.POSTROUTING: changed}).values()])


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_rule_that_another_program_puts_before_ours_at_whatever_moment_stops_nothing(turn):
    kernel = Shared(BEFORE)
    kernel.busy = frozenset({turn})
    make.apply_desired(WANTED, kernel)
    assert not [*diff_node(WANTED, kernel.state)]


class Rewriting(Shared):
    """A kernel in which that rule would take the pods' source."""

    rule = "-j MASQUERADE"


def test_an_apply_is_overtaken_by_a_rule_that_comes_to_stand_wrongly_before_ours_and_is_undone():
    kernel = Rewriting(BEFORE)
    kernel.busy = frozenset({4})
    with pytest.raises(OvertakenError, match=r"does not hold what was written:\n  move rule nat POSTROUTING"):
        make.apply_desired(WANTED, kernel)
    assert kernel.state.rules(make.POSTROUTING) == (*BEFORE.rules(make.POSTROUTING), make.rule(Rewriting.rule))
    unlike = [key for key, rules in make.content(kernel.state).items() if rules != make.content(BEFORE).get(key)]
    assert unlike == [str(make.POSTROUTING)]


class Unsteady(MemoryKernel):
    """A kernel that refuses routes and, from then on, changes too fast to be read, some times."""

    times = 3

    def write(self, step):
        if step.kind == "route":
            raise KernelError("no")
        super().write(step)

    def observe(self, interest):
        if self.writes and self.times:
            self.times -= 1
            raise UnsteadyError("the packet filter changes faster than it can be read: try again")
        return super().observe(interest)


def test_a_state_that_changes_too_fast_to_be_read_is_read_again_by_an_undo():
    kernel = Unsteady(BEFORE)
    with pytest.raises(RestoredError, match="no"):
        make.apply_desired(WANTED, kernel)
    assert make.content(kernel.state) == make.content(BEFORE)

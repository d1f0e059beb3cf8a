"""Apply a plan: write it step by step, look at the outcome, and put everything back if a step fails."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn, TypeAlias

from netplan.errors import HalfStateError, KernelError, PodnetError, RestoredError
from netplan.kernel import Kernel
from netplan.resource import Change, Resource
from netplan.restore import restoration
from netplan.snapshot import Interest, Snapshot
from netplan.steps import Step, steps

Handler: TypeAlias = Callable[[int, FrameType | None], NoReturn] | signal.Handlers

_STOPPING: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)

Left = Callable[[Snapshot], Sequence[Change[Resource]]]
"""What is still to be done in a state: nothing, when an apply has succeeded."""


def apply(
    changes: Sequence[Change[Resource]], before: Snapshot, kernel: Kernel, interest: Interest, left: Left
) -> Snapshot:
    """Write the changes, read the kernel again, and give what was read; `before` is its state now.

    RestoredError (4) if a write failed or the outcome is not what was planned, and the state before is back;
    HalfStateError (5) if it could not be brought back wholly. Without changes nothing is written.
    """
    if not changes:
        return before
    attempted: list[Change[Resource]] = []
    try:
        with _signals(_interrupt):
            for step in steps(changes):
                attempted += step.changes
                kernel.write(step)
            after = kernel.observe(interest)
        remaining = left(after)
        if remaining:
            raise KernelError("the kernel does not hold what was written:\n" + _listed(remaining))
    except BaseException as error:
        why = _reason(error)
        with _signals(signal.SIG_IGN):
            _restore(attempted, before, kernel, interest, why)
        raise RestoredError(f"{why}\nNothing is changed: the state before was restored.") from error
    return after


def _reason(error: BaseException) -> str:
    if isinstance(error, PodnetError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted by {error}" if str(error) else "interrupted"
    return f"a mistake in podnet itself: {type(error).__name__}: {error}"


@contextmanager
def _signals(handler: Handler) -> Iterator[None]:
    """Answer hang-up, Ctrl-C and TERM with a handler, but for those that are ignored already (nohup(1))."""
    heard = [number for number in _STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(signal.Signals(number).name)


def _restore(
    changes: Sequence[Change[Resource]], before: Snapshot, kernel: Kernel, interest: Interest, why: str
) -> None:
    """Bring back the state before over what the changes touched; HalfStateError says what is left to do."""
    failures: list[str] = []
    try:
        undo = tuple(restoration(before, kernel.observe(interest), changes))
        for step in steps(undo):
            failures += _attempt(kernel, step)
        remaining = tuple(restoration(before, kernel.observe(interest), changes))
    except Exception as error:
        left = f"what was begun:\n{_listed(changes)}"
        raise HalfStateError(f"{why}\nThe state before could not be restored: {error}\n{left}") from error
    if remaining:
        reasons = "".join(f"\n  {failure}" for failure in failures)
        raise HalfStateError(
            f"{why}\nThe state before is not wholly restored; left to do:\n{_listed(remaining)}{reasons}"
        )


def _attempt(kernel: Kernel, step: Step) -> list[str]:
    """Write one step of an undo; a failure is kept, so that the steps after it are still tried."""
    try:
        kernel.write(step)
    except Exception as error:
        return [str(error)]
    return []


def _listed(changes: Sequence[Change[Resource]]) -> str:
    return "\n".join(f"  {change.action.value} {change.resource.kind} {change.resource}" for change in changes)

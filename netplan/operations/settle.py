"""Settle what an earlier podnet left on this node: an apply that was killed, or the state before a reboot."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.chains import POSTROUTING
from netplan.desired.hooks import Hook, Standing
from netplan.desired.model import Place
from netplan.errors import OvertakenError, RefusedError, UnsteadyError
from netplan.kernel import Kernel
from netplan.kinds.chain.value import FirewallBackend, PlacedRule, is_our_jump
from netplan.kinds.link.value import Link, tunnel_ports
from netplan.kinds.resource import Change, Reason, Resource
from netplan.kinds.snapshot import Interest, Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import counted
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.attempts import LEAST_PATIENCE, Attempts
from netplan.operations.interface_wait import PATIENCE, NotReadyError, await_next_hops
from netplan.operations.transaction import Transaction, restore, run
from netplan.planning import sysctls
from netplan.planning.hooks import all_hooks, rule_changes
from netplan.planning.interest import interest_of
from netplan.planning.underlay import shut_out
from netplan.planning.undo import undo_changes
from netplan.store.decision import ConfirmDecision
from netplan.store.generations import Generation
from netplan.store.journal import JournalEntry, Phase
from netplan.store.lock import alone
from netplan.store.provenance import Provenance, boot_id, local_time, who
from netplan.store.store import Store, pending_error

TURN_SECONDS: Final = 60.0
"""How many seconds one process waits for another one that settles the same journal."""

_VERB: Final = "recover"

OpenKernel = Callable[[FirewallBackend], Kernel]
"""Returns the kernel of this node with the packet filter of a backend."""


class Cause(StrEnum):
    """Why there was something to recover."""

    INTERRUPTED = "interrupted"
    UNCONFIRMED = "unconfirmed"
    VERIFIED = "verified"
    REBOOT = "reboot"


_WORDS: Final = {Cause.INTERRUPTED: "interrupted", Cause.UNCONFIRMED: "not confirmed"}


class Recovery(Struct, frozen=True):
    """Why the node was recovered, where that came from, what was changed, and the node's generation now, if known.

    `late` are the parameters that could not be restored: those of a missing device wait for it, the kernel has not got
    the others.
    """

    cause: Cause
    origin: Provenance
    changes: tuple[Change[Resource], ...] = ()
    generation: int | None = None
    late: tuple[Sysctl, ...] = ()

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        count = counted(len(self.changes), "change")
        match self.cause:
            case Cause.INTERRUPTED | Cause.UNCONFIRMED:
                yield f"{self.origin} was {_WORDS[self.cause]}; the state before it is restored ({count})."
            case Cause.VERIFIED:
                yield f"{self.origin} was done when it was interrupted; it is generation {self.generation}."
            case Cause.REBOOT:
                generation = "" if self.generation is None else f", as generation {self.generation}"
                but = " except for what follows" if self.late else ""
                yield f"The state from before the reboot is restored{but} ({count}){generation}{':' if but else '.'}"
                yield from (f"  {warning}" for warning in sysctls.waiting_warnings(self.late))

    @property
    def whole(self) -> bool:
        """Whether everything was restored, but for what waits for a device."""
        return all(sysctl.device is not None for sysctl in self.late)


def settle(
    store: Store,
    open_kernel: OpenKernel,
    patience: float = PATIENCE,
    *,
    only: str | None = None,
    turn: float = TURN_SECONDS,
) -> Recovery | None:
    """Undo or finish what a journal says, and close it; None if there is none, or not that of the id `only`.

    The caller holds the lock; another process that settles the same journal is waited for, for `turn` seconds.
    HalfStateError (5) if the journal is damaged, or the state before could not be restored completely; PendingError (3)
    if the apply waits for its confirm.
    """
    with alone(store.folder, turn):
        entry = store.journal.read()
        return None if entry is None or only not in {None, entry.id} else _settle(store, entry, open_kernel, patience)


def _settle(store: Store, entry: JournalEntry, open_kernel: OpenKernel, patience: float) -> Recovery:
    if stays(store, entry):
        return Recovery(Cause.VERIFIED, entry.origin, generation=store.finish(entry).number)
    kernel = open_kernel(entry.before.backend)
    if entry.origin.boot_id != boot_id():
        _await_own(kernel, entry, patience)
    cause = Cause.UNCONFIRMED if entry.pending else Cause.INTERRUPTED
    why = f"{entry.origin} was {_WORDS[cause]}"
    changes = restore(entry.touched, entry.before, kernel, interest_of(entry.changes), why)
    store.close()
    return Recovery(cause, entry.origin, changes)


def _await_own(kernel: Kernel, entry: JournalEntry, patience: float) -> None:
    """Wait as `await_next_hops`; NotReadyError (3) also names the command that does not wait."""
    try:
        await_next_hops(kernel, entry.before, entry.origin.address, patience)
    except NotReadyError as error:
        raise NotReadyError(f"{error}; `podnet recover --abandon` leaves the node as it is now") from error


def stays(store: Store, entry: JournalEntry) -> bool:
    """Whether the state of an entry is to stay; PendingError (3) if that is not decided yet."""
    if entry.confirm is None:
        return entry.phase is Phase.VERIFIED
    if store.waits(entry):
        raise pending_error(entry)
    return store.decisions.expire(entry.id) is ConfirmDecision.CONFIRMED


def bring_back(
    store: Store, generation: Generation | None, open_kernel: OpenKernel, patience: float = PATIENCE
) -> Recovery | None:
    """Restore the newest generation after a reboot; None if nothing is missing. The caller holds the lock.

    One of this boot is left as it is, unless it was itself restored after the reboot: that may be incomplete. Beside
    programs that start at the same time it is tried again as by `Attempts`. RefusedError (3) if an interface that its
    routes need is not ready within so many seconds, or a tunnel's port is taken; RestoredError (4) and HalfStateError
    (5) as from `apply`.
    """
    if generation is None or (generation.origin.boot_id == boot_id() and generation.origin.verb != _VERB):
        return None
    kernel = open_kernel(generation.after.backend)
    await_next_hops(kernel, generation.after, generation.origin.address, patience)
    attempts = Attempts(LEAST_PATIENCE)
    while True:
        try:
            return _bring_back(store, generation, kernel)
        except (OvertakenError, UnsteadyError):
            if not attempts.another():
                raise


def _bring_back(store: Store, generation: Generation, kernel: Kernel) -> Recovery | None:
    after = generation.after
    wanted = [*_settings(after), *_rules_taken_away(generation)]
    placed = frozenset(hook.chain for hook in all_hooks(generation.hooks or (), after))
    ports = tunnel_ports(after.all(Link))
    interest = interest_of(wanted) | Interest(frozenset(after.chains) | placed, placed, ports=ports)
    now = kernel.observe(interest)
    late = _late(after, now)
    touched = [change for change in wanted if change.after not in late]

    def left(now: Snapshot) -> tuple[Change[Resource], ...]:
        return tuple(_left(generation, now, touched))

    changes = left(now)
    if not changes and not late:
        return None
    _check_free(changes, now)
    journal = ApplyJournal(
        store,
        _now(generation.origin),
        WantedState(
            [sysctl.name for sysctl in after.all(Sysctl)],
            waiting=late,
            hooks=generation.hooks,
            blocked={route.key for route in generation.blocked},
            traffic=generation.traffic,
        ),
    )
    run(Transaction(changes, now, interest, left), kernel, journal)
    number = journal.finished().number if changes else None
    return Recovery(Cause.REBOOT, generation.origin, changes, number, late)


def _check_free(changes: Collection[Change[Resource]], now: Snapshot) -> None:
    """Raise RefusedError (3) if another program keeps a tunnel of the changes out."""
    listed = "\n".join(f"  {obstacle}" for obstacle in shut_out(changes, now))
    if listed:
        raise RefusedError(f"the state from before the reboot can't be restored, and nothing was changed:\n{listed}")


def _left(generation: Generation, now: Snapshot, touched: Sequence[Change[Resource]]) -> Iterator[Change[Resource]]:
    """Return the changes that restore a generation: rules by its `hooks`, or else by their old neighbours."""
    reason = Reason(f"as in generation {generation.number}, before the reboot")
    hooks = {hook.chain: hook for hook in _hooks(generation, now)}
    for change in undo_changes(generation.after, now, touched, reason):
        if not (isinstance(change.resource, PlacedRule) and change.resource.chain in hooks):
            yield change
    for key, hook in hooks.items():
        own = (hook.standing.rule,) if hook.standing else ()
        yield from rule_changes(hook, now, dict.fromkeys((*own, *now.rules(key)), reason))


def _hooks(generation: Generation, now: Snapshot) -> Iterator[Hook]:
    """Return where a generation wants our jumps; if it does not say, those that stand before any SNAT."""
    if generation.hooks is not None:
        yield from all_hooks(generation.hooks, now)
        return
    removals = [change.resource for change in _rules_taken_away(generation)]
    for key in POSTROUTING.values():
        removed = tuple(placed.rule for placed in removals if placed.chain == key)
        for rule in filter(is_our_jump, generation.after.rules(key)):
            yield Hook(key, Standing(rule, Place.SHIELD, None), removed)


def _rules_taken_away(generation: Generation) -> Iterator[Change[PlacedRule]]:
    """Return those changes of a generation that deleted other programs' rules: and again if they are back."""
    for change in generation.changes:
        before = change.before
        if isinstance(before, PlacedRule) and change.after is None and not before.ours:
            yield Change(before, None, change.reason)


def _late(after: Snapshot, now: Snapshot) -> tuple[Sysctl, ...]:
    """Return the parameters of a generation that a kernel does not have, and that do not come with a link of ours."""
    there = {sysctl.name for sysctl in now.all(Sysctl)}
    own = {link.name for link in after.all(Link) if link.ours}
    return tuple(sysctl for sysctl in after.all(Sysctl) if sysctl.name not in there and sysctl.device not in own)


def _now(origin: Provenance) -> Provenance:
    return replace(origin, verb=_VERB, who=who(), when=local_time(), boot_id=boot_id())


def _settings(after: Snapshot) -> tuple[Change[Resource], ...]:
    """Return the kernel parameters of a generation as changes: it has those that its spec wanted."""
    reason = Reason("routing needs it")
    return tuple(Change(None, sysctl, reason) for sysctl in after.all(Sysctl))

"""Mistakes that the laws of the trace must catch: each makes one function of it forget something."""

from __future__ import annotations
import __future__

import functools
import gc
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any, NamedTuple

from netplan.trace import connection, fib, routing, split, tracer
from netplan.trace.firewall import hooks, matches, sets, walk
from netplan.trace.flow import Holds, Mark


class Mutant(NamedTuple):
    """A function, and what of its text is replaced by what."""

    function: Callable[..., Any]
    old: str
    new: str


OF_SETS = {
    "what a condition does not hold for is lost": Mutant(split.cut, ", outside=(outside,))", ")"),
    "a condition that is not understood never holds": Mutant(split.doubt, "doubtful=", "outside="),
    "what may hold and is followed by what holds is lost": Mutant(
        split.split_by, "(*split.inside, *split.doubtful)", "split.doubtful"
    ),
    "what happens to some replies is said of all": Mutant(
        connection.parts_followed, "(end.sport, end.service) == (sent.sport, sent.service)", "True"
    ),
    "ways with other marks are taken for one": Mutant(walk.merged, "(branch.fate, branch.flow)", "branch.fate"),
}
"""What the laws about sets catch."""

OF_KERNEL = {
    "a negation is forgotten": Mutant(Holds.unless, "Holds(2 - self) if negated else self", "self"),
    "a denied condition is taken as it is": Mutant(split.Split.unless, "self.denied if negated else self", "self"),
    "the mask of a mark is forgotten": Mutant(
        Mark.is_one, "(self.value ^ named.value) & self.known & named.mask or", "(self.value ^ named.value) or"
    ),
    "bits of a mark are not cleared": Mutant(Mark.mixed, "self.value & ~clear ^", "self.value ^"),
    "that a connection is translated is no state": Mutant(
        matches._states, "if flow.dnat is not False and", "if flow.dnat is None and"
    ),
    "what is untracked is translated": Mutant(hooks._translated, "flow.state in NO_CONNECTION or", ""),
    "a mark of table mangle does not route again": Mutant(
        tracer._Family._sent_out, "self.fib.ruled and", "False and self.fib.ruled and"
    ),
    "a rule of policy routing that is negated is not": Mutant(fib.Fib._lookup, "if rule.negated:", "if False:"),
    "a prefix that is too short counts": Mutant(
        fib.Fib._by_table, "rule.suppress is not None and", "rule.suppress is None and"
    ),
    "an exception of a set is a member": Mutant(sets._first_of, ".unless(nomatch)", ""),
    "a policy of a chain is forgotten": Mutant(walk._meets_policy, 'chain.policy != "DROP"', "True"),
    "a goto returns to where it came from": Mutant(
        walk.Walker._jumped, "Fate.RETURNS if placed.rule.goto else Fate.CONTINUES", "Fate.CONTINUES"
    ),
    "a source is believed whatever leads back": Mutant(routing.Router._unanswered, "if device in devices and", "if"),
    "replies are not translated back": Mutant(
        hooks._kept_to, "flow.translation is None", "flow.translation is not None"
    ),
    "replies open a connection": Mutant(tracer._tracked, "if flow.translation is None", "if True"),
    "replies of the node are routed by the first packet's mark": Mutant(
        connection._back, "mark=Mark.of(0)", "mark=first.mark"
    ),
}
"""What only the kernel tells."""


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """Have a mistake during a block."""
    function = mutant.function
    assert isinstance(function, FunctionType)
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(mutant.old) == 1, f"{function.__qualname__} has no {mutant.old!r}"
    flags = __future__.annotations.compiler_flag
    code: dict[str, FunctionType] = {}
    exec(compile(source.replace(mutant.old, mutant.new), "<mutant>", "exec", flags), function.__globals__, code)
    right = function.__code__
    function.__code__ = code[function.__name__].__code__
    _forget()
    try:
        yield
    finally:
        function.__code__ = right
        _forget()


def _forget() -> None:
    """Empty the caches of functions, in which rules may be that the other code has compiled."""
    for thing in gc.get_objects():
        if isinstance(thing, functools._lru_cache_wrapper) and (thing.__module__ or "").startswith("netplan.trace"):
            thing.cache_clear()

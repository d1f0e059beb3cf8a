"""Whatever podnet did to a node's sysctls in one boot: when it leaves, they are as it found them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.desired.compile import compile_removal
from netplan.errors import RestoredError
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.store.store import Store
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.runs import examples

VALUES = {
    "net.ipv4.conf.all.rp_filter": "012",
    "net.ipv4.conf.eth0.forwarding": "01",
    "net.ipv4.conf.all.accept_redirects": "01",
}
FOUND = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})
WANTED = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()})
APPLIES = st.lists(st.tuples(WANTED, st.sampled_from((False, False, True))), max_size=6)


def applied_desired(wanted, kernel, store):
    """Apply what is wanted, as a verb does."""
    remembered = replace(wanted, overwritten=store.overwritten.read())
    journal = ApplyJournal(store, make.origin(), WantedState(remembered.sysctls))
    make.apply_desired(remembered, kernel, journal)
    if store.journal.read() is not None:
        journal.finished()


@examples(40)
@given(FOUND, st.sampled_from("01"), APPLIES)
def test_after_any_applies_done_or_failed_a_remove_leaves_sysctls_as_they_were(values, forwarding, applies):
    before = make.snapshot("", *(Sysctl(*pair) for pair in values.items()), ip_forward=forwarding)
    state = before
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for wanted, fails in applies:
            kernel = MemoryKernel(state, fail_at=1 if fails else 0)
            try:
                applied_desired(make.desired(make.spec(sysctl=str(wanted))), kernel, store)
            except RestoredError:
                assert fails
            state = kernel.state
        spec, kernel = make.spec(), MemoryKernel(state)
        applied_desired(compile_removal(spec, spec.topology.by_name["a"]), kernel, store)
    assert {*kernel.state.all(Sysctl)} == {*before.all(Sysctl)}

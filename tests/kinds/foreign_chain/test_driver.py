"""Rules of the other backend of iptables are seen beside those of this node's."""

from __future__ import annotations

from tests.kinds.chain.test_driver import BACKENDS, probe


@BACKENDS
def test_rules_of_the_other_backend_are_seen_beside(backend, tmp_path):
    lines = probe(backend, tmp_path / "lock", "beside")["beside"]
    assert any(line.startswith(f"ip6tables-{backend} nat POSTROUTING, 1 rule") for line in lines)
    assert any(line.startswith(f"ip6tables-{backend} nat PODNET-POSTROUTING") for line in lines)

"""Whether the kernel has anything of IPsec."""

from __future__ import annotations

import subprocess
from typing import Final

from netplan.system.netlink.ipsec import has_ipsec
from tests.kinds.chain.scratch import call

_POLICY: Final = "src 10.9.0.0/16 dst 10.8.0.0/16 dir out tmpl src 10.9.0.1 dst 10.8.0.1 proto esp mode tunnel"


def _with_policy() -> tuple[bool, bool | None]:
    """Make a policy, and say whether the kernel has it, and what is known then."""
    done = subprocess.run(["ip", "xfrm", "policy", "add", *_POLICY.split()], check=False, capture_output=True)
    return done.returncode == 0, has_ipsec()


def test_a_new_namespace_has_nothing_of_ipsec(tmp_path):
    assert call(tmp_path / "lock", has_ipsec) is False


def test_a_policy_is_something_of_ipsec_where_the_kernel_has_them(tmp_path):
    accepted, known = call(tmp_path / "lock", _with_policy)
    assert known is accepted

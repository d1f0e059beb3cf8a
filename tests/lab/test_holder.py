"""Whether this user and this kernel allow a lab, shown in user namespaces that allow less."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from netplan.errors import ExitCode

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
UP = """
import sys
from netplan.errors import PodnetError
from netplan.lab import Lab
from tests.lab.topologies import node, topology
try:
    Lab.up(topology(node())).down()
except PodnetError as error:
    print(error)
    sys.exit(error.exit_code)
"""
WITHOUT_CAP_SYS_ADMIN = "exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin"


def up_where(preparation: str) -> subprocess.CompletedProcess[str]:
    """Run `up`, as root of a user namespace, after the commands of a shell."""
    script = f'{preparation} "$@"'
    argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh", sys.executable, "-c", UP]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


def test_root_of_a_user_namespace_needs_no_other():
    assert up_where("echo 0 > /proc/sys/user/max_user_namespaces\n").returncode == 0


def test_root_that_may_not_administer_uses_a_user_namespace():
    assert up_where(WITHOUT_CAP_SYS_ADMIN).returncode == 0


def test_forbidden_user_namespaces_are_named_with_the_setting_that_allows_them():
    done = up_where(f"echo 0 > /proc/sys/user/max_user_namespaces\n{WITHOUT_CAP_SYS_ADMIN}")
    assert "allow it with sysctl -w user.max_user_namespaces=10000" in done.stdout


def test_forbidden_user_namespaces_are_a_refusal():
    done = up_where(f"echo 0 > /proc/sys/user/max_user_namespaces\n{WITHOUT_CAP_SYS_ADMIN}")
    assert done.returncode == ExitCode.REFUSED


def test_missing_program_is_named_with_its_package():
    done = up_where('mount --bind /dev/null "$(command -v setsid)"\n')
    assert done.stdout == "setsid not found: apt-get install util-linux\n"

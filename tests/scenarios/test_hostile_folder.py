"""Root may stand in any folder: what lies there is neither imported nor run, by podnet or by what it starts."""

from __future__ import annotations

import shlex
import sys

import pytest

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)


@pytest.mark.parametrize("path", ["unset PATH", "PATH=", "PATH=.:"])
def test_an_apply_and_its_guard_run_nothing_of_the_current_folder(node, tmp_path, path):
    before = node.state()
    for name in ("hashlib.py", "netplan.py", "iptables", "iptables-nft"):
        (tmp_path / name).write_text(f"#!{sys.executable}\nopen({str(tmp_path / 'was-here')!r}, 'w')\n")
        (tmp_path / name).chmod(0o755)
    podnet = shlex.join([sys.executable, "-P", "-m", "netplan", "apply", str(node.spec), "--yes", "--confirm-within=1"])
    script = f"cd {tmp_path}; {path}; exec {podnet}"
    done = node.lab.run(node.name, ["sh", "-c", script], check=False)
    assert (done.returncode, (tmp_path / "was-here").exists(), node.state()) == (4, False, before), done.stderr

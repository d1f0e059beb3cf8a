"""The contracts of imports bite: what each of them forbids is planted in a copy, and import-linter refuses it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")
DOWNWARDS = "Rooms import downwards only, and every module has its room"
PURE = "What is pure opens no socket, runs no program and touches no file of podnet's"
AT_HOME = "pydantic and YAML stay in the spec, typer and rich in the command line"
LAB = "The lab alone has pyroute2, in a process of its own"
SIBLINGS = "Modules and packages that stand side by side do not import each other in a circle"
KINDS = "The order within kinds: what uses every kind, the kinds, and what every kind uses"

PLANTED = {
    "a module without a room": ("netplan/loose.py", "", DOWNWARDS),
    "a package without a room": ("netplan/loose/__init__.py", "", DOWNWARDS),
    "an import upwards": ("netplan/kinds/route/value.py", "import netplan.planning.plan", DOWNWARDS),
    "an import of a room beside": ("netplan/planning/plan.py", "import netplan.store.journal", DOWNWARDS),
    "a program run by a value": ("netplan/kinds/route/value.py", "import subprocess", PURE),
    "a socket opened by a codec": ("netplan/kinds/route/codec.py", "import netplan.system.netlink.channel", PURE),
    "a driver behind a plan": ("netplan/planning/diff.py", "import netplan.kinds.route.driver", PURE),
    "pydantic outside of the spec": ("netplan/desired/model.py", "import pydantic", AT_HOME),
    "YAML read beside its reader": ("netplan/spec/model.py", "import yaml", AT_HOME),
    "a use case that prints": ("netplan/operations/apply.py", "import rich", AT_HOME),
    "pyroute2 outside of the lab": ("netplan/system/netlink/channel.py", "import pyroute2", LAB),
    "two modules that import each other": ("netplan/trace/fib.py", "import netplan.trace.routing", SIBLINGS),
    "a driver that imports a kind above it": (
        "netplan/kinds/link/driver.py",
        "import netplan.kinds.route.driver",
        KINDS,
    ),
    "a kind without a place in the order": ("netplan/kinds/loose/__init__.py", "", KINDS),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def copy(tmp_path):
    """A copy of the package beside the contracts; files keep their times, so that what was read of one is known."""
    shutil.copytree(ROOT / "netplan", tmp_path / "netplan", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def broken(folder, cache):
    """Return the names of the contracts that a folder breaks."""
    command = [LINTER, "--cache-dir", cache]
    env = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    lines = " ".join(done.stdout.split())
    names = (DOWNWARDS, PURE, AT_HOME, LAB, SIBLINGS, KINDS)
    assert all(f"{name} KEPT" in lines or f"{name} BROKEN" in lines for name in names), done.stdout + done.stderr
    return {name for name in names if f"{name} BROKEN" in lines}


def test_the_package_keeps_every_contract(copy, cache):
    assert broken(copy, cache) == set()


@pytest.mark.parametrize(("path", "line", "contract"), PLANTED.values(), ids=PLANTED)
def test_a_contract_refuses_what_it_forbids(copy, cache, path, line, contract):
    planted = copy / path
    planted.parent.mkdir(exist_ok=True)
    text = planted.read_text() if planted.exists() else ""
    planted.write_text(f"{text}\n{line}\n")
    assert contract in broken(copy, cache)

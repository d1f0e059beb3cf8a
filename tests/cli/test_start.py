"""What is said, and with which exit code, where no stream is open, or no reader waits for the answer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from netplan.cli import start
from tests.loaded import telling

pytestmark = pytest.mark.slow

FULL = "standard output can't be written: No space left on device"
CLOSED = "standard output is closed: send it to /dev/null if it is not to be read"
VERBS = ["--help", "--version", "plan --help", "plan specs/hdss7.yaml", "schema"]

INTERRUPTING = """
import signal, sys
module = sys.argv.pop(1)
class Interrupting:
    def find_spec(self, name, *_):
        if name == module:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
from netplan.cli.start import main
main()
"""

TORN_DOWN = """
import signal, sys
class Torn:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
from netplan.cli import main as command, start
start._SOON = float(sys.argv.pop())
def run():
    torn = Torn()
    del torn
    while True:
        pass
command.main = run
start.main()
"""


def shell(words, redirected):
    """Run podnet from a shell, with its streams redirected."""
    script = f"exec {sys.executable} -m netplan {words} {redirected}"
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)


def said(words, redirected):
    done = shell(words, redirected)
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", VERBS)
def test_output_that_can_not_be_written_exits_2_and_says_why(words):
    assert said(words, "> /dev/full") == (2, f"podnet: {FULL}\n")


@pytest.mark.parametrize("words", VERBS)
def test_output_that_is_closed_exits_2_and_says_so(words):
    assert said(words, ">&-") == (2, f"podnet: {CLOSED}\n")


@pytest.mark.parametrize("redirected", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize(("words", "code"), [("plan specs/hdss7.yaml", 0), ("plan no.yaml", 2)])
def test_messages_that_reach_no_reader_change_no_exit_code(words, code, redirected):
    assert shell(words, redirected).returncode == code


def test_closed_input_is_one_without_a_line():
    assert said("validate specs/hdss7.yaml", "<&-") == (0, "")


def test_help_whose_reader_leaves_early_is_no_difference():
    script = f"{sys.executable} -m netplan --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "module", ["typer", "netplan.cli.main", "netplan.cli.commands.plan", "pydantic", "netplan.trace"]
)
def test_interrupt_while_a_module_is_loaded_is_told_in_one_line(module):
    argv = [sys.executable, "-c", INTERRUPTING, module, "plan", "specs/hdss7.yaml"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "podnet: interrupted\n")


@pytest.mark.parametrize("soon", [start._SOON, 1e-6], ids=["later", "before the last is dealt with"])
def test_interrupt_while_an_object_is_torn_down_is_not_lost(soon):
    argv = [sys.executable, "-c", TORN_DOWN, str(soon)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (130, "podnet: interrupted\n")


APPLYING = (
    "deepdiff",
    "iptc",
    "netplan.operations.transaction",
    "netplan.store.journal",
    "netplan.operations.checks",
    "netplan.cli.ask",
    "netplan.operations.request",
)


def test_a_drift_that_only_looks_loads_nothing_of_what_applies():
    command = "import sys, netplan.cli.commands.drift; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert set(APPLYING).isdisjoint(done.stdout.split())


@pytest.mark.parametrize("words", ["validate specs/hdss7.yaml", "plan specs/hdss7.yaml", "lab --help"])
def test_a_verb_that_makes_no_lab_does_not_load_pyroute2(words):
    done = subprocess.run(telling(*words.split()), capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "False"


def test_the_process_that_makes_a_lab_loads_pyroute2():
    done = subprocess.run(telling("internal", "assemble"), input="[]", capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "True"


def test_remove_says_how_a_node_is_cleaned_that_has_left_the_spec():
    _, stderr = said("remove specs/hdss7.yaml --node gone --yes", "")
    assert "there is no node gone; " in stderr
    assert "is cleaned up with a version that still has it: git log -p specs/hdss7.yaml shows it" in stderr


LEAVING_TEXT = "from netplan.cli import main as command, start; command.main = lambda: print('last') or 0; start.main()"


def test_what_was_written_last_is_not_lost_as_the_process_ends():
    done = subprocess.run([sys.executable, "-c", LEAVING_TEXT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "last\n", "")


def test_what_can_not_be_written_at_the_end_is_no_success():
    script = f'exec {sys.executable} -c "$0" > /dev/full'
    done = subprocess.run(["sh", "-c", script, LEAVING_TEXT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "")


def test_pydantic_looks_for_no_plugins():
    command = (
        "import atexit, sys; sys.argv[1:] = ['validate', 'specs/hdss7.yaml']; from netplan.cli.start import main; "
        "atexit.register(lambda: print(sys.modules['pydantic.plugin._loader']._plugins, file=sys.stderr)); main()"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == "None\n"

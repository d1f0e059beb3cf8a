"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path

import pytest

from netplan.cli.options import check_var_dir
from netplan.errors import UsageError


@pytest.mark.parametrize(("folder", "live"), [(None, False), (None, True), (Path("/var/lib/podnet"), True)])
def test_a_folder_of_podnet_s_goes_with_the_node_itself(folder, live):
    check_var_dir(folder, live=live)


def test_a_folder_of_podnet_s_beside_a_record_is_a_mistake():
    with pytest.raises(UsageError, match=r"^--var-dir goes with --live: only the node itself remembers$"):
        check_var_dir(Path("/var/lib/podnet"), live=False)

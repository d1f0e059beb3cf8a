"""What `podnet apply` takes its file for, before it asks anything of a kernel."""

from __future__ import annotations

NO_PLAN = "invalid JSON, and so not a plan that podnet saved"


def test_a_saved_plan_that_is_cut_off_is_no_bad_spec(podnet, tmp_path):
    (tmp_path / "plan.json").write_text('{\n "cluster": "c",\n "nod')
    code, out, err = podnet("apply", str(tmp_path / "plan.json"), "--yes")
    assert (code, out, err) == (
        2,
        "",
        f"podnet: {tmp_path}/plan.json:3:2: {NO_PLAN}: Unterminated string starting at; the file ends too early\n",
    )

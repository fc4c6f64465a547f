"""The way back beside every export is a patch that `patch` takes, whatever the line ends."""

from __future__ import annotations

import subprocess

import pytest

from tests.needs import need_program
from tests.twin import hand
from workbench.tuning.export import _unified, export
from workbench.tuning.search import chosen

INSTALL = "apt-get install patch"


@pytest.fixture(scope="module")
def made():
    return chosen(hand.twin(duration_s=20), {"orders/workers": 12, "orders/calls.payments.timeout_s": 0.7})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\nb\nc\n", "a\nB\nc\n"),
        ("a\r\nb\r\n", "a\r\nB\r\n"),
        ("a\nb", "a\nB"),
        ("a\n", "a\nb"),
        ("a\u2028b\n", "x\n"),
    ],
)
def test_the_diff_and_the_rollback_are_patches_that_a_real_patch_takes(before, after, tmp_path):
    program = need_program("patch", INSTALL)
    (tmp_path / "f.yaml").write_bytes(before.encode())
    for old, new in ((before, after), (after, before)):
        difference_ = _unified(old, new, "f.yaml").encode()
        done = subprocess.run(
            [program, "--binary", "-p1", "-d", str(tmp_path)],
            input=difference_,
            capture_output=True,
            timeout=20,
        )
        assert done.returncode == 0, done.stdout
        assert (tmp_path / "f.yaml").read_bytes() == new.encode()


@pytest.mark.parametrize("name", ["lab_yaml", "istio"])
def test_the_rollback_patch_leads_from_the_exported_file_to_the_one_before(name, made, tmp_path):
    program = need_program("patch", INSTALL)
    written = {path.name: path for path in export(made, name, tmp_path)}
    backs = {n.removesuffix(".rollback.diff"): p for n, p in written.items() if n.endswith(".rollback.diff")}
    assert backs
    for file, back in backs.items():
        path, before = written[file], written[f"{file}.rollback"].read_bytes()
        done = subprocess.run([program, "--binary", str(path), str(back)], capture_output=True, timeout=20)
        assert done.returncode == 0, done.stdout
        assert path.read_bytes() == before

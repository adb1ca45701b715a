# SPDX-License-Identifier: Apache-2.0
"""The layer check is itself tested: an include that points up, and one of a private header, must fail it."""
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECK = ROOT / "tools/check_layers.py"


def check(root):
    return subprocess.run([sys.executable, str(CHECK), str(root)], capture_output=True, text=True)


def fake_tree(tmp_path, files):
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/layers.txt", tmp_path / "tools/layers.txt")
    for name, text in files.items():
        path = tmp_path / "superpose" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_project_itself_passes():
    result = check(ROOT)
    assert result.returncode == 0, result.stdout


def test_an_upward_include_fails_and_is_named(tmp_path):
    root = fake_tree(tmp_path, {"kernels/a.cc": '// x\n#include "superpose/toy/toy.h"\n'})
    result = check(root)
    assert result.returncode == 1
    assert "superpose/kernels/a.cc:2: kernels may not include toy" in result.stdout


def test_a_sideways_include_fails(tmp_path):
    root = fake_tree(tmp_path, {"fit/a.h": '#include "superpose/store/store.h"\n'})
    assert check(root).returncode == 1


def test_a_private_header_of_an_allowed_folder_fails(tmp_path):
    root = fake_tree(tmp_path, {"toy/a.cc": '#include "superpose/kernels/secret.h"\n'})
    result = check(root)
    assert result.returncode == 1
    assert "private to kernels" in result.stdout


def test_allowed_includes_pass(tmp_path):
    root = fake_tree(tmp_path, {"toy/a.cc": '#include "superpose/kernels/kernels.h"\n#include "superpose/base/error.h"\n'
                                            '#include "superpose/toy/private.h"\n#include <vector>\n'})
    assert check(root).returncode == 0


def test_an_unknown_folder_fails(tmp_path):
    root = fake_tree(tmp_path, {"helpers/a.cc": "\n"})
    assert "not in tools/layers.txt" in check(root).stdout

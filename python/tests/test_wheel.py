# SPDX-License-Identifier: Apache-2.0
"""The wheel of ./run python, given as SUPERPOSE_WHEEL: is it self-contained, what do pip and Python see?"""
import base64
import csv
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKER = ROOT / "python/wheel.py"

if not os.environ.get("SUPERPOSE_WHEEL"):
    pytest.skip("SUPERPOSE_WHEEL is not set: ./run python makes the wheel and sets it",
                allow_module_level=True)
WHEEL = Path(os.environ["SUPERPOSE_WHEEL"])
SMALL = "superpose.libs/libsmall-01234567.so.1"


def check(wheel):
    done = subprocess.run([sys.executable, MAKER, "--check", wheel], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def pack(folder, wheel):
    """With a RECORD that is right, so that only what was doctored is wrong."""
    record = next(folder.glob("*.dist-info/RECORD"))
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != record)
    rows = []
    for file in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
        rows.append(f"{file.relative_to(folder)},sha256={digest},{file.stat().st_size}\n")
    record.write_text("".join(rows) + f"{record.relative_to(folder)},,\n")
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in [*files, record]:
            archive.write(file, file.relative_to(folder))
    return wheel


@pytest.fixture
def tree(tmp_path):
    """A small wheel's files, to be doctored: the module is one that needs libsmall, which is bundled."""
    folder = tmp_path / "tree"
    with zipfile.ZipFile(WHEEL) as archive:
        module = next(name for name in archive.namelist() if name.startswith("superpose/_native."))
        libraries = [name for name in archive.namelist() if name.startswith("superpose.libs/libz-")]
        if not libraries:
            pytest.skip("the module needs no library but the system's")
        for name in (module, SMALL):
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_bytes(archive.read(libraries[0]))
        archive.extract("superpose/__init__.py", folder)
        archive.extract(archive.namelist()[-1], folder)  # RECORD
    patch("--add-needed", Path(SMALL).name, folder / module)
    patch("--set-rpath", "$ORIGIN/../superpose.libs", folder / module)
    return folder


def module_of(tree):
    return next((tree / "superpose").glob("_native.*.so"))


def patch(*arguments):
    subprocess.run(["patchelf", *map(str, arguments)], check=True)


def test_the_check_accepts_it():
    assert check(WHEEL) == (0, "")


def test_the_check_refuses_a_library_from_elsewhere(tree, tmp_path):
    assert check(pack(tree, tmp_path / WHEEL.name)) == (0, "")  # nothing is wrong with it so far
    patch("--add-needed", "libforeign.so.9", module_of(tree))
    code, text = check(pack(tree, tmp_path / WHEEL.name))
    assert code == 1 and "_native" in text and "needs libforeign.so.9" in text


def test_the_check_refuses_a_library_that_was_left_out(tree, tmp_path):
    (tree / SMALL).unlink()
    code, text = check(pack(tree, tmp_path / WHEEL.name))
    assert code == 1 and f"needs {Path(SMALL).name}" in text


@pytest.mark.parametrize("path", ["/opt/foreign/lib", "$ORIGIN/../../..", "lib"])
def test_the_check_refuses_to_look_outside(tree, tmp_path, path):
    patch("--set-rpath", path, module_of(tree))
    code, text = check(pack(tree, tmp_path / WHEEL.name))
    assert code == 1 and f"outside the wheel, in {path}" in text


def test_the_check_refuses_a_tag_that_promises_too_much(tmp_path):
    older = re.sub(r"manylinux_2_\d+", "manylinux_2_17", WHEEL.name)
    shutil.copyfile(WHEEL, tmp_path / older)
    code, text = check(tmp_path / older)
    assert code == 1 and "newer than the tag's 2.17" in text


def test_the_check_refuses_another_python(tmp_path):
    other = re.sub(r"-cp\d+-cp\d+-", "-cp399-cp399-", WHEEL.name)
    shutil.copyfile(WHEEL, tmp_path / other)
    code, text = check(tmp_path / other)
    assert code == 1 and "no extension module of CPython 399" in text


def test_the_check_sees_a_changed_file(tree, tmp_path):
    pack(tree, tmp_path / WHEEL.name)
    (tree / "superpose/__init__.py").write_text("import os\n")
    with zipfile.ZipFile(tmp_path / WHEEL.name, "w") as archive:
        for file in tree.rglob("*"):
            if file.is_file():
                archive.write(file, file.relative_to(tree))
    code, text = check(tmp_path / WHEEL.name)
    assert code == 1 and "superpose/__init__.py is not as recorded" in text


def test_record_holds_the_hash_of_every_file():
    with zipfile.ZipFile(WHEEL) as archive:
        names = archive.namelist()
        assert names[-1].endswith(".dist-info/RECORD") and len(names) == len(set(names))
        rows = list(csv.reader(archive.read(names[-1]).decode().splitlines()))
        assert sorted(row[0] for row in rows) == sorted(names)
        for name, digest, size in rows[:-1]:
            data = archive.read(name)
            assert int(size) == len(data)
            assert base64.urlsafe_b64decode(digest[len("sha256="):] + "==") == hashlib.sha256(data).digest()


def test_the_same_build_gives_the_same_bytes(tmp_path):
    build = os.environ.get("SUPERPOSE_BUILD")
    if not build:
        pytest.skip("SUPERPOSE_BUILD is not set: the CMake build that the wheel was made of")
    again = subprocess.run([sys.executable, MAKER, "--build", build, "--out", tmp_path], check=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout.strip()
    assert Path(again).name == WHEEL.name
    assert Path(again).read_bytes() == WHEEL.read_bytes()


def test_what_is_in_it():
    with zipfile.ZipFile(WHEEL) as archive:
        names = archive.namelist()
        sources = {path.name for path in (ROOT / "python/superpose").iterdir() if path.is_file()}
        assert "py.typed" in sources and {f"superpose/{name}" for name in sources} <= set(names)
        assert not [name for name in names if "__pycache__" in name or "/tests/" in name]
        bundled = [name for name in names if name.startswith("superpose.libs/")]
        # A name with a hash is no other package's library, and every one came with its licence.
        assert all(re.fullmatch(r"superpose\.libs/[\w.+-]+-[0-9a-f]{8}\.so[.\d]*", name) for name in bundled)
        licences = [name for name in names if ".dist-info/licenses/" in name]
        assert any(name.endswith("/LICENSE") for name in licences)
        if bundled and Path("/usr/share/doc/libc6/copyright").exists():
            assert any(name.endswith("/libopenblas0-pthread.txt") or "openblas" in name for name in licences)


def test_pip_and_importlib_see_it():
    import superpose

    assert Path(superpose.__file__).is_relative_to(sys.prefix)  # the installed package, not the source folder
    version = re.search(r"project\(superpose VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    about = importlib.metadata.metadata("superpose")
    assert about["Version"] == superpose.__version__ == version
    assert about["License"] == "Apache-2.0" and about["Requires-Python"] == ">=3.9"
    assert "numpy>=1.22" in about.get_all("Requires-Dist")
    assert set(about.get_all("Provides-Extra")) == {"plot", "frames", "notebooks"}
    assert "# superpose" in about.get_payload()
    shown = subprocess.run([sys.executable, "-m", "pip", "show", "--files", "superpose"], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    assert f"Version: {version}" in shown and "superpose/py.typed" in shown
    assert (Path(sys.prefix) / "bin/superpose").exists()


def test_it_loads_only_its_own_libraries_in_an_empty_environment():
    program = ("import superpose._native\n"
               "print(*{line.split()[-1] for line in open('/proc/self/maps') if '.so' in line}, sep='\\n')")
    done = subprocess.run([sys.executable, "-c", program], env={}, cwd="/", check=True,
                          stdout=subprocess.PIPE, text=True)
    loaded = done.stdout.splitlines()
    with zipfile.ZipFile(WHEEL) as archive:
        bundled = {Path(name).name for name in archive.namelist() if name.startswith("superpose.libs/")}
    ours = {Path(name).name for name in loaded if "/superpose.libs/" in name}
    assert ours == bundled
    # All that is bundled is needed. Beside it: the system's, Python's own, and those of Python's modules.
    foreign = [name for name in loaded if name.startswith("/") and sys.prefix not in name]
    assert not [name for name in foreign if re.search(r"/lib(curl|cairo|yaml-cpp|fmt|hwy)\b", name)]

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a self-contained wheel of the CMake install tree, without an index, and checks one.

    wheel.py [--build build/release] [--out build/wheel]    prints the wheel's path
    wheel.py --check WHEEL                                  says what in it would not load elsewhere

Every shared library that the module needs, except those that a manylinux system has, is copied into
superpose.libs/ under a name with a hash of its contents, so that no other package's copy is taken for it.
Metadata are pyproject.toml's.
"""
from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = "superpose.libs"
# The C library and the compiler's run-time, which every system of the tag has (PEP 600). All else is bundled.
SYSTEM = re.compile(
    r"(lib(c|m|pthread|dl|rt|util|resolv)|ld-linux[-\w]*|ld64|libgcc_s|libstdc\+\+)\.so\.\d+"
    r"|linux-vdso\.so\.1")

# GLIBCXX_3.4.N of libstdc++ -> the C library of the first systems that had it; older ones count as 2.34's.
LIBSTDCXX = {30: (2, 35), 31: (2, 38), 32: (2, 38), 33: (2, 39), 34: (2, 41)}

# Compiled in: their licences come along.
HEADERS = ("libcli11-dev", "libeigen3-dev", "nlohmann-json3-dev", "pybind11-dev")


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env={**os.environ, "LC_ALL": "C"})
    if done.returncode != 0:
        sys.exit(f"wheel.py: {' '.join(map(str, command))}\n{done.stderr.strip()}")
    return done.stdout


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


@dataclass
class Elf:
    """What the loader reads in a shared object."""
    needed: list[str]
    runpath: list[str]
    glibc: tuple[int, int]  # the C library of the oldest systems that have all the symbols it takes from them
    private: bool           # takes symbols that only the very same C library has


def read_elf(path: Path) -> Elf:
    text = run("objdump", "-p", path)
    versions = [(int(major), int(minor)) for major, minor in re.findall(r"\bGLIBC_(\d+)\.(\d+)", text)]
    minors = [int(minor) for minor in re.findall(r"\bGLIBCXX_3\.4\.(\d+)", text)]
    versions += [LIBSTDCXX.get(n, max(LIBSTDCXX.values()) if n > max(LIBSTDCXX) else (2, 34)) for n in minors]
    versions += [(2, 36)] * ("GLIBC_ABI_DT_RELR" in text)
    runpath = re.findall(r"^ +(?:RUNPATH|RPATH) +(.*)$", text, re.M)
    return Elf(needed=re.findall(r"^ +NEEDED +(.*)$", text, re.M),
               runpath=[entry for line in runpath for entry in line.split(":")],
               glibc=max(versions, default=(2, 0)), private="GLIBC_PRIVATE" in text)


# ---- libraries

def libraries_of(module: Path) -> dict[str, Path]:
    """Name -> file of every library that the loader finds for `module`, recursively, without the system's."""
    found = {}
    for line in run("ldd", module).splitlines():
        name, arrow, rest = line.strip().partition(" => ")
        if not arrow or SYSTEM.fullmatch(name):
            continue
        if rest.startswith("not found"):
            sys.exit(f"wheel.py: {module} needs {name}, which is not on this machine")
        found[name] = Path(rest.rpartition(" (")[0]).resolve()
    return found


def bundled_name(name: str, file: Path) -> str:
    stem, _, version = name.partition(".so")
    return f"{stem}-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}.so{version}"


def bundle(modules: list[Path], folder: Path) -> dict[str, Path]:
    """Copies what `modules` need into `folder` and lets them find it there. Returns name there -> source."""
    found: dict[str, Path] = {}
    for module in modules:
        found.update(libraries_of(module))
    renamed = {name: bundled_name(name, file) for name, file in found.items()}
    folder.mkdir()
    for name, file in sorted(found.items()):
        copy = folder / renamed[name]
        shutil.copyfile(file, copy)
        run("patchelf", "--set-soname", renamed[name], copy)
        point(copy, renamed, "$ORIGIN")
        copy.chmod(0o755)
    for module in modules:
        point(module, renamed, "$ORIGIN/" + os.path.relpath(folder, module.parent))
    return {renamed[name]: file for name, file in found.items()}


def point(file: Path, renamed: dict[str, str], runpath: str) -> None:
    """One kind of change a call: patchelf 0.14 mixes up the strings when names and path change in one."""
    replace = [word for name in read_elf(file).needed if name in renamed
               for word in ("--replace-needed", name, renamed[name])]
    if replace:
        run("patchelf", *replace, file)
    run("patchelf", "--set-rpath", runpath, file)


def packages_of(files: list[Path]) -> dict[Path, str]:
    """The Debian package of each file that is of one. dpkg knows some files of /usr/lib as /lib's."""
    if not shutil.which("dpkg"):
        return {}
    names = [name for file in files for name in (str(file), str(file).removeprefix("/usr"))]
    done = subprocess.run(["dpkg", "-S", *names], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, env={**os.environ, "LC_ALL": "C"})
    owners = {name: owner for owner, name in re.findall(r"^([^:,\s]+)[^\n]*?: (/.*)$", done.stdout, re.M)}
    found = {file: owners.get(str(file)) or owners.get(str(file).removeprefix("/usr")) for file in files}
    return {file: owner for file, owner in found.items() if owner}


def copy_licences(sources: dict[str, Path], folder: Path) -> list[str]:
    """The licence of every bundled library, as Debian has it, and the common ones that those refer to.
    Returns what has none."""
    folder.mkdir(parents=True)
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    packages = packages_of(list(sources.values()))
    without = sorted(name for name, file in sources.items() if file not in packages)
    common = set()
    for package in sorted({*packages.values(), *HEADERS}):
        text = Path("/usr/share/doc") / package / "copyright"
        if text.is_file():
            shutil.copyfile(text, folder / f"{package}.txt")
            common |= set(re.findall(r"/usr/share/common-licenses/([\w-]+(?:\.\d+)*)", text.read_text()))
        else:
            without.append(package)
    for name in sorted(common):
        text = Path("/usr/share/common-licenses") / name
        if text.is_file():
            shutil.copyfile(text, folder / f"common-{name}.txt")
    return without


# ---- metadata

def version(project: dict[str, Any]) -> str:
    rule = project["tool"]["scikit-build"]["metadata"]["version"]
    match = re.search(rule["regex"], (ROOT / rule["input"]).read_text())
    if not match:
        sys.exit(f"wheel.py: no version in {rule['input']}")
    return str(match["value"])


def metadata(project: dict[str, Any], licences: list[str]) -> str:
    about: dict[str, Any] = project["project"]
    lines = ["Metadata-Version: 2.1", f"Name: {about['name']}", f"Version: {version(project)}",
             f"Summary: {about['description']}", f"Keywords: {','.join(about['keywords'])}",
             f"License: {about['license']['text']}"]
    lines += [f"License-File: {name}" for name in licences]
    lines += [f"Classifier: {text}" for text in about["classifiers"]]
    lines += [f"Requires-Python: {about['requires-python']}"]
    lines += [f"Requires-Dist: {text}" for text in about["dependencies"]]
    for extra, packages in about["optional-dependencies"].items():
        lines += [f"Provides-Extra: {extra}"]
        lines += [f'Requires-Dist: {text}; extra == "{extra}"' for text in packages]
    lines += ["Description-Content-Type: text/markdown", ""]
    return "\n".join(lines) + "\n" + (ROOT / str(about["readme"])).read_text()


def tag_of(module: Path, glibc: tuple[int, int]) -> str:
    """Of _native.cpython-311-x86_64-linux-gnu.so: cp311-cp311-manylinux_2_36_x86_64."""
    match = re.fullmatch(r"\w+\.cpython-(\d+)-(\w+)-linux-gnu\.so", module.name)
    if not match:
        sys.exit(f"wheel.py: {module.name} is not named as a CPython extension module on Linux")
    return f"cp{match[1]}-cp{match[1]}-manylinux_{glibc[0]}_{glibc[1]}_{match[2]}"


# ---- the wheel

def digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def pack(tree: Path, info: str, wheel: Path) -> None:
    """The zip: the same bytes for the same files. dist-info comes last, and RECORD last in it (PEP 427)."""
    names = sorted((path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()),
                   key=lambda name: (name.startswith(info), name))
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        def add(name: str, data: bytes, mode: int) -> None:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, data)

        for name in names:
            data = (tree / name).read_bytes()
            rows.writerow([name, digest(data), len(data)])
            add(name, data, 0o755 if is_elf(tree / name) else 0o644)
        rows.writerow([f"{info}/RECORD", "", ""])
        add(f"{info}/RECORD", record.getvalue().encode(), 0o644)


def make(build: Path, out: Path) -> Path:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        run("cmake", "--install", build, "--component", "python", "--prefix", tree, "--strip")
        modules = sorted(path for path in tree.rglob("*.so") if is_elf(path))
        if not modules:
            sys.exit(f"wheel.py: {build} installs no module: configure with -DSUPERPOSE_BUILD_PYTHON=ON, build it")
        sources = bundle(modules, tree / LIBRARIES)
        info = f"superpose-{version(project)}.dist-info"
        without = copy_licences(sources, tree / info / "licenses")
        if without:
            print(f"wheel.py: no licence text on this machine for {' '.join(without)}", file=sys.stderr)
        files = [*modules, *(tree / LIBRARIES).iterdir()]
        tag = tag_of(modules[0], max(read_elf(file).glibc for file in files))
        licences = sorted(path.name for path in (tree / info / "licenses").iterdir())
        (tree / info / "METADATA").write_text(metadata(project, licences))
        (tree / info / "WHEEL").write_text(
            f"Wheel-Version: 1.0\nGenerator: superpose/python/wheel.py\nRoot-Is-Purelib: false\nTag: {tag}\n")
        (tree / info / "entry_points.txt").write_text("[console_scripts]\n" + "".join(
            f"{name} = {where}\n" for name, where in project["project"]["scripts"].items()))
        out.mkdir(parents=True, exist_ok=True)
        for old in out.glob("superpose-*.whl"):
            old.unlink()
        wheel = out / f"superpose-{version(project)}-{tag}.whl"
        pack(tree, info, wheel)
        sizes = sorted(((file.stat().st_size, file.name) for file in files), reverse=True)
        print(f"wheel.py: {wheel.stat().st_size / 1e6:.1f} MB, {len(sources)} libraries in it; unpacked "
              f"{sum(size for size, _ in sizes) / 1e6:.1f} MB: "
              + ", ".join(f"{name} {size / 1e6:.1f}" for size, name in sizes[:4]), file=sys.stderr)
    return wheel


# ---- the check

def complaints(wheel: Path) -> list[str]:
    """Why `wheel` would not load on a system of its tag; empty if nothing is known against it."""
    match = re.fullmatch(r"[^-]+-[^-]+-cp(\d+)-cp\d+-manylinux_(\d+)_(\d+)_(\w+)\.whl", wheel.name)
    if not match:
        return [f"{wheel.name}: not named as a manylinux wheel of CPython"]
    glibc = (int(match[2]), int(match[3]))
    out = []
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tree)
        files = [path for path in sorted(tree.rglob("*")) if path.is_file()]
        out += wrong_records(tree, files)
        modules = 0
        for file in files:
            if not is_elf(file):
                continue
            modules += file.name.endswith(f".cpython-{match[1]}-{match[4]}-linux-gnu.so")
            name = file.relative_to(tree)
            out += [f"{name}: {text}" for text in unloadable(read_elf(file), file, tree, glibc)]
        if not modules:
            out.append(f"no extension module of CPython {match[1]} for {match[4]} in it")
    return out


def unloadable(elf: Elf, file: Path, tree: Path, glibc: tuple[int, int]) -> list[str]:
    out = []
    folders = []
    for entry in elf.runpath:
        folder = Path(os.path.normpath(entry.replace("$ORIGIN", str(file.parent))))
        if not entry.startswith("$ORIGIN") or not folder.is_relative_to(tree):
            out.append(f"looks for libraries outside the wheel, in {entry}")
        else:
            folders.append(folder)
    for name in elf.needed:
        if not SYSTEM.fullmatch(name) and not any((folder / name).is_file() for folder in folders):
            out.append(f"needs {name}, which is neither beside it nor on every system")
    if elf.glibc > glibc:
        need, have = (".".join(map(str, version)) for version in (elf.glibc, glibc))
        out.append(f"needs symbols of the time of glibc {need}, newer than the tag's {have}")
    if elf.private:
        out.append("needs GLIBC_PRIVATE, which changes with every release of the C library")
    return out


def wrong_records(tree: Path, files: list[Path]) -> list[str]:
    records = [file for file in files if PurePosixPath(file.relative_to(tree)).match("*.dist-info/RECORD")]
    if len(records) != 1:
        return ["no RECORD in it"]
    rows = {name: rest for name, *rest in csv.reader(records[0].read_text().splitlines())}
    out = [f"RECORD: {name} is not in the wheel" for name in rows if not (tree / name).is_file()]
    for file in files:
        name = file.relative_to(tree).as_posix()
        if file != records[0] and rows.get(name) != [digest(file.read_bytes()), str(file.stat().st_size)]:
            out.append(f"RECORD: {name} is not as recorded")
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build/release", help="the CMake build folder")
    parser.add_argument("--out", type=Path, default=ROOT / "build/wheel", help="where the wheel goes")
    parser.add_argument("--check", type=Path, metavar="WHEEL", help="check this wheel instead of making one")
    options = parser.parse_args()
    wheel = options.check or make(options.build, options.out)
    found = complaints(wheel)
    for text in found:
        print(f"wheel.py: {wheel.name}: {text}", file=sys.stderr)
    if not found and not options.check:
        print(wheel)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

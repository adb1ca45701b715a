#!/usr/bin/env python3
"""Fails if a folder of superpose/, or python/bindings, includes a folder that tools/layers.txt does not allow, or another folder's
private header. A folder's public header is superpose/<folder>/<folder>.h; every header of base/ is public.

Usage: check_layers.py [ROOT]     ROOT holds superpose/ and tools/layers.txt (default: this checkout)"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
layers = {}
for line in (root / "tools/layers.txt").read_text().splitlines():
    line = line.split("#")[0].strip()
    if line:
        folder, allowed = line.split(":")
        for name in allowed.split():
            if name not in layers:  # the table itself must point one way
                sys.exit(f"tools/layers.txt: {folder} allows {name}, which is not above it in the table")
        layers[folder.strip()] = set(allowed.split()) | {folder.strip()}

bad = []
for path in sorted((root / "superpose").rglob("*")) + sorted((root / "python/bindings").glob("*")):
    if path.suffix not in (".h", ".cc", ".cu", ".cuh"):
        continue
    where = path.relative_to(root)
    folder = "python" if where.parts[0] == "python" else where.parts[1]
    if folder not in layers:
        bad.append(f"{where}: folder {folder} is not in tools/layers.txt")
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.match(r'\s*#\s*include\s+["<]superpose/((\w+)/([\w/-]+)\.\w+)', line)
        if found and found[2] not in layers[folder]:
            bad.append(f"{where}:{number}: {folder} may not include {found[2]}")
        elif found and found[2] not in (folder, "base") and found[3] != found[2]:
            bad.append(f"{where}:{number}: {found[1]} is private to {found[2]}; include superpose/{found[2]}/{found[2]}.h")
print("\n".join(bad) if bad else "layers: every include points down")
sys.exit(bool(bad))

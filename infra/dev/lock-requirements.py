#!/usr/bin/env python3
"""Rewrites requirements files so that each pinned package has the hashes of its wheels from the package index.

lock-requirements.py FILE...      needs pip 23 or later and the index; downloads no package

The hashes belong to the wheels for CPython 3.11 (Debian 12) on x86-64 and arm64. Comments do not change.
"""

import json
import re
import subprocess
import sys
import tempfile

GLIBC = ["manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014"]


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def hashes(pins, machine):
    """The hash of each package's wheel for the given kind of machine, by normalized name."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted, tempfile.NamedTemporaryFile(suffix=".json") as report:
        wanted.write("\n".join(pins))
        wanted.flush()
        platforms = [word for tag in GLIBC for word in ("--platform", f"{tag}_{machine}")]
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps", "--only-binary", ":all:",
             *platforms, "--python-version", "3.11", "--implementation", "cp", "--target", "unused",
             "--report", report.name, "--requirement", wanted.name], check=True)
        installs = json.load(report)["install"]
    return {normal(item["metadata"]["name"]): item["download_info"]["archive_info"]["hashes"]["sha256"] for item in installs}


def lock(path):
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip(" \\\n") for line in file if not line.lstrip().startswith("--hash")]
    pins = [line for line in lines if re.match(r"[\w.-]+==\S+$", line)]
    found = [hashes(pins, machine) for machine in ("x86_64", "aarch64")]
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            name = normal(line.split("==")[0])
            wanted = sorted({by_name[name] for by_name in found}) if line in pins else []
            file.write(" \\\n    ".join([line, *(f"--hash=sha256:{value}" for value in wanted)]) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for name in sys.argv[1:]:
        lock(name)

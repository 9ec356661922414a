#!/usr/bin/env python3
"""Judges what docc said about a module, and whether its page lists every public type. Prints each fault on a line.

    check-docc.py PAGE SYMBOLS DIAGNOSTICS

A parameter without a description is no fault: a comment describes only what its name does not say (CONTRIBUTING.md).
"""

import json
import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

ACCEPTED = re.compile(r"Parameter '.*' is missing documentation")


def diagnostics(path: Path) -> list[str]:
    faults = []
    for found in json.loads(path.read_text(encoding="utf-8"))["diagnostics"]:
        if found["severity"] not in ("warning", "error") or ACCEPTED.fullmatch(found["summary"]):
            continue
        source = unquote(urlparse(found.get("source", "")).path)
        place = Path(source).relative_to(Path.cwd()) if source.startswith(str(Path.cwd())) else source
        line = found.get("range", {}).get("start", {}).get("line", 1)
        faults.append(f"{place}:{line}: {found['summary']}")
    return faults


def unlisted(page: Path, symbols: Path) -> list[str]:
    _, _, topics = page.read_text(encoding="utf-8").partition("\n## Topics\n")
    # The link of a type may begin with the module's name, and the link of a function ends with its labels.
    listed = {link.split("/")[-1] for link in re.findall(r"^- ``(.+)``$", topics, re.MULTILINE)}
    graph = json.loads(symbols.read_text(encoding="utf-8"))["symbols"]
    public = {symbol["pathComponents"][0] for symbol in graph if len(symbol["pathComponents"]) == 1}
    return [f"{page}: no topic lists {name}" for name in sorted(public - listed)]


page, symbols, found = map(Path, sys.argv[1:])
faults = unlisted(page, symbols) + (diagnostics(found) if found.exists() else ["docc wrote no diagnostics"])
print("\n".join(faults), end="\n" if faults else "")

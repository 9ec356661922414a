#!/usr/bin/env python3
"""Keeps the tables of infra/docs/decomposition.md true: what becomes of each request there, by the committed router.

usage: decomposition-page.py [--write]

A request is a block of `text`, or of `json` as `winnow submit` takes it. The table behind it is what `winnow explain` says. Without
--write, a table that differs is an error. WINNOW_BIN_DIRECTORY: folder of the executables (default: .build/release).
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "infra/docs/decomposition.md"
# a block, and the table behind it, if there is one
EXAMPLE = re.compile(r"^```(text|json)\n(.*?)\n```\n(?:\n\| part \|.*?\n(?=\n|\Z))?", re.M | re.S)
REST = {"none": "`none`", "full_model": "the full model", "unsupported_language": "`unsupported_language`"}


def explained(requests: list[dict]) -> list[dict]:
    winnow = Path(os.environ.get("WINNOW_BIN_DIRECTORY", ROOT / ".build/release")) / "winnow"
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([winnow, "explain", "--file", "-", "--json"], input=lines, capture_output=True, text=True, cwd=ROOT, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def destination(part: dict) -> str:
    if part["kind"] == "rest":
        return ""
    places = [f"`{route}`" for route in part["routes"]]
    if part["rest"] in REST:
        places.append(REST[part["rest"]])
    return ", ".join(places)


def cell(text: str) -> str:
    """A part on one line. Code spans keep what Markdown would change."""
    text = " ".join(text.split()).replace("|", "\\|")
    if len(text) > 70:
        text = f"{text[:48]} … {text[-18:]}"
    fence = "``" if "`" in text else "`"
    return f"{fence} {text} {fence}" if fence == "``" else f"`{text}`"


def table(explanation: dict) -> str:
    rows = [f"| {cell(part['text'])} | {destination(part)} |" for part in explanation["parts"]]
    return "\n| part | goes to |\n|---|---|\n" + "\n".join(rows) + "\n"


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    examples = list(EXAMPLE.finditer(page))
    requests = [json.loads(one[2]) if one[1] == "json" else {"text": one[2]} for one in examples]
    made, end = "", 0
    for one, explanation in zip(examples, explained(requests), strict=True):
        made += page[end : one.start()] + f"```{one[1]}\n{one[2]}\n```\n" + table(explanation)
        end = one.end()
    made += page[end:]
    if "--write" in sys.argv:
        PAGE.write_text(made, encoding="utf-8")
    elif made != page:
        print(f"{PAGE.relative_to(ROOT)}: not what the router says; run infra/dev/decomposition-page.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Checks the documentation without running it. Prints each fault on a line, and ends with 1 if there is one.

- every link in a Markdown file of the repository leads to an existing file and heading
- every block of the pages names its language, and gives a reason if it cannot run
- README has at most 100 lines and links every page of infra/docs
- settings.md lists exactly the variables that scripts and tests read
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pages import ROOT, PageError, anchors, blocks, links, settings

README_LINES = 100
SCRIPT_VARIABLE = re.compile(r"\b((?:WINNOW|CHAOS|DEV_BROKER)_[A-Z_]*[A-Z])(?![A-Z])")


def tracked(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "-co", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return sorted(ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists())


def pages() -> list[Path]:
    """The pages whose blocks are run, in the order in which newcomers read them."""
    folder = ROOT / "infra/docs"
    first = [ROOT / "README.md", *(folder / f"{name}.md" for name in ("tutorial", "integrate", "operate"))]
    return [*first, ROOT / "infra/examples/README.md", *sorted(set(folder.glob("*.md")) - set(first))]


def link_faults(files: list[Path], root: Path) -> Iterator[str]:
    known = {path.resolve(): anchors(path.read_text(encoding="utf-8")) for path in files}
    for path in files:
        for link in links(path.read_text(encoding="utf-8")):
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path.resolve()
            if not target.exists():
                yield f"{path.relative_to(root)}: {link} does not exist"
            elif anchor and anchor not in known.get(target, set()):
                yield f"{path.relative_to(root)}: {link} is not a heading of that page"


def block_faults() -> Iterator[str]:
    for path in pages():
        name = str(path.relative_to(ROOT))
        try:
            for block in blocks(path.read_text(encoding="utf-8"), name):
                if block.runs:
                    block.commands()
        except PageError as error:
            yield str(error)


def readme_faults() -> Iterator[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    if len(text.splitlines()) > README_LINES:
        yield f"README.md: has more than {README_LINES} lines"
    for command in ("make demo", "make test"):
        if command not in text:
            yield f"README.md: does not mention {command}"
    linked = set(links(text))
    for path in (ROOT / "infra/docs").glob("*.md"):
        if f"infra/docs/{path.name}" not in linked:
            yield f"README.md: does not link infra/docs/{path.name}"


def script_variables() -> set[str]:
    found: set[str] = set()
    for path in tracked("*.sh", "*.py", "*.swift", "Makefile"):
        name = path.relative_to(ROOT)
        if name.parts[0] in {"Services", "Shared"} or name.parts[:2] == ("Tests", "ArchitectureTests"):
            continue
        text = path.read_text(encoding="utf-8")
        # Only variables that a shell, os.environ or Swift's environment reads count. Others are only set for programs.
        found |= {name for name in SCRIPT_VARIABLE.findall(text) if reads(name, path.suffix, text)}
    return found


def reads(name: str, suffix: str, text: str) -> bool:
    if suffix in {".sh", ""}:
        return re.search(rf"\$\{{?{name}\b|\$\{{!{name}|=\s*{name}_\$", text) is not None
    if suffix == ".py":
        return re.search(rf"environ(?:\.get\(|\[)\s*\"{name}\"", text) is not None
    return re.search(rf"environment\[\"{name}\"\]|string\(\"{name}\"", text) is not None


def setting_faults() -> Iterator[str]:
    text = (ROOT / "infra/docs/settings.md").read_text(encoding="utf-8")
    programs = set(settings(text))
    rows = set(re.findall(r"^\| `([A-Z_]+?)_?(?:<SERVICE>)?` \| [^|]* \| [^|]* \|$", text, re.MULTILINE))
    read = script_variables()
    for name in sorted(read - rows - programs):
        yield f"infra/docs/settings.md: scripts read {name}, which is not listed"
    for name in sorted(rows - read):
        yield f"infra/docs/settings.md: no script reads {name}"


def main() -> int:
    files = tracked("*.md")
    found = [*link_faults(files, ROOT), *block_faults(), *readme_faults(), *setting_faults()]
    for fault in found:
        print(f"check-docs: {fault}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

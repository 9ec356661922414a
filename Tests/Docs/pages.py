"""Parses Markdown pages: fenced blocks, their commands, links, and the tables of settings.

A fence names its language. Options follow it in the form name="value":

    norun="why"     the block cannot run here, for this reason
    test="command"  the test runs this command instead of the block's first command
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNNABLE = {"sh", "console", "sql"}
SHOWN = {"json", "mermaid", "text", "properties", "python"}
OPTIONS = {"norun", "test"}

FENCE = re.compile(r"^(?P<mark>`{3,})(?P<language>[a-z]*)(?P<options>.*)$")
OPTION = re.compile(r'\s+([a-z]+)="([^"]*)"')
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


class PageError(Exception):
    """A fault in a page."""


@dataclass
class Command:
    """A command and its output on the page, or None if the page shows no output."""
    text: str
    line: int
    expected: str | None = None


@dataclass
class Block:
    page: str
    line: int
    language: str
    text: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def runs(self) -> bool:
        return self.language in RUNNABLE and "norun" not in self.options

    def commands(self) -> list[Command]:
        if self.language == "sh":
            found = [Command(self.text, self.line)]
        elif self.language == "sql":
            found = [Command(f"PGUSER=ops psql --no-psqlrc --set ON_ERROR_STOP=1 <<'SQL'\n{self.text}SQL\n", self.line)]
        else:
            found = console(self)
        if "test" in self.options:
            found[0].text = self.options["test"]
        return found


def console(block: Block) -> list[Command]:
    """Parses a console block: `$ ` begins a command, `> ` continues it, and every other line is output."""
    found: list[Command] = []
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if line.startswith("$ "):
            found.append(Command(line[2:] + "\n", number))
        elif not found:
            raise PageError(f"{block.place}: a console block must begin with '$ '")
        elif line.startswith("> ") and found[-1].expected is None:
            found[-1].text += line[2:] + "\n"
        else:
            found[-1].expected = (found[-1].expected or "") + line + "\n"
    if not found:
        raise PageError(f"{block.place}: a console block contains no command")
    return found


def blocks(text: str, page: str) -> list[Block]:
    """Every fenced block of a page.

    Throws PageError for an unknown language, an unknown option, or an empty reason.
    """
    found: list[Block] = []
    begun: Block | None = None
    mark = ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if begun is not None:
            if fence and fence["mark"] == mark and not fence["language"] and not fence["options"].strip():
                found.append(begun)
                begun = None
            else:
                begun.text += line + "\n"
            continue
        if not fence:
            continue
        begun = Block(page, number, fence["language"], "", dict(OPTION.findall(fence["options"])))
        mark = fence["mark"]
        if OPTION.sub("", fence["options"]).strip() or set(begun.options) - OPTIONS:
            raise PageError(f"{begun.place}: the options are {' and '.join(sorted(OPTIONS))}, each as name=\"value\"")
        if begun.language not in RUNNABLE | SHOWN:
            raise PageError(f"{begun.place}: a fence must name one of {', '.join(sorted(RUNNABLE | SHOWN))}")
        if not all(value.strip() for value in begun.options.values()):
            raise PageError(f"{begun.place}: an option is empty")
    if begun is not None:
        raise PageError(f"{begun.place}: the fence is not closed")
    return found


def pattern(expected: str) -> re.Pattern[str]:
    """A pattern for the output: the same words, any numbers and spaces, and anything for `…`."""
    parts = re.split(r"(…|\d+(?:\.\d+)?|\s+)", expected.strip())
    spelled = []
    for part in parts:
        if part == "…":
            spelled.append(".*?")
        elif re.fullmatch(r"\d+(?:\.\d+)?", part):
            spelled.append(r"\d+(?:\.\d+)?")
        elif part.isspace():
            spelled.append(r"\s+")
        else:
            spelled.append(re.escape(part))
    return re.compile(r"\s*" + "".join(spelled) + r"\s*", re.DOTALL)


def shows(expected: str, output: str) -> bool:
    return pattern(expected).fullmatch(output) is not None


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as repository hosts generate them."""
    found: set[str] = set()
    is_fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            is_fenced = not is_fenced
        heading = re.match(r"^#+\s+(.*)$", line)
        if heading and not is_fenced:
            title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            found.add(re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-"))
    return found


def links(text: str) -> list[str]:
    """Every link of a page to a file of the repository."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return [link for link in LINK.findall(prose) if not re.match(r"[a-z]+:", link)]


@dataclass
class Setting:
    name: str
    default: str
    read_by: set[str]

    @property
    def literal_default(self) -> str | None:
        """The default, if the page gives one in backticks."""
        literal = re.fullmatch(r"`([^`]*)`", self.default)
        return literal[1] if literal else None


SUITE = {"decomposer", "workers", "escalator", "aggregator"}


def settings(text: str) -> dict[str, Setting]:
    """The rows of settings.md that name a program: | `NAME` | default | read by | meaning |."""
    found: dict[str, Setting] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        name = re.fullmatch(r"`([A-Z][A-Z0-9_]*)(?:<NAME>)?`", cells[0]) if line.startswith("|") else None
        if not name or len(cells) != 4:
            continue
        if name[1] in found:
            raise PageError(f"{name[1]} has two rows")
        programs = {word.strip() for word in cells[2].split(",")}
        if "services" in programs:
            programs = programs - {"services"} | SUITE
        found[name[1]] = Setting(name[1], cells[1], programs)
    return found

#!/usr/bin/env python3
"""Runs every command of the documentation against a private suite.

    run_docs.py [PAGE...]      paths from the repository's root (default: all pages)

Starts a suite with infra/dev/stack.sh in a separate folder that looks like the repository. Runs the blocks of each page in order,
in one shell for each page. A command that fails, or prints other words than the page shows, is a fault. Then compares settings.md
with the settings that every service logged at its start.

WINNOW_BIN_DIRECTORY: folder of the executables (default: .build/release).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import check_docs
from pages import ROOT, Setting, blocks, settings, shows

PAGE_SECONDS = 300
TAIL_LINES = 15


@dataclass
class Run:
    ran: int = 0
    left_out: int = 0
    faults: list[str] = field(default_factory=list)


def run_page(name: str, text: str, folder: Path, environment: dict[str, str], seconds: int = PAGE_SECONDS) -> Run:
    """Runs the blocks of a page in one shell, in `folder`."""
    found = blocks(text, name)
    run = Run(left_out=sum("norun" in block.options for block in found))
    steps = [(block, command) for block in found if block.runs for command in block.commands()]
    with tempfile.TemporaryDirectory() as outputs:
        state = Path(outputs) / "step"
        script = ["set -eo pipefail"]
        for index, (_, command) in enumerate(steps):
            script.append(f"echo {index} >{state}\n{{\n{command.text.rstrip()}\n}} >{outputs}/{index} 2>&1")
        script.append(f"echo {len(steps)} >{state}\n")
        process = subprocess.Popen(["bash", "-c", "\n".join(script)], cwd=folder, env=environment,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            reason = f"ended with {process.wait(seconds)}"
        except subprocess.TimeoutExpired:
            reason = f"is not done after {seconds} s"
        finally:
            end(process)
        run.ran = done = int(state.read_text()) if state.exists() else 0
        if done < len(steps):
            command = steps[done][1]
            run.faults.append(f"{name}:{command.line}: {reason}: {command.text.strip()}\n{tail(outputs, done)}")
        for index, (_, command) in enumerate(steps[:done]):
            output = (Path(outputs) / str(index)).read_text(encoding="utf-8", errors="replace")
            if command.expected is not None and not shows(command.expected, output):
                run.faults.append(f"{name}:{command.line}: prints something else than the page shows:\n{tail(outputs, index)}")
    return run


def end(process: subprocess.Popen) -> None:
    """Ends the processes that the shell left running in its session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def tail(outputs: str, index: int) -> str:
    path = Path(outputs) / str(index)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    return "\n".join(f"    {line[:200]}" for line in lines[-TAIL_LINES:])


def logged_settings(log: Path) -> dict[str, str] | None:
    """The settings that a service logged at its start."""
    for line in log.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line) if line.startswith("{") else {}
        if entry.get("message") == "Settings":
            return {key: value for key, value in entry.items() if key.isupper()}
    return None


def setting_faults(rows: dict[str, Setting], service: str, read: dict[str, str], overridden: set[str]) -> Iterator[str]:
    program = "workers" if service.endswith("-worker") else service
    wanted = {name for name, row in rows.items() if program in row.read_by}
    for name in sorted(read):
        key = "KAFKA_CONF_" if name.startswith("KAFKA_CONF_") else name
        if key not in wanted:
            yield f"settings.md: does not list {service} as a reader of {name}"
            continue
        default = rows[key].literal_default
        if default is not None and name not in overridden and read[name] != default:
            yield f"settings.md: says that the default of {name} is {default}, but it is {read[name]}"
    for name in sorted(wanted - set(read) - {"KAFKA_CONF_"}):
        # For a secret, a service logs either the variable or its _FILE variant, whichever was set.
        twin = name.removesuffix("_FILE") if name.endswith("_FILE") else f"{name}_FILE"
        if not (twin in read and twin in rows):
            yield f"settings.md: lists {service} as a reader of {name}, which it does not read"


def compare_settings(run_directory: Path) -> list[str]:
    rows = settings((ROOT / "infra/docs/settings.md").read_text(encoding="utf-8"))
    overridden = {line.split("=", 1)[0] for line in (run_directory / "env").read_text().splitlines()}
    overridden |= {"WINNOW_HTTP_PORT", "WINNOW_HTTP_PORT_FILE"}
    found: list[str] = []
    compared = 0
    for log in sorted((run_directory / "logs").glob("*.log")):
        read = logged_settings(log)
        if read is not None:
            compared += 1
            found += setting_faults(rows, log.stem, read, overridden)
    return found if compared >= 7 else [*found, f"settings.md: only {compared} services have logged their settings"]


def as_a_reader_sees_it(folder: Path, binaries: str) -> None:
    """Links the repository's entries into the folder, so that the suite has its own `.run`.

    Readers write their endpoints into infra/endpoints, so that folder is a copy.
    """
    (folder / "infra").mkdir()
    shutil.copytree(ROOT / "infra/endpoints", folder / "infra/endpoints")
    for entry in [*ROOT.iterdir(), *(ROOT / "infra").iterdir()]:
        name = entry.relative_to(ROOT)
        if str(name) not in {".git", ".run", ".build", "infra", "infra/endpoints"}:
            (folder / name).symlink_to(entry)
    (folder / ".build").mkdir()
    (folder / ".build/release").symlink_to(binaries)
    for name in ("examples", "llm"):
        (folder / ".build" / name).symlink_to(ROOT / ".build" / name)


def clean_environment(binaries: str) -> dict[str, str]:
    """The environment without the caller's servers and settings, so that the suite is private."""
    prefixes = ("WINNOW_", "KAFKA_", "DEV_BROKER_", "PG", "DATABASE_URL", "OTEL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return {**kept, "PATH": f"{binaries}:{kept['PATH']}"}


def run_all(names: list[str], folder: Path, binaries: str) -> list[str]:
    environment = clean_environment(binaries)
    stack = {**environment, "WINNOW_BIN_DIRECTORY": binaries, "WINNOW_RUN_DIRECTORY": str(folder / ".run"),
             "WINNOW_ENDPOINTS_DIRECTORY": str(folder / "infra/endpoints")}
    as_a_reader_sees_it(folder, binaries)
    script = str(ROOT / "infra/dev/stack.sh")
    try:
        subprocess.run([script, "up"], env=stack, check=True, stdout=subprocess.DEVNULL)
        faults: list[str] = []
        for name in names:
            run = run_page(name, (ROOT / name).read_text(encoding="utf-8"), folder, environment)
            verdict = "FAILED" if run.faults else "ok    "
            print(f"{verdict}  {name}: {run.ran} commands ran, {run.left_out} blocks cannot run here", flush=True)
            faults += run.faults
        return faults + compare_settings(folder / ".run")
    finally:
        subprocess.run([script, "down"], env=stack, check=False)


def main() -> int:
    binaries = str(Path(os.environ.get("WINNOW_BIN_DIRECTORY") or ROOT / ".build/release").resolve())
    names = sys.argv[1:] or [str(path.relative_to(ROOT)) for path in check_docs.pages()]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="winnow-docs."))
    folder.chmod(0o755)
    try:
        faults = run_all(names, folder, binaries)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for fault in faults:
        print(f"run-docs: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

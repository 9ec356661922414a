"""Processor time and memory of the processes of a stack, read from /proc. Standard library only."""

from __future__ import annotations

import os
import shlex
from glob import glob
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on.

    - Raises: OSError when the process has ended.
    """
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu(pid: int, with_ended_children: bool = False) -> float:
    """User and system seconds since the process began."""
    return sum(map(int, stat(pid)[11 : 15 if with_ended_children else 13])) / TICKS


def cpu_of_living(pids: list[int]) -> float:
    """The sum over those that have not ended meanwhile."""
    seconds = 0.0
    for pid in pids:
        try:
            seconds += cpu(pid)
        except OSError:
            continue
    return seconds


def children(parent: int) -> list[int]:
    found = []
    for path in glob("/proc/[0-9]*/stat"):
        pid = int(path.split("/")[2])
        try:
            if int(stat(pid)[1]) == parent:
                found.append(pid)
        except OSError:
            continue
    return found


def descendants(pid: int) -> list[int]:
    """The process itself, its children, and theirs."""
    return [pid] + [member for child in children(pid) for member in descendants(child)]


def resident(pid: int) -> float:
    """Megabytes."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return round(int(fields["VmRSS"].split()[0]) / 1024, 1)


def most_resident(pid: int) -> float:
    """Megabytes, since the process began."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return round(int(fields["VmHWM"].split()[0]) / 1024, 1)


def machine_cpu() -> tuple[int, int]:
    """Busy and all ticks of the machine: shows what else was running."""
    fields = list(map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]))
    return sum(fields) - fields[3] - fields[4], sum(fields)


def difference(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {name: after[name] - before[name] for name in after}


def environment(run: Path) -> dict[str, str]:
    """What a client of the stack with this state directory needs to know."""
    return dict(word.split("=", 1) for word in shlex.split((run / "env").read_text()))


class Suite:
    """Every process of the stack with this state directory; Postgres and all its backends as one."""

    def __init__(self, run: Path) -> None:
        lines = (run / "pids").read_text().splitlines()
        self.services = {line.split()[0]: int(line.split()[1]) for line in lines}
        folder = run / "postgres-directory"
        file = Path(folder.read_text().strip()) / "data/postmaster.pid" if folder.exists() else None
        self.postmaster = int(file.read_text().splitlines()[0]) if file else None

    def cpu(self) -> dict[str, float]:
        """User and system seconds since each began."""
        seconds = {name: cpu(pid) for name, pid in self.services.items()}
        if self.postmaster:
            # its own, those of backends that have ended, and those of the living
            own = cpu(self.postmaster, with_ended_children=True)
            seconds["postgres"] = own + cpu_of_living(children(self.postmaster))
        return seconds

    def resident(self) -> dict[str, float]:
        """Megabytes; not Postgres, whose shared buffers would be counted once a backend."""
        return {name: resident(pid) for name, pid in self.services.items()}

    def most_resident(self, service: str) -> float:
        return most_resident(self.services[service])

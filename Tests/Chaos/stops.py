"""Stops workers while their groups rebalance, and counts those that do not end with 0.

    stops.py [--stops N] [--parallel N] [--seed N] [--bin FOLDER]

Workers of one capability start and stop on one broker. SIGTERM stops each up to eight seconds after its start: during its own
join, or during a rebalance that another worker's start or stop has caused. Ends with 1 if a process does not end with 0.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from stack import ROOT, Stack

_WORKER = "security-services-worker"
_LATEST_STOP_SECONDS = 8.0
_STOP_SECONDS = 40.0


class Stops:
    """Starts and stops workers until the requested number of stops is reached."""

    def __init__(self, stack: Stack, stops: int, seed: int) -> None:
        self.stack = stack
        self.left = stops
        self.chance = random.Random(seed)
        self.lock = threading.Lock()
        self.codes: Counter[str] = Counter()

    def run(self, name: str) -> None:
        while (wait := self._next()) is not None:
            with open(self.stack.folder / "logs" / f"{name}.log", "ab") as log:
                process = subprocess.Popen([self.stack.binaries / _WORKER], env=self.stack.environment, cwd=ROOT,
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            time.sleep(wait)
            process.send_signal(signal.SIGTERM)
            try:
                code = str(process.wait(_STOP_SECONDS))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = "did not end"
            with self.lock:
                self.codes[code] += 1

    def _next(self) -> float | None:
        with self.lock:
            if self.left == 0:
                return None
            self.left -= 1
            # waits until the process handles signals
            return self.chance.uniform(1.0, _LATEST_STOP_SECONDS)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--stops", type=int, default=200)
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bin", type=Path, default=ROOT / ".build/debug")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="winnow-stops.", dir="/tmp"))
    stack = Stack(folder, arguments.bin.resolve())
    passed = False
    try:
        stack.start_broker()
        stops = Stops(stack, arguments.stops, arguments.seed)
        threads = [threading.Thread(target=stops.run, args=(f"{_WORKER}.{number}",)) for number in range(arguments.parallel)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        passed = stops.codes["0"] == arguments.stops
        print(f"{arguments.stops} stops; ended with: " + ", ".join(f"{code}: {count}" for code, count in sorted(stops.codes.items())))
        return 0 if passed else 1
    finally:
        if stack.broker:
            stack.broker.kill()
            stack.broker.wait()
        if passed:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs: {folder}/logs", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

"""Puts the endpoint path of the running suite of WINNOW_RUN_DIRECTORY under load. Needs only the standard library.

endpoint_bench.py STATS_ADDRESS DELAY_MS CALLS [--out FILE]

Every item is asked about in one call, and the server takes DELAY_MS for each. The ideal rate is that of maxInFlight calls at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path

from processes import Suite, difference, environment

RUN, BIN = Path(os.environ["WINNOW_RUN_DIRECTORY"]), Path(os.environ["WINNOW_BIN_DIRECTORY"])
ENVIRONMENT = os.environ | environment(RUN)
ITEMS = 4


def stats(address: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{address}/stats") as reply:
        return json.load(reply)


def requests(count: int) -> str:
    """Each request has other texts, so that no answer is known already."""
    lines = []
    for _ in range(count):
        mark = uuid.uuid4().hex
        items = [f"message {index} of {mark}: the lamp arrived broken, please help" for index in range(ITEMS)]
        step = {"capability": "bench", "task": "mood", "items": items}
        lines.append(json.dumps({"id": mark, "steps": [step]}))
    return "\n".join(lines)


def submit(lines: str, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run([BIN / "winnow", "submit", "--wait", "--json", "--timeout", "120", *options], input=lines, text=True,
                          env=ENVIRONMENT, stdout=subprocess.PIPE, check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("delay", type=float)
    parser.add_argument("calls", type=int)
    parser.add_argument("--in-flight", type=int, default=200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    suite = Suite(RUN)
    idle = suite.resident()["escalator"]
    submit(requests(8))
    before, cpu = stats(options.address), suite.cpu()
    start = time.monotonic()
    done = submit(requests(options.calls // ITEMS))
    seconds = time.monotonic() - start
    results = [json.loads(line) for line in done.stdout.splitlines()]
    calls = stats(options.address)["answered"] - before["answered"]
    used = difference(suite.cpu(), cpu)
    figures = {
        "calls": calls, "requests": len(results), "completed": sum(result["status"] == "completed" for result in results),
        "seconds": round(seconds, 2), "callsPerSecond": round(calls / seconds, 1),
        "idealPerSecond": round(options.in_flight / (options.delay / 1000), 1),
        "mostInFlight": stats(options.address)["mostInFlight"],
        "cpuPer1000": {name: round(1000 * value / max(calls, 1), 3) for name, value in sorted(used.items())},
        "residentMB": suite.resident() | {"escalator before": idle},
    }
    print(json.dumps(figures, indent=1))
    if options.out:
        options.out.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()

"""Puts the endpoint path of the running suite of WINNOW_RUN_DIRECTORY under load. Needs only the standard library.

endpoint_bench.py SERVER_ADDRESS DELAY_MS CALLS [--litellm PYTHON] [--out FILE]

Every item is asked about in one call, and the server takes DELAY_MS for each. The ideal rate is that of maxInFlight calls at a time.
Then interactive requests of one item are sent at a fixed rate, first to a suite that is else idle, then while bulk steps fill the
places of the endpoint. With --litellm, the Python of an environment with LiteLLM, its proxy makes calls to the same server.
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
from typing import Any

from processes import Suite, difference, environment

RUN, BIN = Path(os.environ["WINNOW_RUN_DIRECTORY"]), Path(os.environ["WINNOW_BIN_DIRECTORY"])
ENVIRONMENT = os.environ | environment(RUN)
ITEMS = 4
# Of interactive requests: per second, and for how long.
RATE, SECONDS = 20, 20


def stats(address: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{address}/stats") as reply:
        return json.load(reply)


def requests(count: int, items: int = ITEMS) -> str:
    """Each request has other texts, so that no answer is known already."""
    lines = []
    for _ in range(count):
        mark = uuid.uuid4().hex
        texts = [f"message {index} of {mark}: the lamp arrived broken, please help" for index in range(items)]
        step = {"capability": "bench", "task": "mood", "items": texts}
        lines.append(json.dumps({"id": mark, "steps": [step]}))
    return "\n".join(lines)


def submit(lines: str, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run([BIN / "winnow", "submit", "--wait", "--json", "--timeout", "120", *options], input=lines, text=True,
                          env=ENVIRONMENT, stdout=subprocess.PIPE, check=False)


def throughput(suite: Suite, options: argparse.Namespace) -> dict[str, Any]:
    """As many calls in flight as the endpoint allows, from the first request to the last result."""
    idle = suite.resident()["escalator"]
    submit(requests(8))
    before, cpu = stats(options.address), suite.cpu()
    start = time.monotonic()
    done = submit(requests(options.calls // ITEMS))
    seconds = time.monotonic() - start
    results = [json.loads(line) for line in done.stdout.splitlines()]
    calls = stats(options.address)["answered"] - before["answered"]
    used = difference(suite.cpu(), cpu)
    return {
        "calls": calls, "requests": len(results), "completed": sum(result["status"] == "completed" for result in results),
        "seconds": round(seconds, 2), "callsPerSecond": round(calls / seconds, 1),
        "idealPerSecond": round(options.in_flight / (options.delay / 1000), 1),
        "mostInFlight": stats(options.address)["mostInFlight"],
        "cpuPer1000": {name: round(1000 * value / max(calls, 1), 3) for name, value in sorted(used.items())},
        "residentMB": suite.resident() | {"escalator before": idle, "escalator at most": suite.most_resident("escalator")},
    }


def interactive() -> dict[str, float]:
    """Latency in milliseconds, from the scheduled time of a request to its result."""
    done = subprocess.run([BIN / "LoadBench", "--mix", "endpoint", "--rate", str(RATE), "--seconds", str(SECONDS)], env=ENVIRONMENT,
                          stdout=subprocess.PIPE, text=True, check=True)
    report = json.loads(done.stdout)
    return {name: round(report[name], 1) for name in ("p50", "p95", "p99", "max")}


def lanes(options: argparse.Namespace) -> dict[str, Any]:
    """Interactive latency alone, and while bulk steps fill every place of the endpoint that is not kept from them, an eighth."""
    alone = interactive()
    # So many that they are not done before the measurement, also if no interactive call takes a place.
    items = int(1.5 * (SECONDS + 5) * options.in_flight / (options.delay / 1000))
    bulk = subprocess.Popen([BIN / "winnow", "submit", "--lane", "bulk", "--tenant", "bulk", "--wait", "--json", "--timeout", "300"],
                            env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    bulk.stdin.write(requests(items // 64, 64))
    bulk.stdin.close()
    while stats(options.address)["inFlight"] < 0.8 * options.in_flight:
        if bulk.poll() is not None:
            raise SystemExit("endpoint_bench: the bulk steps never filled the places of the endpoint")
        time.sleep(0.1)
    loaded = interactive()
    if bulk.poll() is not None:
        raise SystemExit("endpoint_bench: the bulk steps were done before the end of the measurement")
    bulk.wait()
    return {"alone": alone, "besideBulk": loaded, "ratios": {name: round(loaded[name] / alone[name], 2) for name in alone}}


def proxy(options: argparse.Namespace) -> dict[str, Any]:
    """LiteLLM's proxy before the same server, with the same number of calls in flight."""
    here = Path(__file__).parent
    done = subprocess.run([options.litellm, "-m", "peer.gateway", "--before", options.address, str(options.in_flight)],
                          env=os.environ | {"PYTHONPATH": f"{here}:{here / 'Peer'}"}, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("delay", type=float)
    parser.add_argument("calls", type=int)
    parser.add_argument("--in-flight", type=int, default=200)
    parser.add_argument("--litellm", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures = throughput(Suite(RUN), options) | {"interactive": lanes(options)}
    if options.litellm:
        figures["litellm"] = proxy(options)
    print(json.dumps(figures, indent=1))
    if options.out:
        options.out.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()

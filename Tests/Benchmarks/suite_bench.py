"""Puts the running suite of WINNOW_RUN_DIRECTORY under load and measures all its processes. Needs only the standard library."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import subprocess
import time
from datetime import datetime, timezone
from glob import glob
from pathlib import Path
from typing import Any

from processes import TICKS, Suite, difference, environment, machine_cpu

CAPABILITIES = ("semantic-understanding", "software-development", "legal-services", "security-services")
RUN, BIN = Path(os.environ["WINNOW_RUN_DIRECTORY"]), Path(os.environ["WINNOW_BIN_DIRECTORY"])
ENVIRONMENT = environment(RUN)


def load(*arguments: object) -> dict[str, Any]:
    done = subprocess.run([BIN / "LoadBench", *map(str, arguments)], env=os.environ | ENVIRONMENT, text=True,
                          stdout=subprocess.PIPE, check=False)
    if not done.stdout.strip():
        raise SystemExit("suite_bench: LoadBench printed no report")
    return json.loads(done.stdout)


def query(sql: str) -> list[list[str]]:
    names = {"PGHOST", "PGPORT", "PGUSER", "PGDATABASE"}
    client = sorted(glob("/usr/lib/postgresql/*/bin/psql"))[-1:] or ["psql"]
    server = {name: value for name, value in ENVIRONMENT.items() if name in names}
    done = subprocess.run([*client, "-XAtq", "-F", "\t", "-c", sql], env=os.environ | server, text=True, check=True,
                          stdout=subprocess.PIPE)
    return [line.split("\t") for line in done.stdout.splitlines()]


def stages(since: str) -> dict[str, Any]:
    """Model time by kind of attempt, and the number of items that went to the full model."""
    rows = query("SELECT kind, capability = 'decomposition', count(*), sum(items), sum(duration_us) "
                 f"FROM winnow.attempt WHERE started_at >= '{since}' GROUP BY 1, 2")
    total = sum(int(row[4]) for row in rows) or 1
    found: dict[str, dict[str, Any]] = {}
    for kind, routing, attempts, items, micros in rows:
        name = f"{kind} (routing)" if kind == "full" and routing == "t" else kind
        found[name] = {"attempts": int(attempts), "items": int(items), "modelSeconds": int(micros) / 1e6,
                       "share": round(int(micros) / total, 4)}
    first = found.get("worker", {}).get("items", 0)
    routed = found.get("router", {}).get("items", 0)
    return {
        "stages": found,
        "escalationRate": round(found.get("full", {}).get("items", 0) / first, 4) if first else None,
        "routingEscalationRate": round(found.get("full (routing)", {}).get("items", 0) / routed, 4) if routed else None,
    }


def measure(suite: Suite, *arguments: object) -> dict[str, Any]:
    since = datetime.now(timezone.utc).isoformat()
    before, (busy, ticks) = suite.cpu(), machine_cpu()
    report = load(*arguments)
    cpu, (busy_after, ticks_after) = difference(suite.cpu(), before), machine_cpu()
    thousands = report["requests"] / 1000
    report["cpuSecondsPer1000"] = {name: round(seconds / thousands, 4) for name, seconds in cpu.items()}
    report["cpuSecondsPer1000Total"] = round(sum(cpu.values()) / thousands, 4)
    report["machineBusy"] = round((busy_after - busy) / (ticks_after - ticks), 3)
    report["cpuShareOfSuite"] = round(sum(cpu.values()) * TICKS / (busy_after - busy), 3)
    report.update(stages(since))
    report["residentMB"] = suite.resident()
    show(report)
    return report


def show(report: dict[str, Any]) -> None:
    pace = f"{report['rate']}/s offered" if "rate" in report else "to completion"
    print(f"\n{report['mix']}, {pace}: {report['requestsPerSecond']:.0f} requests/s, "
          f"{report['itemsPerSecond']:.0f} items/s, p50/p95/p99/max "
          f"{report.get('p50')}/{report.get('p95')}/{report.get('p99')}/{report.get('max')} ms"
          + (f", MISSING {report['missing']}" if report["missing"] else "")
          + (f", NOT COMPLETED {report['notCompleted']}" if report["notCompleted"] else ""))
    print(f"  CPU-seconds per 1,000: {report['cpuSecondsPer1000Total']:.3f} ("
          + ", ".join(f"{name} {value:.3f}" for name, value in
                      sorted(report["cpuSecondsPer1000"].items(), key=lambda pair: -pair[1]) if value >= 0.001) + ")")
    print("  model time: " + ", ".join(f"{name} {stage['share']:.0%}" for name, stage in report["stages"].items())
          + f"; escalated {report['escalationRate']}, routing {report['routingEscalationRate']}"
          + f"; machine {report['machineBusy']:.0%} busy, {report['cpuShareOfSuite']:.0%} of that the suite",
          flush=True)


def backlog(items: int) -> dict[str, int]:
    """Submits this many items to the bulk lane, 64 in each request, of every task in proportion to its texts.

    A task of long texts has fewer a request: a request has 256 KiB at most.
    """
    chance = random.Random(11)
    texts = {}
    for path in sorted(Path(os.environ["WINNOW_DATA_DIRECTORY"]).glob("*.val.jsonl.gz")):
        capability, task = path.name.split(".")[:2]
        if capability in CAPABILITIES:
            texts[capability, task] = [json.loads(line)["text"] for line in gzip.open(path, "rt", encoding="utf-8")]
    lines, made = [], 0
    while made < items:
        (capability, task), known = chance.choices(list(texts.items()), [len(known) for known in texts.values()])[0]
        some = chance.choices(known, k=64)
        while sum(map(len, some)) > 60_000:
            some.pop()
        made += len(some)
        lines.append(json.dumps({"steps": [{"capability": capability, "task": task, "items": some}]}))
    subprocess.run([BIN / "winnow", "submit", "--lane", "bulk", "--tenant", "bulk"], env=os.environ | ENVIRONMENT, check=True,
                   text=True, input="\n".join(lines), stdout=subprocess.DEVNULL)
    return {"requests": len(lines), "items": made}


def bulk_items() -> int:
    """The number of answered items of the bulk lane."""
    return int(query("SELECT coalesce(sum(json_array_length(items)), 0) FROM winnow.step JOIN winnow.request USING (request_id)"
                     " WHERE lane = 'bulk' AND winnow.step.state = 'answered'")[0][0])


def lanes(suite: Suite, items: int, seconds: int) -> dict[str, Any]:
    """Interactive latency on an idle suite, and while the bulk lane has a backlog."""
    loads = [("mixed", 10), ("machine", 20)]
    found: dict[str, Any] = {"idle": [measure(suite, "--mix", mix, "--rate", rate, "--seconds", seconds)
                                      for mix, rate in loads]}
    found["backlog"] = backlog(items)
    time.sleep(10)  # until all stages of the bulk lane are busy
    began, before = time.monotonic(), bulk_items()
    found["loaded"] = [measure(suite, "--mix", mix, "--rate", rate, "--seconds", seconds) for mix, rate in loads]
    found["bulkItemsPerSecond"] = round((bulk_items() - before) / (time.monotonic() - began), 1)
    began, before = time.monotonic(), bulk_items()
    time.sleep(seconds / 2)
    found["bulkItemsPerSecondAlone"] = round((bulk_items() - before) / (time.monotonic() - began), 1)
    if query("DELETE FROM winnow.submission WHERE lane = 'bulk' RETURNING 1") == []:
        raise SystemExit("suite_bench: the backlog was finished before the end of the measurement")
    while query("SELECT count(*) FROM winnow.request WHERE state = 'open'") != [["0"]]:
        time.sleep(0.5)
    found["ratios"] = {idle["mix"]: {name: round(loaded[name] / idle[name], 2) for name in ("p50", "p95", "p99")}
                       for idle, loaded in zip(found["idle"], found["loaded"])}
    print(f"\nlanes: {found['backlog']['items']} bulk items; loaded / idle "
          + ", ".join(f"{mix} " + " ".join(f"{name} {ratio}" for name, ratio in ratios.items())
                      for mix, ratios in found["ratios"].items())
          + f"; bulk {found['bulkItemsPerSecond']} items/s meanwhile, {found['bulkItemsPerSecondAlone']} alone", flush=True)
    return found


def idle(suite: Suite, seconds: float) -> dict[str, Any]:
    before = suite.cpu()
    time.sleep(seconds)
    cpu = difference(suite.cpu(), before)
    return {"seconds": seconds, "shareOfACore": round(sum(cpu.values()) / seconds, 4),
            "byService": {name: round(value / seconds, 4) for name, value in cpu.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--lanes", type=int, metavar="ITEMS", help="run only the part about lanes, with a backlog of ITEMS")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    quick = arguments.quick
    suite = Suite(RUN)
    load("--mix", "mixed", "--requests", 200 if quick else 1000, "--in-flight", 100)
    load("--mix", "machine", "--requests", 2000, "--in-flight", 1000)
    load("--mix", "human", "--requests", 100, "--in-flight", 50)
    results: dict[str, Any] = {
        "startedAt": datetime.now(timezone.utc).isoformat(timespec="seconds"), "cores": os.cpu_count(),
        "vnni": "avx512_vnni" in Path("/proc/cpuinfo").read_text(), "loadAverage": os.getloadavg(), "runs": []}
    if arguments.lanes:
        lanes(suite, arguments.lanes, 20 if quick else 60)
        return
    runs = results["runs"]
    seconds = 4 if quick else 20
    runs.append(measure(suite, "--mix", "machine", "--requests", 10_000 if quick else 40_000))
    for rate in [200] if quick else [200, 50]:
        runs.append(measure(suite, "--mix", "machine", "--rate", rate, "--seconds", seconds))
    for mix, count, rate in [("human", 3000, 20), ("mixed", 3000, 20)]:
        runs.append(measure(suite, "--mix", mix, "--requests", 200 if quick else count, "--in-flight", 500))
        if not quick:
            runs.append(measure(suite, "--mix", mix, "--rate", rate, "--seconds", seconds))
    results["lanes"] = lanes(suite, 100_000 if quick else 1_000_000, 10 if quick else 60)
    results["idle"] = idle(suite, 5 if quick else 20)
    results["residentMB"] = suite.resident()
    print(f"\nidle suite: {results['idle']['shareOfACore']:.1%} of a core ("
          + ", ".join(f"{name} {share:.1%}" for name, share in results["idle"]["byService"].items()) + ")")
    print("resident: " + ", ".join(f"{name} {size} MB" for name, size in results["residentMB"].items()))
    arguments.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""`python -m peer.bench` measures Winnow and the peer in turns, then LiteLLM's proxy. Prints a table, writes JSON."""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from processes import TICKS, difference, machine_cpu

from . import gateway
from .load import Load, Report, Texts, read_texts, requests
from .stack import RUN, Stack

SETTINGS = {name: int(os.environ.get(name, default)) for name, default in {
    "ROUNDS": 3, "MACHINE_REQUESTS": 20_000, "MIXED_REQUESTS": 2_000, "IN_FLIGHT": 2_000, "OPEN_LOOP_RATE": 200,
    "OPEN_LOOP_SECONDS": 20, "GATEWAY_SECONDS": 15}.items()}
RATE = SETTINGS["OPEN_LOOP_RATE"]
SYSTEMS = ("winnow", "peer")
FIGURES = (
    ("machine, to completion, requests/s", "machine", "requestsPerSecond"),
    ("machine, CPU-seconds per 1,000", "machine", "cpuSecondsPer1000"),
    (f"machine, {RATE}/s, p50 ms", "open", "p50"), (f"machine, {RATE}/s, p99 ms", "open", "p99"),
    (f"machine, {RATE}/s, CPU-seconds per 1,000", "open", "cpuSecondsPer1000"),
    ("mixed, to completion, requests/s", "mixed", "requestsPerSecond"),
    ("mixed, CPU-seconds per 1,000", "mixed", "cpuSecondsPer1000"), ("mixed, items escalated", "mixed", "itemsEscalated"),
    ("resident, all services, MB", "resident", "services"))


def measure(stack: Stack, load: Load, bodies: list[bytes], **pace: int) -> Report:
    calls, own, before, (busy, ticks) = stack.calls(), time.process_time(), stack.suite.cpu(), machine_cpu()
    report = load.run(bodies, **pace)
    cpu, (busy_after, ticks_after) = difference(stack.suite.cpu(), before), machine_cpu()
    own = time.process_time() - own
    total, elapsed = sum(cpu.values()), max(1, ticks_after - ticks)
    report |= {"cpuSecondsPer1000": round(total / len(bodies) * 1000, 4),
               "cpuBy": {name: round(seconds / len(bodies) * 1000, 4) for name, seconds in cpu.items()},
               "machineBusy": round((busy_after - busy) / elapsed, 3), "generator": round(own * TICKS / elapsed, 3),
               "others": round((busy_after - busy - (total + own) * TICKS) / elapsed, 3),
               "calls": stack.calls() - calls, "callsExpected": report["requests"] + report["requestsEscalated"]}
    report["whole"] = not report["missing"] and not report["notCompleted"] and report["calls"] == report["callsExpected"]
    if not report["whole"]:
        faults = {name: report[name] for name in ("requests", "missing", "notCompleted", "calls", "callsExpected")}
        print(f"bench-peer: NOT WHOLE: {stack.system} {faults}", file=sys.stderr)
    return report


def turn(system: str, texts: Texts, seed: int) -> dict[str, Any]:
    """One system alone: warmed up, then measured."""
    with Stack(system) as stack:
        load = Load(system)
        for mix, count, patience in (("mixed", 60, 90), ("mixed", 400, 30), ("machine", 2000, 30)):
            if load.run(requests(texts, mix, count, seed + 100), in_flight=500, patience=patience)["missing"]:
                raise SystemExit(f"bench-peer: {system} did not answer while it warmed up")
        offered = RATE * SETTINGS["OPEN_LOOP_SECONDS"]
        machine = requests(texts, "machine", max(SETTINGS["MACHINE_REQUESTS"], offered), seed)
        mixed = requests(texts, "mixed", SETTINGS["MIXED_REQUESTS"], seed)
        parts: dict[str, Any] = {
            "machine": measure(stack, load, machine[: SETTINGS["MACHINE_REQUESTS"]], in_flight=SETTINGS["IN_FLIGHT"]),
            "open": measure(stack, load, machine[:offered], rate=RATE),
            "mixed": measure(stack, load, mixed, in_flight=500)}
        by_service = stack.resident()
        parts["resident"] = {"services": round(sum(by_service.values()), 1), "by": by_service}
        load.close()
    return parts


def agreement(own: dict[str, Any], other: dict[str, Any]) -> dict[str, int]:
    """How many items of one round both systems gave the same label; drops the labels."""
    alike = compared = 0
    for part in ("machine", "open", "mixed"):
        labels, others = own[part].pop("labels"), other[part].pop("labels")
        for index in labels.keys() & others.keys():
            compared += len(labels[index])
            alike += sum(a == b for a, b in zip(labels[index], others[index]))
    return {"items": compared, "sameLabel": alike}


def medians(turns: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
    found = {}
    for title, part, figure in FIGURES:
        own, other = (statistics.median(parts[part][figure] for parts in turns[system]) for system in SYSTEMS)
        found[title] = {"winnow": own, "peer": other, "ratio": round(other / own, 3) if own else 0.0}
    return found


def show(results: dict[str, Any], rounds: int) -> None:
    print(f"\n{f'median of {rounds} rounds':44} {'Winnow':>10} {'peer':>10} {'peer/Winnow':>12}")
    for title, row in results["medians"].items():
        print(f"{title:44} {row['winnow']:10.3f} {row['peer']:10.3f} {row['ratio']:11.2f}x")
    same, items = (sum(found[name] for found in results["agreement"]) for name in ("sameLabel", "items"))
    print(f"The same label from both systems: {same} of {items} items.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    began, load_average = time.monotonic(), os.getloadavg()
    texts = read_texts(Path(os.environ["WINNOW_DATA_DIRECTORY"]))
    turns: dict[str, list[dict[str, Any]]] = {system: [] for system in SYSTEMS}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    agreements = []
    for number in range(SETTINGS["ROUNDS"]):
        for system in SYSTEMS if number % 2 == 0 else reversed(SYSTEMS):
            turns[system].append(turn(system, texts, seed=7 + number))
            print(f"bench-peer: round {number + 1}, {system}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        agreements.append(agreement(turns["winnow"][-1], turns["peer"][-1]))
    results: dict[str, Any] = {
        "cores": os.cpu_count(), "loadAverageBefore": load_average, "settings": SETTINGS, "medians": medians(turns),
        "agreement": agreements, "turns": turns}
    show(results, SETTINGS["ROUNDS"])
    if SETTINGS["GATEWAY_SECONDS"]:
        results["litellm"] = gateway.measure(RUN, SETTINGS["GATEWAY_SECONDS"])
        figures = ", ".join(f"{name} {value}" for name, value in results["litellm"].items())
        print(f"\nLiteLLM proxy, mock response: {figures}")
    arguments.out.write_text(json.dumps(results, indent=2) + "\n")
    measured = [part for parts in (*turns["winnow"], *turns["peer"]) for part in parts.values() if "others" in part]
    print(f"\nLoad average before: {load_average[0]:.2f}; something else took up to "
          f"{max(part['others'] for part in measured):.0%} of the machine.")
    if not all(part["whole"] for part in measured):
        raise SystemExit("bench-peer: a request or a ledger row is missing, see NOT WHOLE above")


if __name__ == "__main__":
    main()

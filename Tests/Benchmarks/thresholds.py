"""Compares the ratios of one benchmark run with thresholds.json, prints each as kept or missed, and adds them to the run's file.

thresholds.py FILE

A missed threshold is a finding for people to look at: the exit code stays 0. Standard library only.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Results = dict[str, Any]
WITHOUT_MODELS = ("decomposer", "aggregator", "dev-broker", "postgres")


class NotMeasured(Exception):
    """This run has no such part: a quick one, or one without encoders."""


def run(results: Results, mix: str, rate: int | None = None) -> dict[str, Any]:
    """- Parameter rate: requests a second; none is the run to completion."""
    for report in results.get("runs", []):
        if report["mix"] == mix and report.get("rate") == rate:
            return report
    raise NotMeasured


def lanes(results: Results, mix: str) -> float:
    if "lanes" not in results:
        raise NotMeasured
    idle, loaded = (next(report for report in results["lanes"][state] if report["mix"] == mix)["p95"]
                    for state in ("idle", "loaded"))
    return loaded / idle


def encoders(results: Results, batch: int | None = None) -> list[float]:
    """- Returns: how many times longer ONNX Runtime takes, for each model, in batches of one size or of all."""
    if "encoders" not in results:
        raise NotMeasured
    return [row["onnxRuntimeMicrosPerItem"] / row["winnowMicrosPerItem"] for row in results["encoders"]["rows"]
            if batch in (None, row["batch"])]


def geometric_mean(values: list[float]) -> float:
    return math.prod(values) ** (1 / len(values))


def exits(results: Results) -> float:
    if "encoders" not in results:
        raise NotMeasured
    rows = results["encoders"]["rows"]
    return max(row["withExitsMicrosPerItem"] / row["winnowMicrosPerItem"] for row in rows if has_exits(row["model"], row["head"]))


def has_exits(model: str, head: str) -> bool:
    card = json.loads(Path("infra/models", model, "card.json").read_text())
    return any(f"{one['capability']}/{one['task']}" == head and one.get("exits") for one in card["heads"])


def cpu_without_models(results: Results) -> float:
    spent = run(results, "machine")["cpuSecondsPer1000"]
    return sum(spent[name] for name in WITHOUT_MODELS) / spent["security-services-worker"]


def small_batches(results: Results) -> float:
    return run(results, "machine", 200)["cpuSecondsPer1000Total"] / run(results, "machine")["cpuSecondsPer1000Total"]


def tail(results: Results) -> float:
    report = run(results, "machine", 200)
    return report["p99"] / report["p50"]


RATIOS: dict[str, Callable[[Results], float]] = {
    "lanes.mixed.p95": lambda results: lanes(results, "mixed"),
    "lanes.machine.p95": lambda results: lanes(results, "machine"),
    "encoders.mean.batch1": lambda results: geometric_mean(encoders(results, 1)),
    "encoders.mean.batch32": lambda results: geometric_mean(encoders(results, 32)),
    "encoders.slowest": lambda results: min(encoders(results)),
    "encoders.exits": exits,
    "machine.cpuWithoutModels": cpu_without_models,
    "machine.smallBatches": small_batches,
    "machine.tail": tail,
    "idle.cores": lambda results: results["idle"]["shareOfACore"],
    "resident.worker": lambda results: max(size for name, size in results["residentMB"].items() if name.endswith("-worker")),
    "resident.aggregator": lambda results: results["residentMB"]["aggregator"],
    "resident.decomposer": lambda results: results["residentMB"]["decomposer"],
    "resident.escalator": lambda results: results["residentMB"]["escalator"],
}


def judge(threshold: dict[str, Any], results: Results) -> dict[str, Any]:
    """- Produces: name, value, bound, and whether it is `kept`, `missed` or `not measured`."""
    kind = "atMost" if "atMost" in threshold else "atLeast"
    bound = threshold[kind]
    if isinstance(bound, dict):
        bound = bound.get("vnni" if results["vnni"] else "other")
    found: dict[str, Any] = {"name": threshold["name"], kind: bound, "value": None, "state": "not measured"}
    try:
        found["value"] = round(RATIOS[threshold["name"]](results), 3)
    except NotMeasured:
        return found
    if bound is not None:
        kept = found["value"] <= bound if kind == "atMost" else found["value"] >= bound
        found["state"] = "kept" if kept else "missed"
    else:
        found["state"] = "no bound"
    return found


def show(found: dict[str, Any], unit: str) -> None:
    bound = next(((word, found[kind]) for kind, word in (("atMost", "at most"), ("atLeast", "at least"))
                  if found.get(kind) is not None), None)
    value = "–" if found["value"] is None else f"{found['value']:.3f}"
    print(f"  {found['state']:13} {found['name']:26} {value:>8}  {f'{bound[0]} {bound[1]}' if bound else '':14} {unit}")


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    path = Path(sys.argv[1])
    results = json.loads(path.read_text())
    thresholds = json.loads(Path(__file__).with_name("thresholds.json").read_text())["thresholds"]
    results["thresholds"] = [judge(threshold, results) for threshold in thresholds]
    path.write_text(json.dumps(results, indent=2) + "\n")
    print("\nThresholds; they count only where nothing else ran "
          f"(load average before: {results['loadAverage'][0]:.2f}):")
    for threshold, found in zip(thresholds, results["thresholds"]):
        show(found, threshold["unit"])


if __name__ == "__main__":
    main()

"""What must hold after a chaos run, asked of Postgres and of the topics."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import defaultdict

from faults import Fault
from stack import Stack


class Load:
    """What was submitted, and every result that was ever written, kept by two readers of the topics."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.accepted: list[tuple[str, str]] = []
        self.results_path, self.letters_path = stack.tail("winnow.results.v1"), stack.tail("winnow.dead-letters.v1")

    def settle(self, seconds: float) -> None:
        """Waits until nothing is open and nothing waits, then asks for every result once more."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            left = int(self.stack.value("SELECT (SELECT count(*) FROM winnow.request WHERE state = 'open')"
                                        " + (SELECT count(*) FROM winnow.submission)"))
            if left == 0:
                break
            time.sleep(0.5)
        self.again: dict[str, str] = {}
        by_tenant = defaultdict(list)
        for tenant, event_id in self.accepted:
            by_tenant[tenant].append(event_id)
        for tenant, ids in by_tenant.items():
            # the body does not matter any more: the id is known
            text = "\n".join(json.dumps({"id": event_id, "text": "again"}) for event_id in ids)
            for result in self.stack.winnow("submit", "--tenant", tenant, "--wait", "--json", "--timeout", "120", text=text,
                                            check=False):
                self.again[result["id"]] = digest(result)
        self.stack.end_tails()

    def results(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for line in filter(None, self.results_path.read_bytes().splitlines()):
            result = json.loads(line)
            found[result["id"]].add(digest(result))
        for event_id, value in self.again.items():
            found[event_id].add(value)
        return found

    def dead_letters(self) -> int:
        return len(self.letters_path.read_bytes().splitlines()) - 1


def digest(result: dict) -> str:
    """What was answered, without what it cost: a late cost is added to the same answers."""
    said = [result["status"], [[step["capability"], step["task"], step["status"],
                                [[item.get("text"), item.get("label"), item.get("decidedBy")] for item in step["items"]]]
                               for step in result["steps"]]]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def table(stack: Stack, load: Load, plan: list[Fault]) -> bool:
    """What became of the requests that were open when a fault came, and how long the longest of them waited after it."""
    results = load.results()
    charged_twice = {row[0] for row in stack.rows(
        "SELECT DISTINCT r.event_id FROM winnow.attempt AS a JOIN winnow.request AS r USING (request_id)"
        " WHERE a.kind IN ('worker', 'router') GROUP BY r.event_id, a.request_id, a.step_ordinal HAVING count(*) > 1")}
    spans = [(row[0], float(row[1]), float(row[2])) for row in stack.rows(
        "SELECT event_id, extract(epoch FROM accepted_at), coalesce(extract(epoch FROM completed_at), 'infinity')"
        " FROM winnow.request")]
    kinds: dict[str, list[tuple[Fault, list[tuple[str, float]]]]] = defaultdict(list)
    for fault in plan:
        place = fault.target if fault.target in ("postgres", "broker") else "service"
        open_then = [(event_id, end - fault.at) for event_id, begin, end in spans if begin <= fault.at < end]
        kinds[f"{place}: {fault.name}"].append((fault, open_then))
    print(f"{'fault':38} {'injected':>8} {'recovered':>9} {'lost':>5} {'doubled':>7} {'longest stall':>14}")
    whole = True
    for kind, seen in sorted(kinds.items()):
        done = [open_then for fault, open_then in seen if fault.injected]
        lost = {event_id for open_then in done for event_id, stall in open_then
                if stall == math.inf or event_id not in results}
        doubled = {event_id for open_then in done for event_id, _ in open_then
                   if len(results.get(event_id, ())) > 1 or event_id in charged_twice}
        recovered = sum(lost.isdisjoint(event_id for event_id, _ in open_then) for open_then in done)
        longest = max((stall for open_then in done for _, stall in open_then if stall < math.inf), default=0.0)
        print(f"{kind:38} {len(done):8} {recovered:9} {len(lost):5} {len(doubled):7} {longest:12.1f} s")
        whole = whole and not lost and not doubled
    print()
    return whole


def check(stack: Stack, load: Load) -> bool:
    """Every promise, with how often it was broken."""
    results, ids = load.results(), {event_id for _, event_id in load.accepted}
    count = lambda sql: int(stack.value(sql))
    steps = "winnow.step AS s JOIN winnow.request AS r USING (request_id)"
    broken = {
        "accepted requests without a row": len(ids) - count(
            "SELECT count(DISTINCT event_id) FROM winnow.request"),
        "requests still open": count("SELECT count(*) FROM winnow.request WHERE state = 'open'"),
        "requests open past their deadline": count(
            "SELECT count(*) FROM winnow.request WHERE state = 'open' AND deadline_at < now() - interval '5 s'"),
        "requests without a result": len(ids - set(results)),
        "requests with two different results": sum(len(results[event_id]) > 1 for event_id in ids),
        "submissions left behind": count("SELECT count(*) FROM winnow.submission"),
        "answered steps without their worker's charge": count(
            f"SELECT count(*) FROM {steps} WHERE s.state = 'answered' AND s.capability <> 'decomposition' AND NOT EXISTS ("
            " SELECT FROM winnow.attempt AS a WHERE a.request_id = s.request_id AND a.step_ordinal = s.ordinal"
            " AND a.kind = 'worker')"),
        "steps charged twice for their worker": count(
            "SELECT count(*) FROM (SELECT FROM winnow.attempt WHERE kind IN ('worker', 'router')"
            " GROUP BY request_id, step_ordinal HAVING count(*) > 1) AS d"),
        "full-model calls neither settled nor unknown": count(
            "SELECT count(*) FROM winnow.attempt WHERE kind = 'full' AND state NOT IN ('settled', 'unknown', 'failed')"),
        "items answered by the full model without a call": count(
            f"SELECT count(*) FROM {steps} WHERE s.state = 'answered' AND s.answers::text LIKE '%\"full\"%' AND NOT EXISTS ("
            " SELECT FROM winnow.attempt AS a WHERE a.request_id = s.request_id AND a.step_ordinal = s.ordinal"
            " AND a.kind = 'full' AND a.state = 'settled')"),
        "requests whose cost is not their ledger's": count(
            "SELECT count(*) FROM winnow.request AS r WHERE r.state <> 'open' AND r.cost_pico_usd <> ("
            " SELECT coalesce(sum(a.cost_pico_usd), 0) FROM winnow.attempt AS a WHERE a.request_id = r.request_id"
            " AND a.kind <> 'shadow')"),
        "pico-USD that the ledger and its sums differ by": count(
            "SELECT abs((SELECT coalesce(sum(cost_pico_usd), 0) FROM winnow.attempt)"
            " - (SELECT coalesce(sum(cost_pico_usd), 0) FROM winnow.cost))"),
        "calls that are missing or double in the sums": count(
            "SELECT coalesce(sum(abs(coalesce(a.n, 0) - coalesce(c.n, 0))), 0) FROM"
            " (SELECT tenant_id, capability, task, kind, count(*) AS n FROM winnow.attempt GROUP BY 1, 2, 3, 4) AS a"
            " FULL JOIN (SELECT tenant_id, capability, task, kind, sum(calls) AS n FROM winnow.cost GROUP BY 1, 2, 3, 4) AS c"
            " USING (tenant_id, capability, task, kind)"),
        "pico-USD spent above a budget": count("SELECT coalesce(sum(greatest(spent_pico_usd - limit_pico_usd, 0)), 0) FROM ops.budget"),
        "pico-USD that budgets and ledger differ by": count(
            "SELECT coalesce(sum(abs(b.spent_pico_usd - (SELECT coalesce(sum(a.cost_pico_usd), 0) FROM winnow.attempt AS a"
            " WHERE a.tenant_id = b.tenant AND a.kind = 'full'))), 0) FROM ops.budget AS b"),
        "dead letters": load.dead_letters(),
    }
    for promise, times in broken.items():
        print(f"{'ok    ' if times == 0 else 'BROKEN'} {promise}: {times}")
    states = stack.rows("SELECT state, count(*) FROM winnow.request GROUP BY 1 ORDER BY 1")
    calls = stack.rows("SELECT kind || ' ' || state, count(*) FROM winnow.attempt GROUP BY 1 ORDER BY 1")
    print("\nrequests: " + ", ".join(f"{name} {number}" for name, number in states)
          + "\nbudgets, pico-USD: " + ", ".join(
              f"{tenant} {spent} of {limit}" for tenant, spent, limit in stack.rows(
                  "SELECT tenant, spent_pico_usd, limit_pico_usd FROM ops.budget"))
          + "; answers without: " + stack.value(
              "SELECT count(*) FROM winnow.step WHERE answers::text LIKE '%\"degraded\"%'")
          + "\ncalls:    " + ", ".join(f"{name} {number}" for name, number in calls))
    return not any(broken.values())

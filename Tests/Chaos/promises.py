"""The promises that must hold after a chaos run, checked in Postgres and in the topics."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict

from faults import Fault
from load import Load
from stack import Stack


def table(stack: Stack, load: Load, plan: list[Fault]) -> bool:
    """Prints for each kind of fault what happened to the requests that were open then, and the longest wait after it."""
    missing = load.missing()
    charged_twice = {row[0] for row in stack.rows(
        "SELECT DISTINCT r.event_id FROM winnow.attempt AS a JOIN winnow.request AS r USING (request_id)"
        " WHERE a.kind IN ('worker', 'router') GROUP BY r.event_id, a.request_id, a.step_ordinal HAVING count(*) > 1")}
    spans = [(row[0], float(row[1]), float(row[2])) for row in stack.rows(
        "SELECT event_id, extract(epoch FROM accepted_at), coalesce(extract(epoch FROM completed_at), 'infinity')"
        " FROM winnow.request")]
    kinds: dict[str, list[tuple[Fault, list[tuple[str, float]]]]] = defaultdict(list)
    for fault in plan:
        place = fault.target if fault.target in ("postgres", "broker", "model") else "service"
        open_then = [(event_id, end - fault.at) for event_id, begin, end in spans if begin <= fault.at < end]
        kinds[f"{place}: {fault.name}"].append((fault, open_then))
    print(f"{'fault':38} {'injected':>8} {'recovered':>9} {'lost':>5} {'doubled':>7} {'longest stall':>14}")
    whole = True
    for kind, seen in sorted(kinds.items()):
        done = [open_then for fault, open_then in seen if fault.injected]
        lost = {event_id for open_then in done for event_id, stall in open_then
                if stall == math.inf or event_id in missing}
        doubled = {event_id for open_then in done for event_id, _ in open_then
                   if differs(load, event_id) or event_id in charged_twice}
        recovered = sum(lost.isdisjoint(event_id for event_id, _ in open_then) for open_then in done)
        longest = max((stall for open_then in done for _, stall in open_then if stall < math.inf), default=0.0)
        print(f"{kind:38} {len(done):8} {recovered:9} {len(lost):5} {len(doubled):7} {longest:12.1f} s")
        whole = whole and not lost and not doubled
    print()
    return whole


def differs(load: Load, event_id: str) -> bool:
    """Whether one id got results with different contents. A repeated result must have the same bytes."""
    return len({record.value for record in load.every.get(event_id, [])}) > 1


def unexplained_calls(stack: Stack, plan: list[Fault]) -> int:
    """Calls of the full model beyond a step's first that no fault explains.

    An escalator remembers what it has settled until it ends. So a second call of the same step needs another process, a
    database that was away when the first call had to be settled, or another question: a worker whose certificates have
    expired while the broker was away escalates more items than before.
    """
    faults = [(start, start) for instance in stack.instances if instance.name == "escalator" for start in instance.started_at]
    faults += [(fault.at, fault.ended) for fault in plan if fault.target == "postgres" and fault.injected]
    rows = stack.rows(
        "SELECT request_id, step_ordinal, extract(epoch FROM started_at), items, state FROM winnow.attempt"
        " WHERE kind = 'full' AND state <> 'failed' AND capability <> 'feedback' ORDER BY request_id, step_ordinal, number")
    calls: dict[tuple[str, str], list[tuple[float, str, str]]] = defaultdict(list)
    for request, step, at, items, state in rows:
        calls[request, step].append((float(at) - stack.database_ahead, items, state))
    unexplained = 0
    for (request, step), made in calls.items():
        for (first, items, state), (second, others, then) in zip(made, made[1:]):
            if items == others and not any(begin <= second and first <= end for begin, end in faults):
                unexplained += 1
                print(f"called again without a fault: step {request}/{step}, {state} call of {items} items at {first:.3f}, "
                      f"{then} call at {second:.3f}")
    return unexplained


def answered_again(stack: Stack) -> int:
    """Answers of the language model to a prompt that it had answered before, which no lost call explains.

    A call is lost if its answer could not be read, or if the process died before it was settled. Its row says so, and has a cost.
    """
    answers = stack.journal.read_text().split()
    lost = int(stack.value("SELECT count(*) FROM winnow.attempt WHERE capability = 'feedback' AND state <> 'settled'"
                           " AND cost_pico_usd > 0"))
    # An answer that is none of the labels is paid for too, and asked for once more: that answer is the first to its prompt.
    return max(0, len(answers) - len(set(answers)) - lost)


def degraded_in_results(load: Load) -> dict[str, int]:
    """Answers that are marked as degraded because the budget was spent, by request."""
    marked = {}
    for event_id, records in load.every.items():
        steps = json.loads(records[0].value)["steps"]
        count = sum(item.get("degraded", False) for step in steps if step["capability"] != "decomposition"
                    for item in step["items"])
        if count:
            marked[event_id] = count
    return marked


def check(stack: Stack, load: Load, plan: list[Fault]) -> bool:
    """Every promise, with the number of times that it was broken."""
    ids = load.accepted.keys()
    count = lambda sql: int(stack.value(sql))
    steps = "winnow.step AS s JOIN winnow.request AS r USING (request_id)"
    degraded = degraded_in_results(load)
    stored = {event_id: int(number) for event_id, number in stack.rows(
        f"SELECT r.event_id, count(*) FROM {steps}, json_array_elements(s.answers) AS a"
        " WHERE s.capability <> 'decomposition' AND (a ->> 'degraded')::boolean GROUP BY 1")}
    by_hour = (
        "(SELECT a.tenant_id, date_trunc('hour', a.started_at, 'UTC') AS hour, sum(a.cost_pico_usd) AS spent"
        " FROM winnow.attempt AS a WHERE a.kind = 'full' GROUP BY 1, 2) AS s")
    answered = "s.state = 'answered' AND s.capability NOT IN ('decomposition', 'feedback')"
    # Nobody reads an item in a language that no model was cut for.
    read = ("EXISTS (SELECT FROM json_array_elements(s.answers) AS a"
            " WHERE a ->> 'label' IS DISTINCT FROM 'unsupported_language')")
    charged = ("EXISTS (SELECT FROM winnow.attempt AS a WHERE a.request_id = s.request_id AND a.step_ordinal = s.ordinal"
               " AND a.kind = 'worker')")
    broken = {
        "accepted requests without a row": len(ids) - count(
            "SELECT count(DISTINCT event_id) FROM winnow.request"),
        "requests still open": count("SELECT count(*) FROM winnow.request WHERE state = 'open'"),
        "requests open past their deadline": count(
            f"SELECT count(*) FROM winnow.request WHERE state = 'open' AND deadline_at < to_timestamp({time.time() - 5})"),
        "requests whose result did not arrive before it was asked for again": len(load.missing()),
        "requests without a result after it was asked for again": len(ids - load.every.keys()),
        "requests whose results differ in a byte": sum(differs(load, event_id) for event_id in ids),
        "submissions left behind": count("SELECT count(*) FROM winnow.submission"),
        "answered steps without their worker's charge": count(
            f"SELECT count(*) FROM {steps} WHERE {answered} AND {read} AND NOT {charged}"),
        "steps in languages of no model that are charged": count(
            f"SELECT count(*) FROM {steps} WHERE {answered} AND NOT {read} AND {charged}"),
        "steps charged twice for their worker": count(
            "SELECT count(*) FROM (SELECT FROM winnow.attempt WHERE kind IN ('worker', 'router')"
            " GROUP BY request_id, step_ordinal HAVING count(*) > 1) AS d"),
        "full-model calls neither settled nor unknown": count(
            "SELECT count(*) FROM winnow.attempt WHERE kind = 'full' AND state NOT IN ('settled', 'unknown', 'failed')"),
        "full-model calls of a step again that no fault explains": unexplained_calls(stack, plan),
        "answers of the language model that were paid for twice": answered_again(stack),
        "items of the language model that are answered without a settled call": count(
            f"SELECT count(*) FROM {steps} WHERE s.state = 'answered' AND s.capability = 'feedback' AND (SELECT count(*)"
            " FROM winnow.attempt AS a WHERE a.request_id = s.request_id AND a.step_ordinal = s.ordinal AND a.state = 'settled')"
            " < json_array_length(s.items)"),
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
        "pico-USD spent above a month's budget": count(
            "SELECT coalesce(sum(greatest(spent - b.limit_pico_usd, 0)), 0) FROM winnow.budget AS b JOIN ("
            " SELECT tenant_id, sum(cost_pico_usd) AS spent FROM winnow.attempt WHERE kind = 'full' GROUP BY 1) AS s"
            " USING (tenant_id) WHERE b.period = 'month'"),
        "pico-USD spent above an hour's budget": count(
            f"SELECT coalesce(sum(greatest(s.spent - b.limit_pico_usd, 0)), 0) FROM winnow.budget AS b JOIN {by_hour}"
            " USING (tenant_id) WHERE b.period = 'hour'"),
        "pico-USD of an hour that budgets and ledger differ by": count(
            f"SELECT coalesce(sum(abs(s.spent - winnow.budget_spent(s.tenant_id, 'hour', s.hour))), 0) FROM {by_hour}"),
        "requests whose degraded answers are stored otherwise than sent": len(
            set(stored.items()) ^ set(degraded.items())),
        "spent budgets without a degraded answer": count(
            "SELECT count(*) FROM ops.budget WHERE policy = 'degrade' AND spent_pico_usd > 0.98 * limit_pico_usd"
            ) if not degraded else 0,
        "dead letters": load.dead_letters(),
    }
    for promise, times in broken.items():
        print(f"{'ok    ' if times == 0 else 'BROKEN'} {promise}: {times}")
    states = stack.rows("SELECT state, count(*) FROM winnow.request GROUP BY 1 ORDER BY 1")
    calls = stack.rows("SELECT kind || ' ' || state, count(*) FROM winnow.attempt GROUP BY 1 ORDER BY 1")
    hours = stack.rows(f"SELECT s.tenant_id, s.hour, s.spent FROM {by_hour} ORDER BY 1, 2")
    repeated = sum(len(records) - 1 for records in load.every.values())
    print("\nrequests: " + ", ".join(f"{name} {number}" for name, number in states)
          + f"\nresults:  {len(load.first)} arrived by themselves, {len(load.forgotten - load.undelivered)} the broker had acknowledged"
            f" and forgot, of {len(load.undelivered)} it forgot the outcome, {repeated} came again"
          + "\nbudgets, pico-USD: " + ", ".join(
              f"{tenant} {spent} of {limit} in the {period}" for tenant, period, spent, limit in stack.rows(
                  "SELECT tenant, period, spent_pico_usd, limit_pico_usd FROM ops.budget"))
          + f"; answers without: {sum(degraded.values())}"
          + "\nby hour:  " + ", ".join(f"{tenant} {hour}: {spent}" for tenant, hour, spent in hours)
          + "\ncalls:    " + ", ".join(f"{name} {number}" for name, number in calls))
    return not any(broken.values())

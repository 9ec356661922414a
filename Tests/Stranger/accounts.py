"""Compares what the suite has written down with what its language model and its applications have seen."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

from private_suite import PrivateSuite, expect

# USD for a million tokens, as the endpoint's file has them. They are also pico-USD for a millionth part of a token.
INPUT, CACHED, OUTPUT = 2, 1, 10
_PICO = 1_000_000


def answers(journal: Path) -> list[tuple[int, int, int]]:
    """The tokens of each answer of the language model, in the order of the answers: input, cached input, output."""
    rows = map(json.loads, journal.read_text().splitlines())
    return [(row["input"], row["cached"], row["output"]) for row in rows]


def calls(suite: PrivateSuite, model: str, given: list[tuple[int, int, int]]) -> str:
    """Every answer that the model has given is in the ledger, once, with its tokens and their price, and nothing else is."""
    rows = suite.rows("SELECT input_tokens, cached_input_tokens, output_tokens, cost_pico_usd, state, is_estimated"
                      f" FROM winnow.attempt WHERE model = '{model}'")
    states = Counter(row[4] for row in rows)
    expect(set(states) <= {"settled"}, f"calls that are not settled: {dict(states)}")
    expect(all(row[5] == "f" for row in rows), "the tokens of a call are estimated")
    booked = Counter(tuple(map(int, row[:3])) for row in rows)
    missing, strange = Counter(given) - booked, booked - Counter(given)
    expect(not missing, f"{missing.total()} of {len(given)} answers are not in the ledger: {list(missing)[:3]}")
    expect(not strange, f"{strange.total()} rows of the ledger are no answer of the model, or one twice: {list(strange)[:3]}")
    wrong = [row[:4] for row in rows if int(row[3]) != price(*map(int, row[:3]))]
    expect(not wrong, f"{len(wrong)} calls have a wrong price, such as {wrong[:1]}")
    total = sum(price(*tokens) for tokens in given)
    return f"{len(given)} answers of the model are {len(rows)} rows of the ledger, at {total / 1e12:.6f} USD"


def price(tokens: int, cached: int, output: int) -> int:
    return _PICO * (INPUT * (tokens - cached) + CACHED * cached + OUTPUT * output)


def sums(suite: PrivateSuite) -> str:
    """Sums, totals of requests, and what the budgets show as spent, are those of the ledger's rows."""
    columns = "calls, items, input, output, flops, cost, full_cost"
    differing = suite.rows("""
        WITH rows AS (
            SELECT tenant_id, capability, task, model, version, kind, count(*) AS calls, sum(items) AS items,
                sum(input_tokens) AS input, sum(output_tokens) AS output, sum(flops) AS flops, sum(cost_pico_usd) AS cost,
                sum(full_model_cost_pico_usd) AS full_cost
            FROM winnow.attempt GROUP BY 1, 2, 3, 4, 5, 6),
        sums AS (
            SELECT tenant_id, capability, task, model, version, kind, sum(calls) AS calls, sum(items) AS items,
                sum(input_tokens) AS input, sum(output_tokens) AS output, sum(flops) AS flops, sum(cost_pico_usd) AS cost,
                sum(full_model_cost_pico_usd) AS full_cost
            FROM winnow.cost GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(calls) <> 0)
        (SELECT 'rows', * FROM (SELECT * FROM rows EXCEPT SELECT * FROM sums) AS r)
        UNION ALL (SELECT 'sums', * FROM (SELECT * FROM sums EXCEPT SELECT * FROM rows) AS s)""")
    expect(not differing, f"the sums of the ledger ({columns}) differ from its rows: {differing[:2]}")
    totals = suite.rows("""
        SELECT r.event_id, r.cost_pico_usd, a.cost FROM winnow.request AS r CROSS JOIN LATERAL (
            SELECT coalesce(sum(cost_pico_usd), 0) AS cost FROM winnow.attempt
            WHERE request_id = r.request_id AND kind <> 'shadow') AS a
        WHERE r.state = 'open' OR r.cost_pico_usd <> a.cost""")
    expect(not totals, f"requests that are open, or whose total is not the sum of their calls: {totals[:2]}")
    budgets = suite.table("budget", "show")
    for budget in budgets:
        spent = suite.number("SELECT coalesce(sum(cost_pico_usd), 0) FROM winnow.attempt WHERE kind = 'full'"
                             f" AND tenant_id = '{budget['tenant']}'"
                             f" AND started_at >= date_trunc('{budget['period']}', now(), 'UTC')")
        shown = round(float(budget["spent_usd"]) * 1e12)
        expect(shown == spent, f"the budget of {budget['tenant']} shows {shown} pico-USD as spent, and its calls cost {spent}")
    count = suite.number("SELECT count(*) FROM winnow.request")
    return f"{count} requests and {len(budgets)} budgets have the sums of their calls"


def certificates(suite: PrivateSuite, capability: str) -> str:
    """What the certificates are said to have shown is what was compared, and nothing was accepted without one."""
    rows = suite.rows(f"""
        SELECT c.certificate_id, c.state, a.compared, a.disagreed, count(t.digest)
        FROM ops.certificate AS c JOIN ops.certificate_agreement AS a USING (certificate_id)
        LEFT JOIN winnow.shadow_text AS t USING (certificate_id) WHERE c.capability = '{capability}' GROUP BY 1, 2, 3, 4""")
    for certificate, state, compared, disagreed, texts in rows:
        found = suite.rows("SELECT count(*), count(*) FILTER (WHERE NOT agrees) FROM winnow.shadow_comparison"
                           f" WHERE certificate_id = '{certificate}'")[0]
        expect([compared, disagreed] == found and compared == texts,
               f"certificate {certificate} shows {compared} comparisons, {disagreed} disagreements, and has {found}, {texts} texts")
        expect(state == "revoked", f"certificate {certificate} is {state}")
    return f"{len(rows)} certificate with the {', '.join(row[2] for row in rows)} comparisons that revoked it"


def results(sent: list[tuple[str, str]], files: list[Path]) -> str:
    """Each request has one result. A record that was delivered again has the same id and content.

    - Parameters:
        sent: tenant and id of each request.
        files: what readers of the results topic have read, in the format of `kcat -J`. A last line may be cut off.
    """
    found: dict[tuple[str, str], Counter] = defaultdict(Counter)
    for record in (json.loads(line) for file in files for line in file.read_text().splitlines(keepends=True) if line[-1] == "\n"):
        headers = dict(zip(record["headers"][::2], record["headers"][1::2]))
        key = headers["ce_authid"], json.loads(record["payload"])["id"]
        found[key][headers["ce_id"], record["payload"]] += 1
    none = [key for key in sent if key not in found]
    several = [key for key, contents in found.items() if len(contents) > 1]
    strange = found.keys() - set(sent)
    expect(len(set(sent)) == len(sent), "an id was used twice")
    expect(not none, f"{len(none)} of {len(sent)} requests have no result, such as {none[:3]}")
    expect(not several, f"{len(several)} requests have results that differ, such as {several[:3]}")
    expect(not strange, f"{len(strange)} results are of no request")
    again = sum(contents.total() for contents in found.values()) - len(found)
    return f"{len(sent)} requests have one result each; {again} records came again, with the same content"

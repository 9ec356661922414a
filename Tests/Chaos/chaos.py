"""Kills, stops and restarts every part of a suite under load, then looks for lost and doubled records.

    chaos.py [--seed N] [--faults N] [--requests N] [--seconds N] [--bin FOLDER] [--keep]

Prints a table fault × injected × recovered × lost × doubled × longest stall, and every promise that was checked. Ends with 1 if a
promise was broken. With KAFKA_BOOTSTRAP_SERVERS it uses that cluster, and the command in CHAOS_BROKER_RESTART restarts a broker.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
import uuid
from pathlib import Path

from faults import Injector, schedule
from load import Load, Submission
from promises import check, table
from stack import ROOT, Stack


def requests(seed: int, count: int, run: str) -> list[dict]:
    """Every kind of request in turn, for three tenants; every sixth asks the language model. One in twenty has a deadline."""
    chance = random.Random(f"{seed} requests")
    kinds = [json.loads(line) for line in (ROOT / "infra/demo/requests.jsonl").read_text().splitlines()]
    made = []
    for number in range(count):
        request = dict(kinds[number % len(kinds)])
        if number % 6 == 5:
            # Each text occurs once, so the model's own journal shows whether it was asked twice.
            items = [f"Message {place} of {run}-{number}: the lamp is broken." for place in range(3)]
            request = {"id": "feedback", "steps": [{"capability": "feedback", "task": "mood", "items": items}]}
        request["id"] = f"{run}-{number}-{request['id']}"
        if chance.random() < 0.05:
            deadline = time.time() + chance.uniform(20, 120)
            request["deadline"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(deadline))
        made.append(request)
    return made


def submit(stack: Stack, load: Load, batch: list[dict], tenant: str, lane: str = "interactive") -> None:
    """Submits until the batch is stored. If the database is away the command fails, and the caller tries again, like any client."""
    text = "\n".join(json.dumps(request) for request in batch)
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        try:
            stack.winnow("submit", "--tenant", tenant, "--lane", lane, "--json", text=text)
            break
        except RuntimeError:
            time.sleep(0.5)
    else:
        raise RuntimeError("every submission has failed for four minutes")
    load.accepted |= {request["id"]: Submission(tenant, lane, request) for request in batch}


def database_ahead(seed: int, seconds: float) -> int:
    """Seconds by which the database's clock is ahead of the services', so that an hour of budgets ends in the middle of the run.

    Negative for an odd seed, positive for an even one: budgets must count by one clock, whichever of the two is late.
    """
    left = round(3600 - (time.time() + 15 + seconds / 2) % 3600)
    return left if seed % 2 == 0 else left - 3600


def run(arguments: argparse.Namespace, stack: Stack) -> bool:
    chance = random.Random(f"{arguments.seed} pace")
    plan = schedule(arguments.seed, arguments.faults)
    work = requests(arguments.seed, arguments.requests, uuid.uuid4().hex[:8])
    load = Load(stack)
    injector = Injector(stack)
    began = time.monotonic()
    share = max(1, -(-len(work) // (len(plan) + 1)))
    pause = arguments.seconds / (len(plan) + 1)
    tenants = ["acme", "globex", "initech"]
    # The limits are so small that one budget is spent during the run, and the other in each of the two hours of the run.
    stack.winnow("budget", "set", "initech", "--period", "month", "--limit", str(1_000 * arguments.requests))
    stack.winnow("budget", "set", "globex", "--period", "hour", "--limit", str(500 * arguments.requests))
    for number in range(len(plan) + 1):
        batch = work[number * share : (number + 1) * share]
        if batch:
            submit(stack, load, batch, tenants[number % len(tenants)], "bulk" if number % 4 == 3 else "interactive")
        injector.collect()
        if number < len(plan):
            injector.inject(plan[number])
            print(f"  {time.monotonic() - began:5.0f} s  {plan[number].target}: {plan[number].name}", file=sys.stderr, flush=True)
        next_at = began + (number + 1) * pause * chance.uniform(0.85, 1.0)
        time.sleep(max(0.0, next_at - time.monotonic()))
    injector.finish()
    # send load that reaches the fault points that were armed and not reached yet
    extra = 0
    while injector.armed and extra < 8:
        more = requests(arguments.seed + 1 + extra, 24, uuid.uuid4().hex[:8])
        submit(stack, load, more, tenants[extra % len(tenants)], "bulk" if extra % 2 == 0 else "interactive")
        time.sleep(4)
        injector.collect()
        extra += 1
    for fault in injector.armed:
        (stack.faults / f"{fault.target}.{fault.detail}").unlink(missing_ok=True)
    stack.wait_ready(60)
    load.settle(seconds=180)
    print(f"{len(load.accepted)} requests, {sum(fault.injected for fault in plan)} of {len(plan)} faults, "
          f"{time.monotonic() - began:.0f} s, seed {arguments.seed}\n")
    whole = table(stack, load, plan)
    return check(stack, load, plan) and whole


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--requests", type=int, default=2400)
    parser.add_argument("--seconds", type=float, default=660)
    parser.add_argument("--bin", type=Path, default=ROOT / ".build/debug")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    arguments = parser.parse_args()
    # like Ctrl-C: stop everything that was started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="winnow-chaos.", dir="/tmp"))
    folder.chmod(0o755)
    stack = Stack(folder, arguments.bin.resolve(), database_ahead(arguments.seed, arguments.seconds))
    kept = arguments.keep
    try:
        stack.start()
        passed = run(arguments, stack)
        kept = kept or not passed
        return 0 if passed else 1
    except BaseException:
        kept = True
        raise
    finally:
        stack.stop()
        if kept:
            print(f"logs: {folder}/logs", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

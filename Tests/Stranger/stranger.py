#!/usr/bin/env python3
"""Takes a task that Winnow has never seen through its whole life, on one running suite. infra/dev/stranger.sh runs it.

Everything that somebody brings is one file of a capability, one of an endpoint, and the server behind it. Each stage prints what
was seen, and the first thing that does not hold ends the run with 1.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path

import accounts
import other_router
from private_suite import ROOT, PrivateSuite, drive, expect, items, until
from tickets import CAPABILITY, LABELS, ROUTE, TASK, Tickets, team

TENANTS = ["amsterdam", "bern", "copenhagen", "dresden", "eindhoven"]
ENDPOINT = "workshop"
MODEL = f"endpoint:{ENDPOINT}"
# One item in four is compared, so that a drift shows in a minute. The broker forgets its records when it is killed, so what waits
# in Postgres and what is under way must come again soon.
SETTINGS = {"WINNOW_SHADOW_RATE": "0.25", "WINNOW_REDRIVE_AFTER_SECONDS": "15", "WINNOW_INTAKE_RESEND_SECONDS": "10"}
AGREEMENT = 0.98
TAUGHT, CALIBRATED, HUMANS = 640, 480, 12


class Stranger:
    def __init__(self, suite: PrivateSuite) -> None:
        self.suite, self.folder = suite, suite.folder
        self.file = suite.capabilities / CAPABILITY / "capability.json"
        self.orders, self.journal = self.folder / "orders", self.folder / "journal"
        self.tickets = Tickets(7)
        self.sent: list[tuple[str, str]] = []
        self.outside: list[tuple[int, int]] = []
        self.readers: list[Path] = []
        self.stages = 0
        self.began = time.monotonic()

    def say(self, stage: str, text: str) -> None:
        self.stages += 1
        print(f"stranger: {time.monotonic() - self.began:4.0f} s  {self.stages:2}. {stage}: {text}", flush=True)

    # What the stranger brings

    def order(self, rule: str, delay: int = 0) -> None:
        """Tells the language model how to answer from now on. The file is replaced as a whole, since it is read at any time."""
        new = self.orders.with_suffix(".new")
        new.write_text(json.dumps({"rule": rule, "delayMs": delay}))
        new.rename(self.orders)

    def answers(self) -> int:
        return len(self.journal.read_text().splitlines())

    def start_model(self) -> None:
        self.order("plain")
        self.journal.touch()
        self.suite.launch("model", ["python3", "-u", ROOT / "Tests/Stranger/rule_server.py", self.orders, self.journal])
        log = self.suite.run / "logs/model.log"
        until(lambda: log.read_text().startswith("http"), 20, "the language model answers")
        endpoint = {"baseURL": f"{log.read_text().strip()}/v1", "model": "workshop", "topLogprobs": 0, "maxInFlight": 8,
                    "prices": [{"from": "2026-01-01T00:00:00Z", "input": str(accounts.INPUT), "cachedInput": str(accounts.CACHED),
                                "output": str(accounts.OUTPUT)}]}
        (self.suite.endpoints / f"{ENDPOINT}.json").write_text(json.dumps(endpoint))

    def describe(self) -> None:
        self.file.parent.mkdir()
        labels = [{"name": name, "description": description} for name, description in LABELS.items()]
        self.file.write_text(json.dumps({
            "name": CAPABILITY, "title": "Bicycle workshop", "description": "Sorts the tickets of a bicycle workshop's customers.",
            "tasks": [{"name": TASK, "title": "Team", "description": "Says which team of the workshop a ticket is for.",
                       "unit": "utterance", "output": {"kind": "label", "labels": labels}, "comparator": "exact",
                       "models": {"full": MODEL}}]}))

    # Requests

    def requests(self, tenant: str, texts: list[str], size: int = 16) -> list[dict]:
        """Requests as machines send them. Each id is used once."""
        parts = [texts[start : start + size] for start in range(0, len(texts), size)]
        return self._with_ids(tenant, [{"steps": [{"capability": CAPABILITY, "task": TASK, "items": part}]} for part in parts])

    def _with_ids(self, tenant: str, bodies: list[dict]) -> list[dict]:
        requests = [{"id": f"ticket-{len(self.sent) + number}"} | body for number, body in enumerate(bodies)]
        self.sent += [(tenant, request["id"]) for request in requests]
        return requests

    def ask(self, tenant: str, texts: list[str]) -> list[dict]:
        """- Returns: an answered item for each text."""
        results = self.suite.submit(self.requests(tenant, texts), tenant)
        expect(all(result["status"] == "completed" for result in results), f"not completed: {[r['status'] for r in results]}")
        answered = [item for result in results for item in items(result)]
        expect([item["text"] for item in answered] == texts, "the results are not about the texts that were sent")
        return answered

    def probe(self, tenant: str = TENANTS[0]) -> list[dict]:
        """One more text, which may be rejected."""
        results = self.suite.submit(self.requests(tenant, self.tickets.take(1)), tenant, codes=(0, 4))
        return [item for result in results for item in items(result)]

    def write(self) -> int:
        """Sends texts as people write them, who name no task. - Returns: how many found the workshop."""
        results = self.suite.submit(self._with_ids(TENANTS[0], [{"text": text} for text in self.people]), TENANTS[0])
        expect(all(result["status"] == "completed" for result in results), "a person's request is not completed")
        return sum(any(item["route"] == ROUTE and item.get("label") for item in items(result)) for result in results)

    def are_right(self, answered: list[dict], rule: str) -> int:
        return sum(item["label"] == team(item["text"], rule) for item in answered)

    # The stages

    def apply(self) -> None:
        self.describe()
        self.suite.winnow("catalog", "validate", self.file)
        self.suite.winnow("catalog", "apply", self.file)
        until(self.probe, 180, "the new task is accepted")
        texts = self.tickets.take(TAUGHT)
        answered = self.ask(TENANTS[0], texts)
        expect(all(item["decidedBy"] == "full" and item["model"].startswith(f"{MODEL}@") for item in answered),
               "somebody else than the language model has answered")
        expect(self.are_right(answered, "plain") == TAUGHT, "answers are not those of the language model")
        lines = [json.dumps({"text": item["text"], "label": item["label"]}) for item in answered]
        (self.folder / "answers.jsonl").write_text("\n".join(lines) + "\n")
        self.say("apply", f"one file is in force; the language model alone has answered {TAUGHT} tickets")

    def train(self) -> None:
        done = subprocess.run(
            [ROOT / "infra/training/make-model.sh", self.file, "--data", self.folder / "answers.jsonl", "--out",
             self.suite.models / CAPABILITY, "--source", "answers of the workshop's language model", "--licence", "internal"],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        (self.suite.run / "logs/training.log").write_text(done.stdout)
        expect(done.returncode == 0, f"the training ended with {done.returncode}: {done.stdout[-800:]}")
        said = [line for line in done.stdout.splitlines() if line.startswith(f"{ROUTE}: ") and "held-out" in line]
        self.say("trainer", said[0].removeprefix(f"{ROUTE}: "))

    def serve(self) -> None:
        capability = json.loads(self.file.read_text())
        capability["tasks"][0]["models"]["small"] = CAPABILITY
        self.file.write_text(json.dumps(capability))
        head = self.suite.table("catalog", "refit", self.file, "--task", ROUTE, "--data", self.folder / "answers.jsonl")[0]
        self.suite.winnow("catalog", "apply", self.file)
        self.suite.winnow("models", "register")
        self.suite.start(f"{CAPABILITY}-worker", "capability-worker", WINNOW_CAPABILITY=CAPABILITY)
        asked = f"SELECT count(*) FROM winnow.attempt WHERE kind = 'worker' AND capability = '{CAPABILITY}'"
        until(lambda: self.probe() and self.suite.number(asked) > 0, 180, "the small model is asked")
        self.people = Tickets(11).take(HUMANS)
        before = self.suite.number(asked)
        answered = [item for tenant in TENANTS for item in self.ask(tenant, self.tickets.take(16))]
        expect(all(item["decidedBy"] == "full" for item in answered), "a small model has answered without a certificate")
        expect(self.suite.number(asked) == before + len(TENANTS), "the small model was not asked about each step")
        until(lambda: self.write() > 0, 180, "people's texts find the task")
        self.found = self.write()
        expect(self.found >= HUMANS / 2, f"only {self.found} of {HUMANS} people's texts find the task")
        self.say("without a certificate", f"the small model was asked, and all {len(answered)} tickets escalated; the route head"
                 f" (recall {head['recall']}) finds {self.found} of {HUMANS} people's texts")

    def certify(self) -> None:
        data = self.folder / "calibration.jsonl"
        texts = self.tickets.take(CALIBRATED)
        data.write_text("".join(json.dumps({"capability": CAPABILITY, "task": TASK, "text": text}) + "\n" for text in texts))
        rows = f"SELECT count(*) FROM winnow.attempt WHERE model = '{MODEL}'"
        start, booked = self.answers(), self.suite.number(rows)
        report, = self.suite.table("certify", "--capability", CAPABILITY, "--data", data, "--agreement", AGREEMENT)
        report = report["certificate"]
        self.outside.append((start, self.answers()))
        expect(self.answers() - start == CALIBRATED and self.suite.number(rows) == booked,
               "certifying asks about each item once, and is no tenant's cost")
        until(lambda: self.probe()[0]["decidedBy"] == "worker", 180, "the small model answers")
        answered = [item for tenant in TENANTS for item in self.ask(tenant, self.tickets.take(48))]
        own = [item for item in answered if item["decidedBy"] == "worker"]
        expect(len(own) > len(answered) / 2, f"the small model has answered only {len(own)} of {len(answered)} tickets")
        expect(len(own) < len(answered), "no ticket escalated, though some are hard")
        right = self.are_right(own, "plain")
        # The promise is about all traffic. A sample of this size may lie a little below.
        expect(right >= (AGREEMENT - 0.04) * len(own), f"only {right} of {len(own)} answers of the small model agree")
        self.certificate = self.suite.value(f"SELECT certificate_id FROM ops.certificate WHERE capability = '{CAPABILITY}'")
        self.say("certificate", f"{report['disagreements']} disagreements in {report['accepted']} accepted of {report['items']}"
                 f" items; of {len(answered)} new tickets the small model answered {len(own)}, {right} as the language model would,"
                 f" and {len(answered) - len(own)} escalated")

    def drift(self) -> None:
        self.order("drifted")
        start, sent = time.monotonic(), 0

        def is_revoked() -> bool:
            return self.suite.value(f"SELECT state FROM ops.certificate WHERE certificate_id = '{self.certificate}'") == "revoked"

        while not is_revoked():
            expect(time.monotonic() - start < 300, "the drift is not found within 300 s")
            for tenant in TENANTS:
                self.ask(tenant, self.tickets.take(32))
                sent += 32
        seconds = time.monotonic() - start
        reason, = self.suite.rows(f"SELECT reason FROM ops.certificate WHERE certificate_id = '{self.certificate}'")[0]
        listed = [row for row in self.suite.table("certificates", "--all") if self.certificate in row.values()]
        expect(len(listed) == 1 and listed[0]["holds"] == "no", f"winnow certificates shows {listed}")
        self.say("drift", f"the language model sends tickets for the gears to the wheels; found after {seconds:.0f} s and {sent}"
                 f" tickets: {reason}")

    def is_over(self) -> None:
        start = time.monotonic()
        for tenant in TENANTS:
            until(lambda tenant=tenant: self.probe(tenant)[0]["decidedBy"] == "full", 180, "the tickets escalate again")
        answered = [item for tenant in TENANTS for item in self.ask(tenant, self.tickets.take(16))]
        expect(all(item["decidedBy"] == "full" for item in answered), "a small model has answered with a revoked certificate")
        expect(self.are_right(answered, "drifted") == len(answered), "answers are not those of the language model")
        seconds = time.monotonic() - start
        self.say("revocation", f"after {seconds:.0f} s all {len(answered)} tickets of {len(TENANTS)} tenants escalate")

    def replace_router(self) -> None:
        router = self.suite.models / "router"
        router.unlink()
        before, after = other_router.make(ROOT / "infra/models/router", router)
        self.suite.restart("decomposer")
        lost = self.write()
        expect(lost == 0, f"{lost} people's texts find the task with the head of another router")
        expect("A route head of another router is not used" in self.suite.log("decomposer"), "the old route head is not refused")
        machine = self.ask(TENANTS[0], self.tickets.take(16))
        expect("another router" in self.suite.winnow("catalog", "validate", self.file, codes=(1,)), "validate accepts the old head")
        self.suite.winnow("catalog", "refit", self.file)
        self.suite.winnow("catalog", "apply", self.file)
        until(lambda: self.write() > 0, 180, "people's texts find the task again")
        found = self.write()
        expect(found >= HUMANS / 2, f"only {found} of {HUMANS} people's texts find the task with the new head")
        self.say("another router", f"{before} is now {after}: the old head is refused, people's texts find nothing, {len(machine)}"
                 f" tickets of machines are answered; after refit and apply {found} of {HUMANS} people's texts find the task")

    def restart_broker(self) -> None:
        self.order("drifted", delay=200)
        batches = {tenant: self.requests(tenant, self.tickets.take(96), size=4) for tenant in TENANTS}
        ids = ", ".join(f"'{request['id']}'" for requests in batches.values() for request in requests)
        threads = [threading.Thread(target=self._send, args=batch) for batch in batches.items()]
        for thread in threads:
            thread.start()
        states = f"SELECT count(*) FILTER (WHERE state = 'open'), count(*) FROM winnow.request WHERE event_id IN ({ids})"

        def counts() -> tuple[int, int]:
            still, accepted = map(int, self.suite.rows(states)[0])
            return still, accepted - still

        until(lambda: counts()[1] >= 10, 180, "ten requests of the batch are answered")
        still, done = counts()
        expect(still > 0, "the batch was over before the broker was killed")
        self.end_reader()
        self.suite.restart_broker()
        start = time.monotonic()
        total = sum(map(len, batches.values()))
        until(lambda: counts() == (0, total), 300, "every request of the batch is answered")
        seconds = time.monotonic() - start
        self.order("drifted")
        for thread in threads:
            thread.join()
        # A result that the broker forgot before it was read is asked for by sending the request again.
        for tenant, requests in batches.items():
            for result in self.suite.submit(requests, tenant):
                expect(result["status"] == "completed" and len(items(result)) == 4, "a request of the batch is not answered")
        self.say("broker", f"killed when {done} of {total} requests were answered, and started again; the last one was answered"
                 f" after {seconds:.0f} s")

    def _send(self, tenant: str, requests: list[dict]) -> None:
        """Does not judge: a result that the broker forgot does not come again by itself."""
        self.suite.submit(requests, tenant, codes=(0, 1), seconds=60)

    # The results, as an application reads them

    def read_results(self, *options: str) -> subprocess.Popen[bytes]:
        """Reads all results of this life of the broker. What a record held is in a file of its own for each reader."""
        self.readers.append(self.folder / f"results-{len(self.readers)}")
        broker = self.suite.environment["KAFKA_BOOTSTRAP_SERVERS"]
        with open(self.readers[-1], "wb") as out:
            return subprocess.Popen(
                ["kcat", "-C", "-q", "-u", "-J", "-b", broker, "-t", "winnow.results.v1", "-o", "beginning", *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, start_new_session=True)

    def end_reader(self) -> None:
        if self.reader.poll() is None:
            self.reader.terminate()
        self.reader.wait()

    def account(self) -> None:
        given = accounts.answers(self.journal)
        open_calls = "SELECT count(*) FROM winnow.attempt WHERE state = 'started'"
        until(lambda: self.suite.number(open_calls) == 0, 180, "every call is settled")
        for start, end in reversed(self.outside):
            del given[start:end]
        self.say("calls", accounts.calls(self.suite, MODEL, given))
        self.say("sums", accounts.sums(self.suite))
        self.say("certificates", accounts.certificates(self.suite, CAPABILITY))

        letters = self.suite.table("dead-letters", "list")
        expect(not letters, f"{len(letters)} dead letters")
        expect(self.read_results("-e").wait(60) == 0, "the results cannot be read")
        self.say("results", accounts.results(self.sent, self.readers))

    def live(self) -> None:
        self.start_model()
        self.reader = self.read_results()
        try:
            for tenant in TENANTS[:2]:
                self.suite.winnow("budget", "set", tenant, "--period", "day", "--usd", "5")
            for stage in (self.apply, self.train, self.serve, self.certify, self.drift, self.is_over, self.replace_router,
                          self.restart_broker, self.account):
                stage()
        finally:
            self.end_reader()


if __name__ == "__main__":
    drive("stranger", SETTINGS, lambda suite: Stranger(suite).live())

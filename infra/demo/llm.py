#!/usr/bin/env python3
"""Cuts a small model out of a real language model, on a private suite. infra/dev/demo-llm.sh runs it.

llm.py PYTHON [SEED]    PYTHON has the packages of infra/dev/requirements-llm.txt. SEED divides the messages (default: 1)

The language model is SmolLM2-135M-Instruct behind llama.cpp's server. It is weak, so its task is an easy one: whether a message to
a hotel is about its restaurant or about a room. What is promised and measured is agreement with its answers, not that they are right.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

from private_suite import ROOT, Failure, PrivateSuite, drive, expect, free_port, items, until

# One message a line, written for this demonstration. The language model labels them.
MESSAGES = ROOT / "infra/demo/messages.txt"
CAPABILITY, TASK, ENDPOINT = "hotel-messages", "subject", "smollm2"
TENANT, THRIFTY = "acme", "thrifty"
# A tenth of the calibrated fits the temperature. The other 135 show 80% with 95% confidence as long as at most 19 answers differ.
TAUGHT, CALIBRATED, ASKED, AGREEMENT = 200, 150, 23, 0.8
# Is asked as well. It is longer than the 16 windows that a small model reads of a text, so it is sure to escalate. Of messages like
# the calibrated ones a certificate for 80% may accept every single one.
LETTER = ROOT / "infra/demo/letter.txt"
# USD for a million tokens.
INPUT, OUTPUT = 2, 10
# Every answer of the small model is compared: the demonstration has few.
SETTINGS = {"WINNOW_SHADOW_RATE": "1"}
LABELS = {"restaurant": "Meals and drinks.", "room": "Bedrooms and bathrooms."}
# A weak model needs examples. They are a part of the endpoint's file.
EXAMPLES = [("The eggs were cold.", "restaurant"), ("Our bed is too small.", "room"), ("Do you serve lunch?", "restaurant"),
            ("The shower in 12 leaks.", "room"), ("I don't eat meat.", "restaurant"), ("Can I have clean towels?", "room")]
PROMPT = "\n\n".join(["{format}", *(f'{text}\n{{"label":"{label}"}}' for text, label in EXAMPLES)])


class Demonstration:
    def __init__(self, suite: PrivateSuite, python: str, seed: int) -> None:
        self.suite, self.python = suite, python
        self.file = suite.capabilities / CAPABILITY / "capability.json"
        texts = MESSAGES.read_text().splitlines()
        random.Random(seed).shuffle(texts)
        self.taught, rest = texts[:TAUGHT], texts[TAUGHT:]
        self.calibrated, self.asked = rest[:CALIBRATED], rest[CALIBRATED : CALIBRATED + ASKED]
        self.asked.append(" ".join(LETTER.read_text().split()))
        self.port = free_port()
        self.began = time.monotonic()
        self.requests = 0

    def title(self, text: str) -> None:
        print(f"\n=== {text} ({time.monotonic() - self.began:.0f} s) ===", flush=True)

    # The language model

    def start_model(self) -> None:
        process = self.suite.launch("language-model", [self.python, ROOT / "infra/llm/serve.py", self.port])

        def answers() -> bool:
            expect(process.poll() is None, "the language model has ended, see its log")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as answer:
                    return answer.status == 200
            except OSError:
                return False

        until(answers, 120, "the language model answers")

    def describe(self, **models: str) -> None:
        self.file.parent.mkdir(exist_ok=True)
        labels = [{"name": name, "description": description} for name, description in LABELS.items()]
        self.file.write_text(json.dumps({
            "name": CAPABILITY, "title": "Messages to a hotel", "description": "Sorts what guests write to a hotel.",
            "tasks": [{"name": TASK, "title": "Subject", "description": "Says what a guest writes about.",
                       "unit": "utterance", "output": {"kind": "label", "labels": labels}, "comparator": "exact",
                       "models": models | {"full": f"endpoint:{ENDPOINT}"}, "limits": {"maxTokens": 40}}]}))

    # Requests

    def ask(self, texts: list[str], tenant: str = TENANT, size: int = 4) -> list[dict]:
        """- Returns: an answered item for each text."""
        parts = [texts[start : start + size] for start in range(0, len(texts), size)]
        requests = [{"steps": [{"capability": CAPABILITY, "task": TASK, "items": part}]} for part in parts]
        results = self.suite.submit(requests, tenant, codes=(0, 4), seconds=900)
        expect(all(result["status"] == "completed" for result in results), f"not completed: {results[0].get('error')}")
        return [item for result in results for item in items(result)]

    def is_accepted(self) -> bool:
        """Whether the services know the task already. A request that comes before is rejected."""
        try:
            return bool(self.ask(self.taught[:1]))
        except Failure:
            return False

    def show(self, answered: list[dict]) -> None:
        for item in answered:
            confidence = f"{item['confidence']:.3f}" if "confidence" in item else "  -"
            mark = " (degraded)" if item.get("degraded") else ""
            print(f"    {item['decidedBy']:6}  {item['label']:10}  {confidence}  {item['text'][:80]}{mark}")

    # The stages

    def alone(self) -> None:
        endpoint = {
            "baseURL": f"http://127.0.0.1:{self.port}/v1", "model": ENDPOINT, "maxInFlight": 2, "prompts": {"system": PROMPT},
            "timeouts": {"firstByteSeconds": 300, "wholeSeconds": 300}, "retries": {"most": 1, "firstDelaySeconds": 0.1},
            "breaker": {"consecutiveFailures": 2, "openSeconds": 1},
            "prices": [{"from": "2026-01-01T00:00:00Z", "input": str(INPUT), "output": str(OUTPUT)}]}
        (self.suite.endpoints / f"{ENDPOINT}.json").write_text(json.dumps(endpoint))
        self.describe()
        self.title("The language model alone")
        self.suite.winnow("catalog", "apply", self.file)
        until(self.is_accepted, 180, "the new task is accepted")
        start = time.monotonic()
        answered = self.ask(self.taught)
        seconds = time.monotonic() - start
        expect(all(item["decidedBy"] == "full" for item in answered), "somebody else than the language model has answered")
        labels = Counter(item["label"] for item in answered)
        print(f"It has answered {len(answered)} messages in {seconds:.0f} s: {dict(labels)}")
        expect(min(labels[label] for label in LABELS) >= 10, "its answers are too much the same to learn from")
        lines = [json.dumps({"text": item["text"], "label": item["label"]}) for item in answered]
        (self.suite.folder / "answers.jsonl").write_text("\n".join(lines) + "\n")

    def cut(self) -> None:
        self.title("A small model, cut from these answers")
        done = subprocess.run(
            [ROOT / "infra/training/make-model.sh", self.file, "--data", self.suite.folder / "answers.jsonl", "--out",
             self.suite.models / CAPABILITY, "--source", "SmolLM2's answers to infra/demo/messages.txt", "--licence", "Apache-2.0"],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        (self.suite.run / "logs/training.log").write_text(done.stdout)
        expect(done.returncode == 0, f"the training ended with {done.returncode}: {done.stdout[-800:]}")
        card = json.loads((self.suite.models / CAPABILITY / "card.json").read_text())
        metrics = card["heads"][0]["metrics"]
        print(f"It has {card['weights']['bytes'] / 1e6:.1f} MB, and answers {100 * metrics['accuracy']:.0f}% of {metrics['items']}"
              " held-out messages like the language model.")
        self.describe(small=CAPABILITY)
        self.suite.winnow("catalog", "apply", self.file)
        self.suite.winnow("models", "register")
        self.suite.start(f"{CAPABILITY}-worker", "capability-worker", WINNOW_CAPABILITY=CAPABILITY)

    def certify(self) -> None:
        self.title(f"A certificate for {100 * AGREEMENT:.0f}% agreement, with 95% confidence")
        data = self.suite.folder / "calibration.jsonl"
        data.write_text("".join(json.dumps({"capability": CAPABILITY, "task": TASK, "text": text}) + "\n"
                                for text in self.calibrated))
        report, = self.suite.table("certify", "--capability", CAPABILITY, "--data", data, "--agreement", AGREEMENT, codes=(0, 3))
        expect(report["certified"], f"no threshold keeps the promise: {report.get('advice')}")
        found = report["certificate"]
        print(f"From a confidence of {found['threshold']:.3f} on it answers itself: {found['accepted']} of {found['items']} items,"
              f" with {found['disagreements']} disagreements. At most {100 * found['bound']:.1f}% of such answers differ.")
        until(lambda: any(item["decidedBy"] == "worker" for item in self.ask(self.calibrated[:4])), 180, "the small model answers")

    def serve(self) -> None:
        self.title("New messages, and who has answered them")
        answered = self.ask(self.asked)
        self.show(answered)
        own = [item for item in answered if item["decidedBy"] == "worker"]
        self.unsure = [item["text"] for item in answered if item["decidedBy"] == "full"]
        self.sure = [item["text"] for item in own]
        print(f"The small model has answered {len(own)} of {len(answered)}, the language model the {len(self.unsure)} that it was"
              " unsure of.")
        expect(own and self.unsure, "one of the models has answered nothing")

    def shadow(self) -> None:
        self.title("Checks in the background")
        waiting = ("SELECT count(*) FROM winnow.attempt WHERE state = 'started' OR (kind = 'shadow' AND state <> 'settled')")
        compared = ("SELECT coalesce(sum(compared), 0), coalesce(sum(disagreed), 0) FROM winnow.shadow_tally"
                    f" WHERE capability = '{CAPABILITY}'")
        until(lambda: int(self.suite.rows(compared)[0][0]) > 0 and self.suite.number(waiting) == 0, 180, "answers are compared")
        count, differing = map(int, self.suite.rows(compared)[0])
        state = self.suite.value(f"SELECT state FROM ops.certificate WHERE capability = '{CAPABILITY}'")
        print(f"The language model has also been asked about {count} of the small model's answers: {differing} differ."
              f" The certificate is {state}.")
        expect(state == "standing", "so few answers revoke no certificate that is good")

    def budget(self) -> None:
        self.title("A tenant without money")
        self.suite.winnow("budget", "set", THRIFTY, "--period", "day", "--usd", "0.000001", "--policy", "degrade")
        answered = self.ask(self.unsure[:4], THRIFTY)
        self.show(answered)
        expect(all(item.get("degraded") and item["decidedBy"] == "worker" for item in answered), "the budget was exceeded")
        spent = self.suite.number(f"SELECT count(*) FROM winnow.attempt WHERE tenant_id = '{THRIFTY}' AND kind = 'full'")
        expect(spent == 0, "the language model was asked without a budget")
        print("The small model has guessed, and says so. The language model was not asked.")

    def breaker(self) -> None:
        self.title("The language model is killed")
        self.suite.end("language-model", signal.SIGKILL)
        late: list[dict] = []
        waiting = threading.Thread(target=lambda: late.extend(self.ask(self.unsure[:1])))
        waiting.start()
        is_open = f'winnow_endpoint_breaker_state{{endpoint="{ENDPOINT}"}} 2'
        until(lambda: is_open in (self.suite.http("escalator", "/metrics") or ""), 120, "the circuit is open")
        print("The circuit is open: nothing is sent to it any more.")
        meanwhile = self.ask(self.sure[:4])
        self.show(meanwhile)
        expect(all(item["decidedBy"] == "worker" for item in meanwhile), "the small model does not go on")
        expect(not late, "an unsure message was answered by nobody")
        print("The small model goes on. An unsure message waits, until the language model is back:")
        self.start_model()
        waiting.join(300)
        self.show(late)
        expect(len(late) == 1 and late[0]["decidedBy"] == "full", "the message that waited is not answered")

    def costs(self) -> None:
        self.title("What it has cost")
        print(self.suite.winnow("costs", "--by", "model"), end="")
        wrong = self.suite.number(
            f"SELECT count(*) FROM winnow.attempt WHERE model = 'endpoint:{ENDPOINT}' AND state = 'settled'"
            f" AND cost_pico_usd <> {1_000_000 * INPUT} * input_tokens + {1_000_000 * OUTPUT} * output_tokens")
        expect(wrong == 0, f"{wrong} calls have a wrong price")
        calls = self.suite.rows("SELECT kind, count(*), sum(items) FROM winnow.attempt WHERE state = 'settled' AND"
                                f" model = 'endpoint:{ENDPOINT}' GROUP BY 1 ORDER BY 1")
        print(f"Calls of the language model by kind: {', '.join(f'{count} {kind}' for kind, count, _ in calls)}."
              f" Those of the certificate, {CALIBRATED}, are nobody's.")

    def run(self) -> None:
        self.start_model()
        for stage in (self.alone, self.cut, self.certify, self.serve, self.shadow, self.budget, self.breaker, self.costs):
            stage()
        print(f"\nEverything held, in {time.monotonic() - self.began:.0f} s. What the small model has learned is how this language"
              " model answers: it is as good as its teacher, and no better.")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not Path(sys.argv[1]).exists() or not all(word.isdecimal() for word in sys.argv[2:]):
        sys.exit(__doc__)
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    drive("demo-llm", SETTINGS, lambda suite: Demonstration(suite, sys.argv[1], seed).run())

"""`python -m winnow_training.route_heads capability.json --data FILE`: what a route head does with texts that it has not seen.

Prints how many texts of the capability it accepts, how many of the router's validation items of each kind, and the exact match of
the built-in routes with and without the head. Nothing is fitted here: `winnow catalog refit` does that.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from . import catalog, router_data
from .artifact import Artifact
from .decision import of_card
from .metrics import share
from .states import fingerprint, of_texts
from .tasks import ROUTE
from .windows import READING


def accepts(head: dict[str, object], states: np.ndarray) -> np.ndarray:
    *weights, bias = np.frombuffer(base64.b64decode(str(head["weights"])), "<f4").astype(float)
    return 1 / (1 + np.exp(-(states @ np.array(weights) + bias) / float(head["temperature"]))) >= float(head["threshold"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="winnow_training.route_heads", description=__doc__)
    parser.add_argument("capability", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="texts of the capability that the head has not seen")
    options = parser.parse_args()
    torch.set_num_threads(1)
    router = Artifact.load("router")
    rule, sure_from = of_card(router.head_card(ROUTE)), router.head_card(ROUTE)["calibration"]["threshold"]
    items = router_data.build("val")
    states = of_texts(router, [item.text for item in items])
    logits = router.encoder.read(states, f"heads.{ROUTE}")
    own, sure = rule.answers(logits), rule.confidence(logits) >= sure_from
    for key, task in catalog.tasks_of(catalog.read(options.capability)).items():
        head = task.get("routing", {}).get("head")
        if not head:
            continue
        if head["router"] != fingerprint(router, ROUTE, READING.window):
            raise SystemExit(f"{key}: the head is of another router")
        with (gzip.open if options.data.suffix == ".gz" else open)(options.data, "rt", encoding="utf-8") as lines:
            rows = map(json.loads, lines)
            texts = [row["text"] for row in rows if row["label"] in catalog.labels_of(task)]
        theirs = of_texts(router, texts)
        routes = rule.answers(router.encoder.read(theirs, f"heads.{ROUTE}"))
        print(f"{key}: accepts {100 * share(accepts(head, theirs.numpy())):.1f}% of {len(texts)} texts of its own; "
              f"the router's own head says none for {100 * share(not route for route in routes):.1f}%")
        added = accepts(head, states.numpy())
        print(f"  of {len(items)} texts of everything else: {int(added.sum())} ({100 * share(added):.2f}%)")
        kinds: dict[str, list[bool]] = defaultdict(list)
        for item, hit in zip(items, added):
            kinds[f"{item.kind} {','.join(sorted(item.tasks)) or 'of no task'}"].append(bool(hit))
        for kind, hits in sorted(kinds.items()):
            if any(hits):
                print(f"  {kind}: {sum(hits)} of {len(hits)} ({100 * share(hits):.2f}%)")
        # What the router's own head is sure of, and what the full model is asked, is the same with the head as without it.
        taken = [bool(hit) and not answer for hit, answer in zip(added, own)]
        wrong = sum(bool(item.tasks) and gone and not certain for item, gone, certain in zip(items, taken, sure))
        exact = share(answer == item.tasks for answer, item in zip(own, items))
        print(f"  routes of the router's own head, exact: {100 * exact:.2f}% with and without; "
              f"texts of a built-in task that are not asked about any more: {wrong}")


if __name__ == "__main__":
    main()

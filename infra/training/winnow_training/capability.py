"""`python -m winnow_training.capability capability.json --data FILE --out FOLDER`: makes a model for one capability.

Everything about the capability comes from its file. The trunk is the committed full model: its encoder is frozen, and a linear
head for each task is fitted to its states. `full` is that model as it is. The smaller sizes are cut out of it and learn to answer
as it does, as the models of the built-in capabilities do.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from . import augment, calibration, catalog, data, distil, fitting, flops, importance, quantization
from .artifact import Artifact, encoder_card
from .cut import Cut, Recipe, cut
from .decision import SingleLabel
from .metrics import share, single_label
from .pools import UNLABELLED
from .small import tokenizer_card, training_card
from .tasks import BY_KEY, SEED, Source, Task
from .tokenizer import Tokenizer, cut_vocabulary, full_tokenizer

SIZES: dict[str, Recipe | None] = {
    "small": Recipe(layers=1, heads=4, feed_forward_size=256, channels=192, vocabulary=10000, positions=0),
    "medium": Recipe(layers=2, heads=4, feed_forward_size=384, channels=384, vocabulary=10000, positions=0),
    "full": None,
}
_LENGTHS = (32, 48, 64, 96, 128, 256)  # the tokens of a text that are read: the shortest that holds all but a few texts
_UNREAD = 0.01
_HELD_OUT = 0.2
_LEAST = 10  # texts of a label
_COPIES, _SPLICED, _EPOCHS = 2, 1.0, 24
# Few texts hold few of the words that the next ones will have, and make too few steps to learn the teacher's answers.
_FEW, _LEAST_TEXTS, _COMMON_PIECES = 1000, 4000, 5000
_FIRST_COMMON = 1996  # of the full vocabulary, whose pieces are in the order of their frequency from here on


@dataclass(frozen=True)
class Lessons:
    """The items of one task. What is held out is chosen by a hash of the text, so that it stays held out."""

    key: str
    labels: tuple[str, ...]
    taught: list[data.Item]
    held: list[data.Item]

    def numbers(self, items: list[data.Item]) -> list[int]:
        return [self.labels.index(item.label) for item in items]


def make(file: Path, source: Path, out: Path, size: str, origin: Source) -> dict[str, Any]:
    """- Produces: the two files of the model in `out`, whose name is the model's name.
    - Returns: the card.
    """
    start = time.monotonic()
    torch.manual_seed(SEED)
    capability = catalog.read(file)
    lessons = [_lessons(key, task, source) for key, task in catalog.tasks_of(capability).items()]
    for lesson in lessons:
        _register(lesson, origin)
    teacher = _with_heads(Artifact.load("full"), lessons)
    recipe = SIZES[size]
    model, piece = (teacher, None) if recipe is None else _cut(teacher, recipe, lessons, out.name)
    heads = [_head(model, teacher, lesson) for lesson in lessons]
    tokens, work = (sum(head["metrics"][name] for head in heads) for name in ("tokens", "flops"))
    card = {
        "schemaVersion": 1, "name": out.name, "role": "small" if size == "small" else "full", "capability": capability["name"],
        "version": "", "weights": {}, "encoder": encoder_card(model.shape), "tokenizer": tokenizer_card(), "heads": heads,
        "teacher": {"name": "full", "version": teacher.card["version"]}, "cut": piece and piece.card,
        "flops": {"perToken": round(work / tokens),
                  "perHead": flops.per_head(model.shape, max(len(head["labels"]) for head in heads)),
                  "shareOfFull": max(head["metrics"]["flopsShareOfFull"] for head in heads)},
        "data": [{"file": source.name, "sha256": hashlib.sha256(source.read_bytes()).hexdigest(), "source": origin.name,
                  "licence": origin.licence}],
        "training": training_card(time.monotonic() - start),
    }
    finished = replace(model, name=out.name, card=card)
    finished.save(out)
    return card


def _lessons(key: str, task: dict[str, Any], source: Path) -> Lessons:
    """Reads the lines that are of this task. A line may name its capability and its task; other labels are left out."""
    labels = catalog.labels_of(task)
    kept: dict[str, data.Item] = {}
    others = 0
    with (gzip.open if source.suffix == ".gz" else open)(source, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, filter(str.strip, lines)):
            named = f"{row.get('capability', key.split('/')[0])}/{row.get('task', key.split('/')[1])}"
            if named != key or row["label"] not in labels:
                others += 1
            else:
                kept.setdefault(row["text"], data.Item(row["text"], row["label"]))
    items = list(kept.values())
    for label in labels:
        if sum(item.label == label for item in items) < _LEAST:
            raise SystemExit(f"{source}: fewer than {_LEAST} texts with the label “{label}” of {key}")
    print(f"{key}: {len(items)} texts of {len(labels)} labels; {others} lines of other labels or tasks are left out", flush=True)
    # Not by the first draw: the examples of a route head are the texts with the lowest, and would all be held out.
    held = [item for item in items if data.lot(item.text, draw=2) < _HELD_OUT]
    return Lessons(key, labels, [item for item in items if data.lot(item.text, draw=2) >= _HELD_OUT], held)


def _register(lesson: Lessons, origin: Source) -> None:
    lengths = sorted(map(len, full_tokenizer().encode(item.text for item in lesson.taught)))
    longest = lengths[int((1 - _UNREAD) * (len(lengths) - 1))]
    capability, name = lesson.key.split("/")
    most = next((length for length in _LENGTHS if length >= longest), _LENGTHS[-1])
    BY_KEY[lesson.key] = Task(capability, name, most, False, origin)


def _with_heads(full: Artifact, lessons: list[Lessons]) -> Artifact:
    """The full model's encoder, with heads for these tasks and no others."""
    tensors = {name: tensor for name, tensor in full.tensors.items() if not name.startswith(("heads.", "exits."))}
    for lesson in lessons:
        states = full.states([item.text for item in lesson.taught], lesson.key, [full.shape.layers])[0].double().numpy()
        mean, deviation = states.mean(0), states.std(0) + 1e-6
        found = LogisticRegression(C=0.3, max_iter=2000).fit((states - mean) / deviation, lesson.numbers(lesson.taught))
        weight, bias = found.coef_, found.intercept_
        if len(lesson.labels) == 2:  # one row says how much more likely the second label is
            weight, bias = np.concatenate([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
        weight = weight / deviation
        tensors[f"heads.{lesson.key}.weight"] = torch.tensor(weight, dtype=torch.float32).contiguous()
        tensors[f"heads.{lesson.key}.bias"] = torch.tensor(bias - weight @ mean, dtype=torch.float32)
    return replace(full, tensors=tensors, card=dict(full.card), depths={}, exits={})


def _cut(teacher: Artifact, recipe: Recipe, lessons: list[Lessons], name: str) -> tuple[Artifact, Cut]:
    chance = random.Random(f"{SEED} capability")
    texts = {lesson.key: _pool(lesson, chance) for lesson in lessons}
    said = {key: teacher.said(pool, key) for key, pool in texts.items()}
    taught = [item.text for lesson in lessons for item in lesson.taught]
    common = full_tokenizer().vocabulary[_FIRST_COMMON : _FIRST_COMMON + _COMMON_PIECES] if len(taught) < _FEW else []
    vocabulary = cut_vocabulary(taught, recipe.vocabulary, common)
    examples = {key: (teacher.tokenizer.encode(pool[:5000], BY_KEY[key].max_tokens), said[key].logits[:5000].softmax(1))
                for key, pool in texts.items()}
    recipe = replace(recipe, positions=max(BY_KEY[key].max_tokens for key in texts))
    source = teacher.as_trained()
    piece = cut(source, importance.of_tasks(source, examples), recipe, vocabulary, list(texts))
    tokenizer = Tokenizer(vocabulary)
    distil.train(piece.model, [
        distil.Lesson(lesson.key, tokenizer.encode(texts[lesson.key], BY_KEY[lesson.key].max_tokens), said[lesson.key],
                      _labels(lesson, len(texts[lesson.key])), _EPOCHS)
        for lesson in lessons])
    return Artifact(name, quantization.tensors(piece.model), piece.model.shape, vocabulary, {}), piece


def _pool(lesson: Lessons, chance: random.Random) -> list[str]:
    """The texts that are taught, and copies of them that the teacher answers."""
    texts = [item.text for item in lesson.taught]
    words = [word for text in texts for word in text.split()]
    times = max(1, round(_LEAST_TEXTS / len(texts) / (1 + _COPIES + _SPLICED)))
    made = [augment.noisy(text, words, chance) for text in texts for _ in range(times * _COPIES)]
    return texts + made + [augment.spliced(*chance.sample(texts, 2), chance) for _ in range(int(times * _SPLICED * len(texts)))]


def _labels(lesson: Lessons, count: int) -> Tensor:
    known = lesson.numbers(lesson.taught)
    return torch.tensor(known + [UNLABELLED] * (count - len(known)))


def _head(model: Artifact, teacher: Artifact, lesson: Lessons) -> dict[str, Any]:
    """The card of a head, measured on what was held out. A small model is calibrated to the answers of its teacher."""
    texts, truth = [item.text for item in lesson.held], [item.label for item in lesson.held]
    said = teacher.said(texts, lesson.key).logits
    reference = SingleLabel(lesson.labels).answers(said)
    logits = model.said(texts, lesson.key).logits
    rule = fitting.small_single(lesson.labels, logits, truth if model is teacher else reference, None)
    answers = rule.answers(logits)
    agrees = np.array([answer == other for answer, other in zip(answers, reference)])
    work = flops.work(model, lesson.key, texts)
    metrics = single_label(truth, answers) | {
        "items": len(texts), "agreementWithFull": share(agrees), "tokens": flops.tokens(model, lesson.key, texts),
        "flops": round(work), "flopsShareOfFull": round(work / flops.work(teacher, lesson.key, texts), 6), "full": single_label(truth, reference)}
    certificate = None if model is teacher else calibration.certify(rule.confidence(logits), agrees)
    return fitting.head_card(lesson.key, rule, model.shape.layers, certificate, metrics)


def main() -> None:
    parser = argparse.ArgumentParser(prog="winnow_training.capability", description=__doc__)
    parser.add_argument("capability", type=Path, help="its capability.json")
    parser.add_argument("--data", type=Path, required=True, help='JSON Lines, plain or gzipped: {"text", "label"}')
    parser.add_argument("--out", type=Path, required=True, help="the folder of the model, which has its name")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--source", required=True, help="where the texts come from, for the card")
    parser.add_argument("--licence", required=True, help="their licence, for the card")
    options = parser.parse_args()
    torch.set_num_threads(2)
    card = make(options.capability, options.data, options.out, options.size, Source(options.source, options.licence))
    for head in card["heads"]:
        metrics = head["metrics"]
        print(f"{head['capability']}/{head['task']}: {100 * metrics['accuracy']:.1f}% of {metrics['items']} held-out texts "
              f"are right, {100 * metrics['agreementWithFull']:.1f}% as by the whole encoder ({100 * metrics['full']['accuracy']:.1f}%)")
    print(f"{options.out}: {card['weights']['bytes']:,} bytes in {card['training']['seconds']} s")


if __name__ == "__main__":
    main()

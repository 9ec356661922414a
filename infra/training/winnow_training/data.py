"""Reads the data files. No other module reads training text from disk."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from . import catalog
from .tasks import EXTRA, ISSUE_TYPE, OUT_OF_SCOPE, PROMPT_ATTACK, REQUESTS, TEXT_TASKS, Source, Task

REPOSITORY = Path(__file__).resolve().parents[3]
MODELS = REPOSITORY / "infra" / "models"
GOLDEN = REPOSITORY / "Tests" / "InferenceTests" / "Golden"
CACHE = REPOSITORY / "infra" / "training" / ".cache"


@dataclass(frozen=True)
class Item:
    text: str
    label: str


def directory() -> Path:
    """- Default: `../shared/data` beside the repository. Key: `WINNOW_DATA_DIRECTORY`."""
    return Path(os.environ.get("WINNOW_DATA_DIRECTORY") or REPOSITORY.parent / "shared" / "data")


# The share of the training texts that no model sees, for tasks with too few validation items for a certificate.
HELD_OUT: dict[str, float] = {ISSUE_TYPE.key: 0.22, PROMPT_ATTACK.key: 0.15}


@lru_cache(maxsize=None)
def load(task: Task, split: str) -> tuple[Item, ...]:
    """- Parameter split: `train`, `val`, or `held-out`, a part of the training file chosen by a hash of the text."""
    if split == "val":
        return _read(task, split)
    share = HELD_OUT.get(task.key, 0.0)
    return tuple(item for item in _read(task, "train") if (lot(item.text) < share) == (split == "held-out"))


@lru_cache(maxsize=None)
def _read(task: Task, split: str) -> tuple[Item, ...]:
    with gzip.open(directory() / f"{task.stem}.{split}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return tuple(Item(row["text"], row["label"]) for row in map(json.loads, lines))


@lru_cache(maxsize=None)
def extra(task: Task) -> tuple[Item, ...]:
    """More training texts, of other origins than the task's own."""
    return _read(task, "extra")


def lot(text: str, draw: int = 0) -> float:
    """A uniform draw from 0 to 1. Equal texts get the same value, and different `draw` numbers give independent values."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[8 * draw : 8 * draw + 8], "big") / 2**64


def is_untaught(text: str) -> bool:
    """Whether a text is in the tenth of the training texts that no exit learns from; its threshold is chosen on them."""
    return lot(text, draw=1) < 0.1


@lru_cache(maxsize=None)
def labels(task: Task) -> tuple[str, ...]:
    """The head's labels, in the order of the capability's file. Out-of-scope is a gate, not a label."""
    return tuple(label for label in catalog.labels_of(catalog.built_in()[task.key]) if label != OUT_OF_SCOPE)


def calibration(task: Task) -> tuple[Item, ...]:
    """The items for a certificate: the validation items and the items that are held out."""
    return load(task, "val") + load(task, "held-out")


def calibration_file(task: Task) -> tuple[str, bytes]:
    """Name and content of the file of these items, for `winnow certify`."""
    rows = [{"capability": task.capability, "task": task.name, "text": item.text, "label": item.label}
            for item in calibration(task)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return f"{task.stem}.calibration.jsonl", lines.encode("utf-8")


def file_source(name: str, source: Source) -> dict[str, str]:
    """An entry of a card's `data`."""
    digest = hashlib.sha256((directory() / name).read_bytes()).hexdigest()
    return {"file": name, "sha256": digest, "source": source.name, "licence": source.licence}


def realistic_sources(tasks: tuple[Task, ...] = TEXT_TASKS) -> list[dict[str, str]]:
    """The entries of a card's `data` for texts that are not of a task's own kind."""
    own = [file_source(f"{task.stem}.extra.jsonl.gz", EXTRA[task.key]) for task in tasks if task.key in EXTRA]
    return own + [file_source(f"requests.{corpus}.jsonl.gz", REQUESTS) for corpus in ("c", "d")]


def sources(tasks: tuple[Task, ...] = TEXT_TASKS, splits: tuple[str, ...] = ("train", "val")) -> list[dict[str, str]]:
    """The `data` list of a card with hashes: the training files, and the files that temperatures were fitted on."""
    rows = []
    for task in tasks:
        files = [(name, (directory() / name).read_bytes()) for name in (f"{task.stem}.{split}.jsonl.gz" for split in splits)]
        if task.key in HELD_OUT:
            files.append(calibration_file(task))
        rows += [{"file": name, "sha256": hashlib.sha256(content).hexdigest(), "source": task.source.name,
                  "licence": task.source.licence} for name, content in files]
    return rows

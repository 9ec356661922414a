"""Reads the data files; nothing else touches the disk for training text."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .tasks import OUT_OF_SCOPE, TEXT_TASKS, Task

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


@lru_cache(maxsize=None)
def load(task: Task, split: str) -> tuple[Item, ...]:
    with gzip.open(directory() / f"{task.stem}.{split}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return tuple(Item(row["text"], row["label"]) for row in map(json.loads, lines))


@lru_cache(maxsize=None)
def labels(task: Task) -> tuple[str, ...]:
    """The head's labels, sorted; out-of-scope is a gate and not among them."""
    return tuple(sorted({item.label for item in load(task, "train")} - {OUT_OF_SCOPE}))


def sources(tasks: tuple[Task, ...] = TEXT_TASKS, splits: tuple[str, ...] = ("train", "val")) -> list[dict[str, str]]:
    """The `data` list of a card: every file that went in, by hash."""
    rows = []
    for task in tasks:
        for split in splits:
            name = f"{task.stem}.{split}.jsonl.gz"
            digest = hashlib.sha256((directory() / name).read_bytes()).hexdigest()
            rows.append({"file": name, "sha256": digest, "source": task.source.name, "licence": task.source.licence})
    return rows

"""The capabilities that models are made for, as their files describe them: routes, labels, and the models' names."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "capabilities"


def read(path: Path) -> dict[str, Any]:
    """One capability. `winnow catalog validate` checks the file; this only looks whether a model can be made for it."""
    capability = json.loads(path.read_text(encoding="utf-8"))
    if not [task for task in capability.get("tasks", ()) if task["output"]["kind"] == "label"]:
        raise SystemExit(f"{path}: no task answers with labels")
    return capability


def tasks_of(capability: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The tasks that answer with labels, by route."""
    return {f"{capability['name']}/{task['name']}": task for task in capability["tasks"] if task["output"]["kind"] == "label"}


def labels_of(task: dict[str, Any]) -> tuple[str, ...]:
    """In the order of the file, which is the order of the model's card."""
    return tuple(label["name"] for label in task["output"]["labels"])


@lru_cache(maxsize=1)
def built_in() -> dict[str, dict[str, Any]]:
    """The tasks of the repository's catalog, by route."""
    return {key: task for path in sorted(FOLDER.glob("*/capability.json")) for key, task in tasks_of(read(path)).items()}


def routes_of(model: str) -> list[str]:
    """The routes whose small model has this name, in the order of the catalog."""
    return [key for key, task in built_in().items() if task["models"].get("small") == model]

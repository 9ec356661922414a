"""The measured table, read from the cards: `python -m winnow_training.measure`."""

from __future__ import annotations

import json
from typing import Any

from . import data
from .small import RECIPES


def table() -> str:
    """A Markdown table with one row for each task."""
    lines = ["| task | n | SVM acc / F1 | full acc / F1 | small acc / F1 | agreement | escalated at threshold | FLOPs share | small model, bytes |",
             "|---|---|---|---|---|---|---|---|---|"]
    for name in RECIPES:
        path = data.MODELS / name / "card.json"
        if path.exists():
            card = json.loads(path.read_text(encoding="utf-8"))
            lines += [_row(card, head) for head in card["heads"]]
    lines.append(f"\nReader, on the validation requests: {json.loads((data.MODELS / 'router' / 'card.json').read_text())['heads'][0]['metrics']}")
    return "\n".join(lines)


def _row(card: dict[str, Any], head: dict[str, Any]) -> str:
    metrics, certificate = head["metrics"], head["calibration"]
    threshold = "none" if certificate["threshold"] is None else f"{certificate['threshold']:.4f}"
    return (f"| {head['capability']}/{head['task']} | {certificate['items']} | {_pair(metrics['baseline'])} | {_pair(metrics['full'])} "
            f"| {_pair(metrics)} | {100 * metrics['agreementWithFull']:.1f} | {100 * metrics['escalated']:.1f}% at {threshold} "
            f"({certificate['disagreements']} of {certificate['accepted']} differ) | {100 * metrics['flopsShareOfFull']:.2f}% "
            f"| {card['weights']['bytes']:,} |")


def _pair(metrics: dict[str, Any] | None) -> str:
    if metrics is None:
        return "–"
    accuracy = metrics.get("accuracy", metrics.get("exactMatch"))
    return f"{100 * accuracy:.1f} / {100 * metrics['macroF1']:.1f}"


if __name__ == "__main__":
    print(table())

#!/usr/bin/env python3
"""Checks the schemas of infra/capabilities, and that they accept and refuse what the reader does. Prints each fault on a line,
and ends with 1 if there is one.

- the schema is a valid JSON Schema, and every capability of infra/capabilities is valid
- Examples/valid and Examples/invalid are what their folders say. CatalogFileTests expects the same of the reader
- Examples/refused is valid here, since only the reader can find these faults
- Examples/decomposition has examples of decomposition.json
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "Tests/CatalogFileTests/Examples"


def faults() -> Iterator[str]:
    yield from faults_of(
        "schema.json",
        {
            True: [
                *ROOT.glob("infra/capabilities/*/capability.json"), *EXAMPLES.glob("valid/*.json"), *EXAMPLES.glob("refused/*.json"),
            ],
            False: [*EXAMPLES.glob("invalid/*.json")],
        },
        20,
    )
    folder = EXAMPLES / "decomposition"
    yield from faults_of(
        "decomposition-schema.json", {True: [*folder.glob("valid/*.json")], False: [*folder.glob("invalid/*.json")]}, 3)


def faults_of(name: str, folders: dict[bool, list[Path]], fewest: int) -> Iterator[str]:
    schema = json.loads((ROOT / "infra/capabilities" / name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for expected, files in folders.items():
        if len(files) < fewest:
            yield f"{name}: only {len(files)} examples were found"
        for file in sorted(files):
            found = list(validator.iter_errors(json.loads(file.read_text(encoding="utf-8"))))
            if expected and found:
                yield f"{file.relative_to(ROOT)}: {found[0].json_path}: the schema refuses it: {found[0].message[:200]}"
            elif not expected and not found:
                yield f"{file.relative_to(ROOT)}: the schema accepts it"


if __name__ == "__main__":
    listed = list(faults())
    print("\n".join(listed), end="\n" if listed else "")
    sys.exit(1 if listed else 0)

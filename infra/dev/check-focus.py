"""Checks a CSV of `winnow costs --focus` against FOCUS 1.2, with the column registry and the linter of focus-data-toolkit.

    check-focus.py FILE     prints each fault on a line, and ends with 1 if there is one

The linter knows in which version a column was introduced. This script checks two columns that a later version removed.
"""

import csv
import sys

from focus_data_toolkit.model.validator import lint_focus_1_4_structure, load_model
from focus_data_toolkit.schema.registry import mandatory_columns, version_columns

DATASET, VERSION = "Cost and Usage", "1.2"
REMOVED_LATER = {"ProviderName", "PublisherName"}


def faults(rows: list[dict[str, str]]) -> set[str]:
    if not rows:
        return {"no rows: nothing was checked"}
    columns = set(rows[0])
    found = {f"{name} is missing" for name in mandatory_columns(DATASET, VERSION) - columns}
    unknown = columns - version_columns(DATASET, VERSION)
    found |= {f"{name} is no column of FOCUS {VERSION}" for name in unknown if not name.startswith("x_")}
    found |= {f"{name} is empty" for name in REMOVED_LATER & columns if not all(row[name] for row in rows)}
    # Uses only the columns of the later version that this version also has.
    model = load_model()
    known = {name: spec for name, spec in model["datasets"][DATASET]["columns"].items() if name in columns}
    own = {**model, "datasets": {**model["datasets"], DATASET: {**model["datasets"][DATASET], "columns": known}}}
    kept = [{name: value for name, value in row.items() if name not in REMOVED_LATER} for row in rows]
    for violation in lint_focus_1_4_structure(DATASET, kept, model=own).violations:
        found.add(f"{violation.column}: {violation.rule}: {violation.message}")
    return found


def main() -> int:
    with open(sys.argv[1], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = sorted(faults(rows))
    for fault in found:
        print(f"check-focus: {fault}")
    if not found:
        print(f"check-focus: {len(rows)} rows in FOCUS {VERSION}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

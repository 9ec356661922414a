"""`python -m winnow_training [--fresh]`: rebuilds every artifact and prints what was measured."""

from __future__ import annotations

import argparse

from . import measure, stages


def main() -> None:
    parser = argparse.ArgumentParser(prog="winnow_training", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="ignore what earlier runs left in the cache")
    stages.make(parser.parse_args().fresh)
    print(measure.table())


if __name__ == "__main__":
    main()

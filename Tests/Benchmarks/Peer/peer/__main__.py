"""`python -m peer decomposer | worker CAPABILITY | escalator | aggregator` runs one service in one process."""

import sys
from importlib import import_module

MODULES = {"decomposer": "decomposer", "worker": "workers", "escalator": "workers", "aggregator": "aggregator"}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in MODULES:
        sys.exit(__doc__)
    # Only what this service needs is imported: memory is measured.
    getattr(import_module(f"peer.{MODULES[sys.argv[1]]}"), sys.argv[1])(*sys.argv[2:])

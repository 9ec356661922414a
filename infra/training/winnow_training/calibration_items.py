"""`python3 -m winnow_training.calibration_items FOLDER`: writes calibration items for tasks with too few validation items.

Needs only Python and the data files.
"""

from __future__ import annotations

import sys
from pathlib import Path

from . import data
from .tasks import TEXT_TASKS


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python3 -m winnow_training.calibration_items FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for task in TEXT_TASKS:
        if task.key in data.HELD_OUT:
            name, content = data.calibration_file(task)
            (folder / name).write_bytes(content)
            print(folder / name)


if __name__ == "__main__":
    main()

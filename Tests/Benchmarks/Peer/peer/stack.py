"""The stack of one turn: a new Postgres, a new embedded broker, and the services of one system."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from processes import Suite, environment

from .bus import CAPABILITIES, PARTITIONS, TOPICS
from .store import Store

# Before any stack has added its servers.
ENVIRONMENT = dict(os.environ)
RUN = Path(os.environ["WINNOW_RUN_DIRECTORY"])
STACK = "infra/dev/stack.sh"
# Downstream first, so that what is sent finds a reader.
SERVICES = {"aggregator": ["aggregator"], "escalator": ["escalator"],
            **{f"{name}-worker": ["worker", name] for name in CAPABILITIES}, "decomposer": ["decomposer"]}


class Stack:
    """Used in a `with`; nothing of it is left afterwards."""

    def __init__(self, system: str) -> None:
        self.system = system
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Stack:
        topics = RUN / "topics.json"
        catalog = json.loads(Path("infra/kafka/topics.json").read_text())
        catalog["topics"] += [{"name": name, "partitions": PARTITIONS} for name in TOPICS]
        topics.write_text(json.dumps(catalog))
        self.environment = ENVIRONMENT | {"WINNOW_TOPICS_FILE": str(topics)}
        if self.system == "peer":
            # Postgres, the broker and Winnow's migrations, but none of its services
            self.environment |= {f"WINNOW_SCALE_{name.upper().replace('-', '_')}": "0" for name in SERVICES}
        try:
            self.script("up")
            servers = environment(RUN)
            os.environ.update(servers)
            self.suite, self.store = Suite(RUN), Store()
            if self.system == "peer":
                self.store.create_schema()
                self.start_peer(ENVIRONMENT | servers)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
        self.script("down")
        self.script("forget")

    def script(self, command: str) -> None:
        subprocess.run([STACK, command], env=self.environment, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)

    def start_peer(self, environment_of_services: dict[str, str]) -> None:
        # As in stack.sh: one thread for a model, one heap for a process.
        settings = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "TOKENIZERS_PARALLELISM": "false"}
        for name, words in SERVICES.items():
            with open(RUN / "logs" / f"peer-{name}.log", "ab") as log:
                # They end with this process, also when it is killed.
                self.processes[name] = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "peer", *words], stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, env=environment_of_services | settings, start_new_session=True)
            self.suite.services[name] = self.processes[name].pid

    def resident(self) -> dict[str, float]:
        """Megabytes of each service; the broker, which holds the topics, is left out."""
        return {name: size for name, size in self.suite.resident().items() if name != "dev-broker"}

    def calls(self) -> int:
        """How many model calls are in the ledger; Winnow's checks in the background are left out."""
        rows: Any = self.store.run(f"SELECT count(*) FROM {self.system}.attempt WHERE kind::text IN ('worker', 'full')")
        return rows[0][0]

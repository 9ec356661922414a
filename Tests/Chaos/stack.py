"""A private suite in which every process can be killed: Postgres, a broker, and the services of a debug build."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORKERS = [f"{file.parent.name}-worker" for file in sorted(ROOT.glob("infra/capabilities/*/capability.json"))]
SERVICES = ["aggregator", "escalator", *WORKERS, "decomposer"]
POINTS = ["before-apply", "after-commit", "after-emit", "before-offset-commit"]


class Instance:
    """One process of a service. It is started again whenever it ends, as by an orchestrator."""

    def __init__(self, name: str, stack: Stack) -> None:
        self.name, self.stack = name, stack
        self.process: subprocess.Popen[bytes] | None = None
        self.wanted = True
        self.started_at: list[float] = []
        self.port_file = stack.folder / f"{name}.port"

    def start(self) -> None:
        self.port_file.unlink(missing_ok=True)
        environment = self.stack.environment | {"WINNOW_HTTP_PORT_FILE": str(self.port_file)}
        self.started_at.append(time.time())
        with open(self.stack.folder / "logs" / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen([self.stack.binaries / self.name], env=environment, cwd=ROOT,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def signal(self, number: int) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def answers(self, path: str) -> bool:
        try:
            port = int(self.port_file.read_text())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
                return answer.status == 200
        except (OSError, ValueError):
            return False


# A task whose only model is a language model, as a stranger's new task begins. A token costs a pico-USD.
FEEDBACK = {"name": "feedback", "title": "Feedback", "description": "Reads what customers write.", "tasks": [
    {"name": "mood", "title": "Mood", "description": "Says how the customer feels.", "unit": "document",
     "output": {"kind": "label", "labels": [{"name": "happy", "description": "Likes it."}, {"name": "angry", "description": "Complains."}]},
     "comparator": "exact", "models": {"full": "endpoint:mock"}}]}
MODEL = {"model": "mock", "maxInFlight": 8, "topLogprobs": 0, "timeouts": {"wholeSeconds": 4},
         "retries": {"most": 2, "firstDelaySeconds": 0.1}, "breaker": {"openSeconds": 1},
         "prices": [{"from": "2026-01-01T00:00:00Z", "input": "0.000001", "output": "0.000001"}]}


class Stack:
    def __init__(self, folder: Path, binaries: Path, database_ahead: int = 0) -> None:
        self.folder, self.binaries, self.database_ahead = folder, binaries, database_ahead
        (folder / "logs").mkdir(parents=True)
        self.faults = folder / "faults"
        self.faults.mkdir()
        self.external = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "")
        self.broker_restart = os.environ.get("CHAOS_BROKER_RESTART", "")
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith("PG") and key not in ("DATABASE_URL", "DATABASE_URL_FILE")}
        self.environment |= {
            "WINNOW_FAULT_DIRECTORY": str(self.faults),
            "WINNOW_ACKNOWLEDGEMENT_FILE": str(folder / "acknowledgements"), "WINNOW_HTTP_PORT": "0", "OMP_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "2", "WINNOW_SWEEP_INTERVAL_MS": "500", "WINNOW_REDRIVE_AFTER_SECONDS": "15",
            "WINNOW_BULK_REDRIVE_AFTER_SECONDS": "15",
            "WINNOW_INTAKE": "postgres", "WINNOW_INTAKE_RESEND_SECONDS": "10", "WINNOW_ABANDON_AFTER_SECONDS": "30",
        }
        self.model: subprocess.Popen[bytes] | None = None
        self.model_port = free_port()
        self.journal = folder / "model-journal"
        self.environment["WINNOW_ENDPOINTS_DIRECTORY"] = str(folder / "endpoints")
        self.broker: subprocess.Popen[bytes] | None = None
        self.broker_port = 0
        self.broker_starts: list[float] = []
        self.broker_ends: list[float] = []
        self.instances = [Instance(name, self) for name in SERVICES]
        self.is_watching = False
        self.tails: dict[str, subprocess.Popen[bytes]] = {}

    # Postgres and the broker

    def cluster(self, *arguments: str) -> str:
        return subprocess.run([ROOT / "infra/postgres/cluster.sh", arguments[0], self.folder / "postgres", *arguments[1:]],
                              check=True, stdout=subprocess.PIPE, text=True).stdout

    def start_postgres(self) -> None:
        clock = str(self.database_ahead)
        for line in self.cluster("start", "--parent", str(os.getpid()), "--remove", "--clock", clock).splitlines():
            key, _, value = line.partition("=")
            self.environment[key] = value

    def restart_postgres(self, kills: bool, away: Callable[[], None] = lambda: None) -> None:
        """- Parameter away: runs before the server is started again."""
        pid = int((self.folder / "postgres/data/postmaster.pid").read_text().splitlines()[0])
        if kills:
            os.kill(pid, signal.SIGKILL)
        else:
            self.cluster("stop")
        until(lambda: not Path(f"/proc/{pid}").exists(), 30, "Postgres has ended")
        away()
        # the backends of a killed server must notice its end first
        until(self._starts_postgres, 60, "Postgres is up again")

    def _starts_postgres(self) -> bool:
        try:
            self.cluster("start")
            return self.value("SELECT 1") == "1"
        except (subprocess.CalledProcessError, RuntimeError):
            return False

    def start_broker(self) -> None:
        if self.external:
            self.environment["KAFKA_BOOTSTRAP_SERVERS"] = self.external
            return
        address = self.folder / "broker"
        address.unlink(missing_ok=True)
        if not self.broker_port:
            self.broker_port = free_port()
        environment = self.environment | {"DEV_BROKER_PORT": str(self.broker_port), "DEV_BROKER_ADDRESS_FILE": str(address)}
        self.broker_starts.append(time.time())
        with open(self.folder / "logs/dev-broker.log", "ab") as log:
            self.broker = subprocess.Popen([self.binaries / "dev-broker"], env=environment, cwd=ROOT,
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: address.exists(), 20, "the broker is up")
        self.environment["KAFKA_BOOTSTRAP_SERVERS"] = address.read_text().strip()

    def restart_broker(self, kills: bool, away: float) -> None:
        """- Parameter away: seconds until the broker is started again."""
        if self.external:
            mode = {"CHAOS_BROKER_KILLS": str(int(kills)), "CHAOS_BROKER_AWAY_SECONDS": str(away)}
            subprocess.run(self.broker_restart, shell=True, check=True, env=os.environ | mode)
            return
        assert self.broker
        self.broker.send_signal(signal.SIGKILL if kills else signal.SIGTERM)
        self.broker.wait()
        self.broker_ends.append(time.time())
        # A tail goes on behind the offset that it had reached, and the new broker counts from 0: it would pass over records.
        topics = list(self.tails)
        self.end_tails()
        time.sleep(away)
        self.start_broker()
        for topic in topics:
            self._start_tail(topic)

    # The language model

    def start_model(self) -> None:
        self.journal.touch()
        with open(self.folder / "logs/model.log", "ab") as log:
            self.model = subprocess.Popen(
                ["python3", ROOT / "Tests/Benchmarks/chat_server.py", "--port", str(self.model_port), "--delay-ms", "150",
                 "--faults", "0.15", "--seed", str(time.time_ns()), "--journal", self.journal],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def restart_model(self, away: float) -> None:
        """Kills the server in the middle of its answers."""
        assert self.model
        self.model.kill()
        self.model.wait()
        time.sleep(away)
        self.start_model()

    def catalog(self) -> Path:
        """The folder of the built-in capabilities and of the one whose model is the server."""
        folder, endpoints = self.folder / "capabilities", self.folder / "endpoints"
        (folder / "feedback").mkdir(parents=True)
        endpoints.mkdir()
        for file in ROOT.glob("infra/capabilities/*/capability.json"):
            (folder / file.parent.name).symlink_to(file.parent)
        (folder / "feedback/capability.json").write_text(json.dumps(FEEDBACK))
        address = {"baseURL": f"http://127.0.0.1:{self.model_port}/v1"}
        (endpoints / "mock.json").write_text(json.dumps(address | MODEL))
        return folder

    # Services

    def start(self) -> None:
        self.start_model()
        self.start_postgres()
        self.start_broker()
        self.winnow("migrate")
        self.winnow("models", "register")
        if self.external:
            self.winnow("topics", "create")
        self.winnow("catalog", "apply", str(self.catalog()))
        for instance in self.instances:
            instance.start()
        self.wait_ready(90)
        self.is_watching = True
        threading.Thread(target=self._watch, daemon=True).start()

    def wait_ready(self, seconds: float) -> None:
        for instance in self.instances:
            until(lambda instance=instance: instance.answers("/readyz"), seconds, f"{instance.name} is ready")

    def _watch(self) -> None:
        while self.is_watching:
            for instance in self.instances:
                if instance.wanted and instance.process and instance.process.poll() is not None:
                    instance.start()
            time.sleep(0.1)

    def stop(self) -> None:
        self.is_watching = False
        self.end_tails()
        time.sleep(0.2)
        for instance in reversed(self.instances):
            instance.wanted = False
            instance.signal(signal.SIGCONT)
            instance.signal(signal.SIGTERM)
        for instance in self.instances:
            if instance.process:
                try:
                    instance.process.wait(40)
                except subprocess.TimeoutExpired:
                    instance.process.kill()
        if self.model:
            self.model.kill()
            self.model.wait()
        if self.broker:
            self.broker.kill()
            self.broker.wait()
        subprocess.run([ROOT / "infra/postgres/cluster.sh", "stop", self.folder / "postgres", "--remove"], check=False)

    def tail(self, topic: str) -> Path:
        """Keeps every record that is written to a topic from now on, a line each. Each start of a tail adds an empty line."""
        path = self.folder / topic
        self._start_tail(topic)
        until(lambda: path.stat().st_size > 0, 20, f"{topic} is read")
        return path

    def _start_tail(self, topic: str) -> None:
        # An embedded broker is empty when it starts, so the beginning is what is written from now on.
        start = "end" if self.external else "beginning"
        with open(self.folder / topic, "ab") as out:
            self.tails[topic] = subprocess.Popen([self.binaries / "TopicTail", topic, start], env=self.environment, cwd=ROOT,
                                                 stdin=subprocess.DEVNULL, stdout=out)

    def acknowledgements(self) -> list[str]:
        """One line for each record that the broker acknowledged, from every producer of the suite."""
        path = self.folder / "acknowledgements"
        return path.read_text(errors="replace").splitlines() if path.exists() else []

    def end_tails(self) -> None:
        for tail in self.tails.values():
            tail.terminate()
            tail.wait()
        self.tails = {}

    # Command line and database

    def winnow(self, *arguments: str, text: str | None = None, check: bool = True) -> list[dict]:
        done = subprocess.run([self.binaries / "winnow", *arguments], env=self.environment, cwd=ROOT, text=True, input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if check and done.returncode != 0:
            raise RuntimeError(f"winnow {arguments[0]}: {done.stderr[-400:]}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def rows(self, sql: str) -> list[list[str]]:
        done = subprocess.run(["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--field-separator=\t", "--command", sql],
                              env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr[-400:]}")
        return [line.split("\t") for line in done.stdout.splitlines() if line]

    def value(self, sql: str) -> str:
        return self.rows(sql)[0][0]


def free_port() -> int:
    """A port below the kernel's range for connections. Otherwise a client of a broker that is away could get the broker's port."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def until(condition, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)

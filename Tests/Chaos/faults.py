"""The faults, and how they are injected."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from stack import POINTS, SERVICES, WORKERS, Stack, until

_AWAY_SECONDS = 60.0
_USES_POSTGRES = ("decomposer", "escalator", "aggregator")
_BROKER_AWAY_SECONDS = (5, 60)
_SHORT_BROKER_AWAY_SECONDS = (5, 12)
_REBALANCED_SECONDS = 20
_STOPPED_SECONDS = 8.0  # more than the session timeout of 6 s, so the group continues without the member


@dataclass
class Fault:
    """One fault to inject."""

    kind: str
    target: str
    detail: str = ""
    away: float = 0.0  # seconds during which a broker or a database does not answer
    at: float = 0.0
    injected: bool = False
    ended: float = 0.0  # when a database that was away answered again

    @property
    def name(self) -> str:
        return f"{self.kind} {self.detail}".strip()


def schedule(seed: int, count: int) -> list[Fault]:
    """Every service dies at every fault point at least once if `count` allows it. The other faults are drawn at random."""
    chance = random.Random(seed)
    points = [Fault("dies", service, point) for service in SERVICES for point in POINTS]
    others = [Fault("kill -9", service) for service in SERVICES] + [Fault("SIGSTOP", service) for service in SERVICES]
    others += [Fault("SIGTERM", service) for service in SERVICES]
    others += [Fault("kill -9", "postgres"), Fault("stop", "postgres"), Fault("kill -9", "broker")]
    others += [Fault("kill -9", "model", f"{away} s away", away) for away in (0, 6)]
    others += _outages(chance) if count >= 100 else []
    chance.shuffle(points)
    chance.shuffle(others)
    first = [fault for pair in zip(points, others) for fault in pair] + points[len(others):] + others[len(points):]
    drawn = []
    while len(first) + len(drawn) < count:
        kind = chance.choices(["dies", "kill -9", "SIGTERM", "SIGSTOP", "postgres", "broker", "model"],
                             [50, 20, 12, 8, 6, 4, 4])[0]
        if kind == "dies":
            # in the loop of either lane
            drawn.append(Fault("dies", chance.choice(SERVICES), chance.choice(["", "bulk."]) + chance.choice(POINTS)))
        elif kind == "postgres":
            drawn.append(Fault(chance.choice(["kill -9", "stop"]), "postgres"))
        elif kind == "model":
            drawn.append(_model_outage(chance))
        elif kind == "broker":
            drawn.append(Fault(chance.choice(["kill -9", "stop"]), "broker"))
        else:
            drawn.append(Fault(kind, chance.choice(SERVICES)))
    if count >= 100:
        first.insert(len(first) // 2, Fault("away", "postgres", f"{_AWAY_SECONDS:.0f} s"))
    if count < len(first):
        # a short run still has a broker that loses its records, one that is away for longer than a session, and a database that dies
        must = [fault for fault in first if fault.target in ("broker", "postgres") and fault.kind == "kill -9"]
        must.append(_model_outage(chance))
        must.append(_broker_outage(chance.choice(["kill -9", "stop"]), chance, _SHORT_BROKER_AWAY_SECONDS))
        first = must + [fault for fault in first if fault not in must][: count - len(must)]
        chance.shuffle(first)
    return (first + drawn)[:count]


def _broker_outage(kind: str, chance: random.Random, seconds: tuple[int, int]) -> Fault:
    away = chance.randint(*seconds)
    return Fault(kind, "broker", f"{away} s away", away)


def _model_outage(chance: random.Random) -> Fault:
    away = chance.randint(0, 8)
    return Fault("kill -9", "model", f"{away} s away", away)


def _outages(chance: random.Random) -> list[Fault]:
    """Outages that last longer than a group's session: of the broker, and of the database while groups rebalance."""
    brokers = [_broker_outage(kind, chance, _BROKER_AWAY_SECONDS) for kind in ("kill -9", "stop") * 2]
    # a member that dies and restarts while Postgres does not answer
    rebalanced = [Fault("away, killing", "postgres", service, _REBALANCED_SECONDS)
                  for service in (chance.choice(WORKERS), "decomposer", "aggregator")]
    return brokers + rebalanced


class Injector:
    """Injects faults into a stack. Faults that take time continue in the background."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.instances = {instance.name: instance for instance in stack.instances}
        self.armed: list[Fault] = []
        self.background: list[threading.Thread] = []
        self.server = threading.Lock()
        self.failures: list[BaseException] = []

    def inject(self, fault: Fault) -> None:
        fault.at = time.time()
        if fault.kind == "dies":
            # counts once the process has consumed the file and died
            (self.stack.faults / f"{fault.target}.{fault.detail}").touch()
            self.armed.append(fault)
            return
        fault.injected = True
        if fault.target == "postgres":
            self._aside(lambda: self._restart_postgres(fault))
        elif fault.target == "model":
            self._aside(lambda: self.stack.restart_model(fault.away))
        elif fault.target == "broker":
            self._aside(lambda: self.stack.restart_broker(kills=fault.kind == "kill -9", away=fault.away))
        elif fault.kind == "SIGSTOP":
            self.instances[fault.target].signal(signal.SIGSTOP)
            self._aside(lambda: (time.sleep(_STOPPED_SECONDS), self.instances[fault.target].signal(signal.SIGCONT)), False)
        else:
            self.instances[fault.target].signal(signal.SIGKILL if fault.kind == "kill -9" else signal.SIGTERM)

    def _restart_postgres(self, fault: Fault) -> None:
        if fault.kind == "away":
            self.stack.restart_postgres(kills=False, away=self._look_while_away)
        elif fault.kind == "away, killing":
            self.stack.restart_postgres(kills=False, away=lambda: self._rebalance(fault))
        else:
            self.stack.restart_postgres(kills=fault.kind == "kill -9")
        fault.ended = time.time()

    def _look_while_away(self) -> None:
        """Stops the database for a minute. Services that need it must be live and not ready."""
        back = time.monotonic() + _AWAY_SECONDS
        until(lambda: all(not self.instances[name].answers("/readyz") and self.instances[name].answers("/livez")
                          for name in _USES_POSTGRES), _AWAY_SECONDS / 2, "/readyz fails and /livez answers without Postgres")
        time.sleep(max(0.0, back - time.monotonic()))

    def _rebalance(self, fault: Fault) -> None:
        """Kills a member of the groups. Its replacement joins them while the database is away."""
        back = time.monotonic() + fault.away
        starts = len(self.instances[fault.detail].started_at)
        self.instances[fault.detail].signal(signal.SIGKILL)
        until(lambda: len(self.instances[fault.detail].started_at) > starts, fault.away, f"{fault.detail} is started again")
        time.sleep(max(0.0, back - time.monotonic()))

    def collect(self) -> None:
        """Marks armed fault points that were reached as injected."""
        for fault in list(self.armed):
            if not (self.stack.faults / f"{fault.target}.{fault.detail}").exists():
                fault.injected, fault.at = True, time.time()
                self.armed.remove(fault)

    def finish(self) -> None:
        for thread in self.background:
            thread.join()
        for failure in self.failures:
            raise failure

    def _aside(self, work: Callable[[], object], alone: bool = True) -> None:
        def run() -> None:
            try:
                with self.server if alone else contextlib.nullcontext():
                    work()
            except Exception as error:
                self.failures.append(error)
        thread = threading.Thread(target=run)
        thread.start()
        self.background.append(thread)

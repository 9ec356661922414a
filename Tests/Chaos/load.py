"""The submissions of a run, and all resulting records, read from the topics."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from stack import Stack, until

RESULTS, LETTERS = "winnow.results.v1", "winnow.dead-letters.v1"
_QUIET_SECONDS = 3.0
_REDELIVERY_SECONDS = 20.0  # the session timeout of a dead member, and a rebalance


@dataclass(frozen=True)
class Read:
    """A record as its reader received it."""

    partition: int
    offset: int
    at: float
    key: str
    value: bytes


@dataclass(frozen=True)
class Submission:
    tenant: str
    lane: str
    request: dict


class Load:
    """The submissions of a run, and the readers that keep every result and every dead letter from the start of the run."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.accepted: dict[str, Submission] = {}
        self.results_path, self.letters_path = stack.tail(RESULTS), stack.tail(LETTERS)
        self.first: dict[str, list[Read]] = {}
        self.every: dict[str, list[Read]] = {}
        self.forgotten: set[str] = set()
        self.undelivered: set[str] = set()

    def settle(self, seconds: float) -> None:
        """Waits until no request is open, keeps the results that have arrived, and only then asks for every result again.

        Only the first results count for the verdict: asking again makes the suite write a result that it failed to write before.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._under_way() > 0:
            time.sleep(0.5)
        self._await_quiet()
        self.first = self._by_id(read(self.results_path))
        self.forgotten = self._forgotten()
        batches: dict[tuple[str, str], list[dict]] = defaultdict(list)
        for submission in self.accepted.values():
            batches[submission.tenant, submission.lane].append(submission.request)
        for (tenant, lane), requests in batches.items():
            # Sends identical bodies: another body under a known id is another request and is rejected.
            text = "\n".join(json.dumps(request) for request in requests)
            self.stack.winnow("submit", "--tenant", tenant, "--lane", lane, "--wait", "--json", "--timeout", "120", text=text,
                              check=False)
        self._await_quiet()
        self.every = self._by_id(read(self.results_path))
        self.stack.end_tails()

    def dead_letters(self) -> int:
        return len(read(self.letters_path))

    def missing(self) -> set[str]:
        """Requests whose result never arrived and cannot have been lost by the broker."""
        return self.accepted.keys() - self.first.keys() - self.forgotten

    def _under_way(self) -> int:
        return int(self.stack.value("SELECT (SELECT count(*) FROM winnow.request WHERE state = 'open')"
                                    " + (SELECT count(*) FROM winnow.submission)"))

    def _await_quiet(self) -> None:
        """Returns once no result has arrived for a while. Later results count as late."""
        seen, since = -1, time.monotonic()

        def is_quiet() -> bool:
            nonlocal seen, since
            size = self.results_path.stat().st_size
            if size != seen:
                seen, since = size, time.monotonic()
            return time.monotonic() - since > _QUIET_SECONDS

        until(is_quiet, 120, "the results have come to rest")

    def _by_id(self, records: list[Read]) -> dict[str, list[Read]]:
        found: dict[str, list[Read]] = defaultdict(list)
        for record in records:
            found[json.loads(record.value)["id"]].append(record)
        return found

    def _forgotten(self) -> set[str]:
        """Requests whose result the broker acknowledged and then lost with its memory, before any reader could read it.

        The embedded broker is empty after its end. The acknowledgement contains the offset, and the reader had not reached it
        when that broker ended. A result also counts as lost if the broker acknowledged and lost its outcome: the aggregator made
        the request final and died before it wrote the result, and the outcome could not be delivered again. On any other cluster,
        no loss is excused.
        """
        if self.stack.external:
            return set()
        starts = self.stack.broker_starts
        life = lambda at: sum(start <= at for start in starts)
        reached: dict[tuple[int, int], int] = defaultdict(lambda: -1)
        for records in self.first.values():
            for record in records:
                place = life(record.at), record.partition
                reached[place] = max(reached[place], record.offset)
        requests: dict[str, str] = {}
        final_at: dict[str, float] = {}
        for request, event, at in self.stack.rows(
                "SELECT request_id, event_id, extract(epoch FROM completed_at) FROM winnow.request WHERE state <> 'open'"):
            requests[request], final_at[event] = event, float(at)
        lost: set[str] = set()
        newest_outcome: dict[str, int] = {}
        for line in self.stack.acknowledgements():
            topic, partition, offset, key, at = line.split("\t")
            event = requests.get(key)
            if event is None or event in self.first:
                continue
            alive = life(int(at) / 1000)
            if topic == RESULTS and alive < len(starts) and int(offset) > reached[alive, int(partition)]:
                lost.add(event)
            if topic.endswith("outcomes.v1"):
                newest_outcome[event] = max(alive, newest_outcome.get(event, 0))
        self.undelivered = {event for event, alive in newest_outcome.items()
                            if alive < len(starts) and self._cannot_come_again(alive, final_at[event])}
        return lost | self.undelivered

    def _cannot_come_again(self, alive: int, final_at: float) -> bool:
        """Whether an outcome that the embedded broker lost made a request final so late that it was not delivered again.

        Delivering it again takes a few seconds, so the request must have become final shortly before that broker ended, or before
        the next one started: an aggregator may hold the outcome while both Postgres and the broker are away. It may even hold it
        until after the next broker has started, if Postgres is away for longer. Then one process must have run since before the
        end of that broker, and have died right after the request became final.
        - Parameter alive: which start of the broker acknowledged the newest outcome of the request, from 1.
        """
        ended, next_start = self.stack.broker_ends[alive - 1], self.stack.broker_starts[alive]
        if final_at < next_start:
            return final_at >= self.stack.broker_starts[alive - 1] and ended - final_at < _REDELIVERY_SECONDS
        starts = next(instance.started_at for instance in self.stack.instances if instance.name == "aggregator")
        holder = max((at for at in starts if at <= final_at), default=final_at)
        died = min((at for at in starts if at > final_at), default=float("inf"))
        return holder < ended and died - final_at < _REDELIVERY_SECONDS


def read(path: Path) -> list[Read]:
    """The records that a tail has kept. Each start of it adds an empty line, and a last line may be half written."""
    records = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        if line:
            partition, offset, at, key, value = line.split(b"\t", 4)
            records.append(Read(int(partition), int(offset), int(at) / 1000, key.decode(), value))
    return records

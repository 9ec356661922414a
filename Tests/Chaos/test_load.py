"""Tests which missing results the embedded broker's loss of its memory excuses."""

import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

from load import Load

# The first broker ends at 100 s, and the second starts at 101 s.
_BROKER_STARTS, _BROKER_ENDS = [10.0, 101.0], [100.0]
_EVENT, _REQUEST = "event", "request"


class ForgottenOutcomes(unittest.TestCase):
    def forgotten(self, final_at: float, outcomes: list[float], aggregators: list[float]) -> set[str]:
        """- Parameters: when the request became final, when its outcomes were acknowledged, when aggregators were started."""
        with tempfile.TemporaryDirectory() as folder:
            stack = SimpleNamespace(
                external="", broker_starts=_BROKER_STARTS, broker_ends=_BROKER_ENDS, tail=lambda topic: Path(folder) / topic,
                instances=[SimpleNamespace(name="escalator", started_at=[11.0, final_at + 0.5]),
                           SimpleNamespace(name="aggregator", started_at=aggregators)],
                rows=lambda sql: [[_REQUEST, _EVENT, str(final_at)]],
                acknowledgements=lambda: [f"winnow.bulk-outcomes.v1\t0\t{place}\t{_REQUEST}\t{round(at * 1000)}"
                                          for place, at in enumerate(outcomes)])
            return Load(stack)._forgotten()

    def test_an_outcome_that_was_lost_right_after_the_request_became_final_is_excused(self) -> None:
        self.assertEqual(self.forgotten(95, [94], [11, 96]), {_EVENT})

    def test_an_outcome_that_could_be_delivered_again_for_long_is_not_excused(self) -> None:
        self.assertEqual(self.forgotten(60, [59], [11, 61]), set())

    def test_an_outcome_that_the_aggregator_held_until_after_the_next_broker_started_is_excused(self) -> None:
        self.assertEqual(self.forgotten(108, [60, 98], [11, 109]), {_EVENT})

    def test_an_outcome_that_the_next_broker_has_too_is_not_excused(self) -> None:
        self.assertEqual(self.forgotten(108, [98, 105], [11, 109]), set())

    def test_an_aggregator_that_started_after_the_loss_held_nothing(self) -> None:
        self.assertEqual(self.forgotten(108, [98], [11, 103, 109]), set())

    def test_an_aggregator_that_lived_on_had_to_write_the_result(self) -> None:
        self.assertEqual(self.forgotten(108, [98], [11]), set())
        self.assertEqual(self.forgotten(108, [98], [11, 140]), set())


if __name__ == "__main__":
    unittest.main()

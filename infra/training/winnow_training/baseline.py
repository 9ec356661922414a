"""The baseline for the full model: TF-IDF with a linear SVM, trained on the same files."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import FeatureUnion, make_union
from sklearn.svm import LinearSVC

from . import data
from .metrics import classification
from .tasks import SEED, Task


_FOLDS = 5
_SHARPNESS = 2.0  # factor from SVM margins to logits


def measure(task: Task) -> dict[str, float]:
    """Accuracy and macro F1 on validation, of the plain or the class-weighted SVM, whichever has the better macro F1."""
    train, val = data.load(task, "train"), data.load(task, "val")
    features = _features()
    matrix, held_out = (features.fit_transform([item.text for item in train]),
                        features.transform([item.text for item in val]))
    truth = [item.label for item in val]
    found = []
    for weight in (None, "balanced"):
        machine = LinearSVC(class_weight=weight, random_state=SEED).fit(matrix, [item.label for item in train])
        found.append(classification(truth, list(machine.predict(held_out))))
    return max(found, key=lambda row: row["macroF1"])


def out_of_fold(task: Task) -> np.ndarray:
    """Probabilities for each training text from SVMs that never saw it, in the order of the labels.

    An SVM counts the words of the whole text, which the encoder does not, so it is a useful second opinion.
    """
    texts = np.array([item.text for item in data.load(task, "train")], dtype=object)
    answers = np.array([item.label for item in data.load(task, "train")])
    opinions = np.zeros((len(texts), len(data.labels(task))))
    for seen, held in StratifiedKFold(_FOLDS, shuffle=True, random_state=SEED).split(texts, answers):
        features = _features()
        machine = LinearSVC(random_state=SEED).fit(features.fit_transform(texts[seen]), answers[seen])
        opinions[held] = softmax(_SHARPNESS * machine.decision_function(features.transform(texts[held])), axis=1)
    return opinions


def _features() -> FeatureUnion:
    return make_union(TfidfVectorizer(analyzer="word", ngram_range=(1, 2), sublinear_tf=True),
                      TfidfVectorizer(analyzer="char", ngram_range=(3, 5), sublinear_tf=True, min_df=2))

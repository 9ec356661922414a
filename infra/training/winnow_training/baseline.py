"""The floor under the full model: TF-IDF with a linear SVM, trained on the same files."""

from __future__ import annotations

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

from . import data
from .metrics import classification
from .tasks import SEED, Task


def measure(task: Task) -> dict[str, float]:
    """Accuracy and macro F1 on validation; the better of the plain and the class-weighted SVM by macro F1."""
    train, val = data.load(task, "train"), data.load(task, "val")
    features = make_union(TfidfVectorizer(analyzer="word", ngram_range=(1, 2), sublinear_tf=True),
                          TfidfVectorizer(analyzer="char", ngram_range=(3, 5), sublinear_tf=True, min_df=2))
    matrix, held_out = (features.fit_transform([item.text for item in train]),
                        features.transform([item.text for item in val]))
    truth = [item.label for item in val]
    found = []
    for weight in (None, "balanced"):
        machine = LinearSVC(class_weight=weight, random_state=SEED).fit(matrix, [item.label for item in train])
        found.append(classification(truth, list(machine.predict(held_out))))
    return max(found, key=lambda row: row["macroF1"])

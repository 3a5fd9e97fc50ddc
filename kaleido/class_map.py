"""Classes in closed form: ridge regression of pictures, logistic of texts.

What a picture's frozen features and a text's words say of its class needs no network,
and some thousand products are too few for the [CLS] state to learn it anew. So the
maps are fitted apart from the fine-tuning and take part in its answers
(`layers/class_maps.py`). Which of the three do, and how much each counts, is chosen by
accuracy and likelihood of the validation split, of which they know no more than what
chose their settings. Not in the paper.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np
from absl import logging
from scipy import optimize, sparse
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from kaleido.baselines import STRENGTHS
from kaleido.lexical_map import WordBasis, piece_sets
from kaleido.ridge_map import RidgeFit

# In units of `RidgeFit.solve`.
PENALTIES = (0.03, 0.1, 0.3, 1.0)
# Of [CLS] states: most of their variance lies in few directions once a network has been
# pre-trained, and what tells classes apart in others, which a penalty in units of the
# variance silences.
STATE_PENALTIES = (0.0001, 0.001, 0.01, *PENALTIES)
# Logit of a class that the fit has no example of.
_UNSEEN = -20.0

# Inputs and labels int [n].
Labelled = Tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class LinearMap:
    """A linear map from dense inputs, level means or states, to logits.

    Attributes:
        kernel: float32 [features, classes]; bias: float32 [classes].
    """

    kernel: np.ndarray
    bias: np.ndarray

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """float32 [n, features] -> float32 [n, classes]."""
        return inputs @ self.kernel + self.bias

    @property
    def weights(self) -> Sequence[np.ndarray]:
        """Those of a dense layer, such as `ClassMaps.picture`."""
        return [self.kernel, self.bias]


@dataclasses.dataclass(frozen=True)
class TextMap:
    """A linear map from TF-IDF of the set of word pieces, of unit length, to logits.

    Attributes:
        table: float32 [vocab_size, classes]; squares: float32 [vocab_size], of the
            pieces' inverse document frequencies; bias: float32 [classes].
    """

    table: np.ndarray
    squares: np.ndarray
    bias: np.ndarray

    def logits(self, token_ids: np.ndarray) -> np.ndarray:
        """int32 [n, length] -> float32 [n, classes]."""
        return WordBasis(self.table, self.squares).vectors(token_ids) + self.bias

    @property
    def weights(self) -> Sequence[np.ndarray]:
        """Those of `ClassMaps.text`."""
        return [self.table, self.squares, self.bias]


def fit_linear_map(
    train: Labelled, validation: Labelled, classes: int,
    penalties: Sequence[float] = PENALTIES,
) -> Tuple[LinearMap, Dict[str, Any]]:
    """Regresses class indicators on level means, or on [CLS] states.

    Args:
        train, validation: these float32 [n, features], and labels.
        classes: columns of the result.
        penalties: that validation chooses from, by accuracy.

    Returns:
        The map, and the penalty that was chosen.
    """
    fit = RidgeFit(train[0], np.eye(classes, dtype=np.float32)[train[1]])
    made = {}
    for penalty in penalties:
        (kernel,) = fit.kernels(penalty)
        made[penalty] = LinearMap(*fit.affine(0, kernel))
    return _best("penalty", made, validation)


def fit_text_map(
    train: Labelled, validation: Labelled, is_special: np.ndarray, classes: int
) -> Tuple[TextMap, Dict[str, Any]]:
    """Fits logistic regressions on TF-IDF of sets of word pieces.

    Args:
        train, validation: token ids int32 [n, length], labels.
        is_special: bool [vocab_size], pieces that say nothing.
        classes: columns of the result.

    Returns:
        The map, and the strength of `baselines.STRENGTHS` that validation chose, by
        accuracy.
    """
    spoken = sparse.diags((~is_special).astype(np.float32))
    pieces = piece_sets(train[0], len(is_special)) @ spoken
    tfidf = TfidfTransformer()
    inputs = tfidf.fit_transform(pieces)
    # What no training text has says nothing, and must not lengthen others.
    known = np.asarray(pieces.sum(axis=0)).ravel() > 0
    frequencies = np.where(known, tfidf.idf_, 0.0)
    made = {}
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000).fit(inputs, train[1])
        kernel, bias = model.coef_, model.intercept_
        if len(model.classes_) == 2:
            # One logit of two classes: half for, half against.
            kernel, bias = (np.stack([-x, x]) / 2 for x in (kernel[0], bias[0]))
        table = np.zeros((len(is_special), classes), np.float32)
        table[:, model.classes_] = frequencies[:, None] * kernel.T
        all_bias = np.full(classes, _UNSEEN, np.float32)
        all_bias[model.classes_] = bias
        made[strength] = TextMap(table, (frequencies**2).astype(np.float32), all_bias)
    return _best("strength", made, validation)


def _best(name: str, made, validation: Labelled):
    inputs, labels = validation
    accuracy = {
        setting: float(np.mean(fitted.logits(inputs).argmax(axis=1) == labels))
        for setting, fitted in made.items()
    }
    logging.info("accuracy on validation by %s: %s", name, accuracy)
    best = max(accuracy, key=accuracy.get)
    return made[best], {name: best, "validation_accuracy": accuracy[best]}


def weigh(parts: Sequence[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Returns the weights under which labels are likeliest, float64 [parts].

    The likelihood is that of the softmax of weighted logits, added; no weight is
    negative. It brings them to one scale, and the sum to a calibrated one.

    Args:
        parts: logits float [n, classes] each.
        labels: int [n].
    """
    stacked = np.stack(parts).astype(np.float64)
    # Of one size, so that no unit hides from the search.
    sizes = np.maximum(stacked.std(axis=(1, 2)), 1e-9)
    stacked /= sizes[:, None, None]
    rows = np.arange(len(labels))

    def cost(weights):
        logs = log_softmax(np.einsum("pnc,p->nc", stacked, weights), axis=1)
        wrong = np.exp(logs)
        wrong[rows, labels] -= 1.0
        slope = np.einsum("pnc,nc->p", stacked, wrong) / len(rows)
        return -logs[rows, labels].mean(), slope

    found = optimize.minimize(
        cost, np.ones(len(parts)), jac=True, method="L-BFGS-B",
        bounds=[(0.0, None)] * len(parts),
    )
    return found.x / sizes


def choose_weights(
    parts: Sequence[np.ndarray],
    labels: np.ndarray,
    offset: Optional[np.ndarray] = None,
    importance: Optional[np.ndarray] = None,
) -> np.ndarray:
    """Chooses who takes part, and returns what each counts, float64 [parts].

    The likeliest sum is not the most accurate one: a part that knows little of the
    class can still soften what another is too sure of. So a part is left out where
    the others are more often right without it.

    Args:
        parts, labels: see `weigh`.
        offset: float [classes], added to the sum before it is read; nothing by default.
        importance: float [n], what an example counts; one by default.

    Returns:
        Weights of `weigh`, 0 for what is left out.
    """
    best = None
    # All of them first: fewer must be better, not as good.
    for count in range(len(parts), 0, -1):
        for taken in itertools.combinations(range(len(parts)), count):
            weights = np.zeros(len(parts))
            weights[list(taken)] = weigh([parts[k] for k in taken], labels)
            total = sum(weight * part for weight, part in zip(weights, parts))
            if offset is not None:
                total = total + offset
            right = np.average(total.argmax(axis=1) == labels, weights=importance)
            if best is None or right > best[0]:
                best = right, weights
    return best[1]

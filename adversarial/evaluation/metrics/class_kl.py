"""Which classes the samples have, by a classifier: missing and rare classes show mode collapse."""

from __future__ import annotations

import math

import numpy as np

from adversarial.evaluation.embedding import embed_one
from adversarial.evaluation.features import Features
from adversarial.evaluation.metric import Result, Unavailable, metric

# A class counts as missing below this fraction of its share in the data: the classifier errs, so
# that a class that is never generated is still found now and then.
MISSING = 0.1


@metric(unit="nats")
def class_kl(samples: np.ndarray, test: np.ndarray, features: Features) -> Result:
    """Kullback-Leibler divergence of the samples' classes from the data's (0 is best).

    KL = sum_c p_c log(p_c / q_c), where p and q are the shares of the classes among samples and
    test examples, both as the classifier sees them. Of n samples and m examples of one distribution
    with C classes, (C - 1) / 2 (1 / n + 1 / m) is expected.

    Parameters
    ----------
    samples : (n, dimension) array
    test : (m, dimension) array
    features : Features
        Of a classifier, whose `classes` are counted.

    Returns
    -------
    Result
        The divergence, with its standard error over samples and test examples; `details` has the
        shares, and the classes that are `missing`: with less than a tenth of their share in the
        data.

    Raises
    ------
    Unavailable
        Where `features` has no classes.
    ValueError
        Where a number is not finite, or all test examples are of one class.

    References
    ----------
    S. Kullback and R. A. Leibler, "On Information and Sufficiency", Annals of Mathematical
    Statistics 22 (1951), equation 2.4.

    Examples
    --------
    >>> class Signs:
    ...     def classes(self, rows):
    ...         return (rows[:, 0] > 0).astype(int)
    >>> found = class_kl(np.array([[1.0], [2.0]]), np.array([[-1.0], [1.0]]), Signs())
    >>> round(found.value, 6) == round(math.log(2), 6), found.details["missing"]
    (True, [0])
    """
    classes = getattr(features, "classes", None)
    if classes is None:
        raise Unavailable(
            "features has no method `classes`: give the Features of a classifier with a Softmax"
        )
    made, real = (
        np.asarray(classes(embed_one(rows, what)))
        for rows, what in ((samples, "samples"), (test, "data"))
    )
    if (real == real[0]).all():
        raise ValueError(
            f"the classifier says that all {len(real)} test examples are of class {real[0]}: is it "
            "trained, and on data of this scale?"
        )
    number = int(max(made.max(), real.max())) + 1
    of_samples, of_data = (np.bincount(each, minlength=number) for each in (made, real))
    p = of_samples / len(made)
    # A class of samples that no test example has would give infinity: it counts as half an example.
    q = np.where((of_data == 0) & (of_samples > 0), 0.5, of_data) / len(real)
    seen = of_samples > 0
    surprise, ratio = np.zeros(number), np.zeros(number)
    surprise[seen] = np.log(p[seen] / q[seen])
    ratio[seen] = p[seen] / q[seen]
    # The delta method: the derivatives are log(p / q) + 1 by p, and -p / q by q.
    variance = _variance(p, surprise) / len(made) + _variance(q, ratio) / len(real)
    details = {
        "samples": p.tolist(),
        "data": (of_data / len(real)).tolist(),
        "missing": np.flatnonzero((of_data > 0) & (p < MISSING * q)).tolist(),
    }
    notes = [f"class {c} is missing among the samples" for c in details["missing"]]
    value = max(0.0, float((p * surprise).sum()))
    return Result(value, math.sqrt(max(0.0, variance)), details, tuple(notes))


def _variance(shares: np.ndarray, values: np.ndarray) -> float:
    return float((shares * values**2).sum() - (shares * values).sum() ** 2)

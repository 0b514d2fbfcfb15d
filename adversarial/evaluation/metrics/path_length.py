"""Perceptual path length: how much samples change along a path between two points of z space."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adversarial.evaluation.embedding import Embedding, embed_one
from adversarial.evaluation.metric import Result, metric
from adversarial.evaluation.sampling import draw_noise, generator_of, samples_at

PATHS = 5000
# A step along the path, of which all of it is 1. The paper's 1e-4 is for smoother features; at
# 1e-3, rounding errors of float32 are 0.1 % of a step's change in the features.
STEP = 1e-3


@metric(unit="")
def path_length(model: Any, features: Embedding) -> Result:
    """Perceptual path length of interpolations in z space, in features (less is smoother).

    E |f(G(z(t + e))) - f(G(z(t)))|^2 / e^2, where z(t) is a path between two points of the prior, t
    is uniform in [0, 1], and e = 0.001. A path keeps to the prior: it is a line for uniform z, and
    a great circle for z that is normal or on a sphere. A collapsed generator has a length near 0:
    compare models whose diversity is alike.

    Parameters
    ----------
    model : AdversaryPair or Generator
        Of a generator of given classes, paths stay within a class.
    features : function from rows to features

    Returns
    -------
    Result
        The mean of 5,000 paths, with its standard error; `details` has the median, and the mean
        without the shortest and the longest 1 %, as the paper's code computes it.

    Raises
    ------
    ValueError
        Where samples are not finite.

    References
    ----------
    T. Karras, S. Laine and T. Aila, "A Style-Based Generator Architecture for Generative
    Adversarial Networks", CVPR 2019, equation 2.

    Examples
    --------
    >>> from adversarial.models.generator import Generator
    >>> from adversarial.models.mlp import MLP, Linear
    >>> generator = Generator(MLP([Linear(2, "y", irange=0.0)], nvis=3))  # makes one sample only
    >>> path_length(generator, lambda rows: rows).value
    0.0
    """
    generator: Any = generator_of(model)
    number = PATHS
    if hasattr(generator, "given_classes"):
        # Row i has class i modulo the number of classes, so both ends of a step have the same.
        number -= number % generator.n_classes
        generator = generator.given_classes(np.arange(generator.n_classes))
    start, end = np.split(draw_noise(generator, 2 * number, seed=0).astype(np.float64), 2)
    t = np.random.RandomState(0).uniform(size=(number, 1))
    z = np.concatenate([between(start, end, t + step, generator.noise) for step in (0, STEP)])
    points = embed_one(samples_at(generator, z), "samples", features)
    steps = points[number:] - points[:number]
    lengths = np.einsum("nd,nd->n", steps, steps) / STEP**2
    kept = np.sort(lengths)[number // 100 : number - number // 100]
    details = {"median": float(np.median(lengths)), "mean of 98 %": float(kept.mean())}
    error = lengths.std(ddof=1) / math.sqrt(number)
    return Result(float(lengths.mean()), float(error), details)


def between(start: np.ndarray, end: np.ndarray, t: np.ndarray, noise: str) -> np.ndarray:
    """Points on paths from `start` to `end` (n, dimension) at t (n, 1), within the prior `noise`.

    Examples
    --------
    >>> start, end, t = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), np.array([[0.5]])
    >>> between(start, end, t, "uniform"), between(start, end, t, "gaussian").round(3)
    (array([[0.5, 0.5]]), array([[0.707, 0.707]]))
    """
    if noise == "uniform":
        return start + t * (end - start)
    if noise == "gaussian":
        # cos^2 + sin^2 = 1: every point has the prior's distribution.
        return np.cos(t * math.pi / 2) * start + np.sin(t * math.pi / 2) * end
    cosine = np.clip(np.einsum("nd,nd->n", start, end)[:, None], -1, 1)
    angle = np.maximum(np.arccos(cosine), 1e-6)
    return (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)

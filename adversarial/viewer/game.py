"""A one-dimensional game, drawn as the paper's Figure 1: p_data, p_g, D, and how G maps z to x.

`show_game` draws it from model files. Proposition 1 of the paper gives the best D for a fixed G:

    D*(x) = p_data(x) / (p_data(x) + p_g(x))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aesara.tensor as at
import numpy as np
from scipy.stats import norm

from adversarial import backend
from adversarial.evaluation.parzen import parzen_log_likelihood
from adversarial.evaluation.sampling import draw_samples, generator_of, samples_at
from adversarial.viewer.plot import literal, new_figure

SAMPLES = 20000
BANDWIDTH = 0.05  # of the window on each sample, for p_g
ARROWS = 21
# Where both densities are below this fraction of the greatest, D has seen no points to learn from.
UNSEEN = 0.01


@dataclass(frozen=True)
class Moment:
    """The game at one moment.

    Attributes
    ----------
    title : str
    x : (n,) points of the line
    p_data, p_g : (n,) densities at `x`
    D : (n,) the discriminator's probability that `x` is data
    arrows : (k, 2) pairs (z, G(z)); z at equal steps of probability; none if z has more dimensions
    """

    title: str
    x: np.ndarray
    p_data: np.ndarray
    p_g: np.ndarray
    D: np.ndarray
    arrows: np.ndarray

    @property
    def optimum(self) -> np.ndarray:
        """D* of Proposition 1 at `x` (n,); NaN where both densities vanish."""
        total = self.p_data + self.p_g
        seen = total > UNSEEN * max(self.p_data.max(), 1e-300)
        return np.where(seen, self.p_data / np.where(seen, total, 1.0), np.nan)

    @property
    def distance(self) -> float:
        """Root mean square of D - D*, weighted by p_data + p_g.

        Examples
        --------
        >>> ones = np.ones(3)
        >>> Moment("", np.arange(3), ones, ones, 0.75 * ones, np.empty((0, 2))).distance
        0.25
        """
        weights = self.p_data + self.p_g
        gap = np.nan_to_num(self.D - self.optimum)
        return float(np.sqrt((weights * gap**2).sum() / weights.sum()))


def moment_of(
    model: Any,
    density: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    title: str = "",
    seed: int = 0,
) -> Moment:
    """The game that `model` plays on data of a known density.

    Parameters
    ----------
    model : AdversaryPair of points on a line
    density : function from (n,) points to (n,) densities, that of the data
    x : (n,) points
    title : str
    seed : int
        For the SAMPLES samples that p_g is estimated by, as a Parzen window density of width
        BANDWIDTH.

    Raises
    ------
    ValueError
        Where there is no D, G makes vectors, or its samples are not finite.
    """
    generator = generator_of(model)
    if getattr(model, "discriminator", None) is None:
        raise ValueError(f"Figure 1 shows D beside G, but a {type(model).__name__} has no D")
    dimension = generator.get_output_space().get_total_dimension()
    if dimension != 1:
        raise ValueError(f"Figure 1 is of points on a line, but G makes {dimension} numbers")
    points = np.asarray(x, backend.floatX)[:, None]
    samples = draw_samples(model, SAMPLES, seed, batch_size=1000)
    if not np.isfinite(samples).all():
        raise ValueError("samples contain NaN or infinite values: the model has diverged")
    p_g = np.exp(parzen_log_likelihood(points, samples, BANDWIDTH))
    data = at.matrix("x")
    judge = backend.function([data], model.discriminator.fprop(data))
    arrows = np.empty((0, 2))
    if generator.get_input_space().get_total_dimension() == 1:
        steps = np.linspace(0, 1, ARROWS + 2)[1:-1]
        z = norm.ppf(steps) if generator.noise == "gaussian" else np.sqrt(3) * (2 * steps - 1)
        arrows = np.column_stack([z, samples_at(model, z[:, None])[:, 0]])
    return Moment(title, np.asarray(x), density(x), p_g, judge(points)[:, 0], arrows)


def draw_game(moments: Sequence[Moment]) -> Any:
    """A matplotlib figure with a panel for each moment, side by side on the same axes."""
    # A single panel is as wide as the legend.
    figure = new_figure(max(5.0, 3.2 * len(moments)), 3.6)
    grid = figure.subplots(
        2, len(moments), squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1)
    )
    top = 1.3 * max(moment.p_data.max() for moment in moments)
    for column, moment in enumerate(moments):
        above, below = grid[:, column]
        above.set_title(literal(moment.title), fontsize="medium")
        (data,) = above.plot(moment.x, moment.p_data, "k:", linewidth=1.6)
        (made,) = above.plot(moment.x, moment.p_g, "g-", linewidth=1.2)
        above.set_ylim(0, max(1.05, top))
        (best,) = above.plot(moment.x, moment.optimum, "-", color="lightskyblue", linewidth=3)
        (judge,) = above.plot(moment.x, moment.D, "b--", linewidth=1.2)
        below.set_xlim(moment.x[0], moment.x[-1])
        # z is on the lower line, x on the upper one, on the same horizontal scale.
        for z, x in moment.arrows:
            below.annotate(
                "",
                xy=(x, 1),
                xytext=(z, 0),
                annotation_clip=True,
                arrowprops={"arrowstyle": "->", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0},
            )
        below.set_ylim(0, 1)
        below.set_yticks([0, 1], ["z", "x"])
        below.grid(axis="y")
        for side in ("left", "right", "top", "bottom"):
            below.spines[side].set_visible(False)
    figure.legend(
        [data, made, judge, best],
        ["p_data", "p_g", "D", "p_data / (p_data + p_g)"],
        loc="outside lower center",
        ncols=4,
        frameon=False,
    )
    return figure

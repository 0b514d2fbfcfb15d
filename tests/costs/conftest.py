"""The two players by hand: forward and backward passes in NumPy, float64, straight from the paper.

Nothing here calls the package but to read a network's parameters.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from aesara.graph.basic import ancestors
from scipy.special import expit

from adversarial.backend.ops.random_draw import Draw


def softplus(t):
    return np.logaddexp(0, t)


def read(mlp, top=None):
    """A network as a list of (kind, W, b, pieces); `top` replaces the last layer's kind."""
    layers = []
    for layer in mlp.layers:
        W, b = (param.get_value().astype("float64") for param in (layer.W, layer.b))
        layers.append([type(layer).__name__, W, b, getattr(layer, "num_pieces", None)])
    if top:
        layers[-1][0] = top
    return layers


def forward(layers, x, masks=None):
    """What each layer saw and put out; the mask of a layer multiplies its input."""
    cache = []
    for (kind, W, b, pieces), mask in zip(layers, masks or [1.0] * len(layers)):
        seen = x * mask
        z = seen @ W + b
        if kind == "Maxout":
            x = np.stack(
                [z[:, u : u + pieces].max(axis=1) for u in range(0, z.shape[1], pieces)], axis=1
            )
        else:
            x = {
                "RectifiedLinear": lambda z: np.maximum(z, 0),
                "Sigmoid": expit,
                "Linear": lambda z: z,
            }[kind](z)
        cache.append(SimpleNamespace(seen=seen, mask=mask, z=z, out=x))
    return cache


def backward(layers, cache, slope):
    """(gradients [W, b, W, b, ...] from the first layer up, gradient of the input).

    `slope` is the gradient with respect to the top layer's output.
    """
    gradients = []
    for (kind, W, _, pieces), c in zip(layers[::-1], cache[::-1]):
        if kind == "Maxout":
            won = c.z.reshape(len(c.z), -1, pieces) == c.out[:, :, None]
            slope = (won * slope[:, :, None]).reshape(c.z.shape)
        elif kind == "RectifiedLinear":
            slope = slope * (c.z > 0)
        elif kind == "Sigmoid":
            slope = slope * c.out * (1 - c.out)
        gradients = [c.seen.T @ slope, slope.sum(axis=0), *gradients]
        slope = (slope @ W.T) * c.mask
    return gradients, slope


def plain(real, fake, for_g):
    """The paper's objectives and their slopes, from D's logits on data, samples, samples again.

    (d, g), then the slopes of d at `real` and `fake` and those of g at `fake` and `for_g`.
    """
    n = len(real)
    d = 0.5 * (softplus(-real).mean() + softplus(fake).mean())
    g = softplus(-for_g).mean()
    return (d, g), 0.5 * (expit(real) - 1) / n, 0.5 * expit(fake) / n, 0.0, (expit(for_g) - 1) / n


def play(
    D,
    G,
    x,
    z,
    real_masks=None,
    fake_masks=None,
    g_masks=None,
    clean=False,
    objectives=plain,
    noise=(0.0, 0.0),
    rescale=None,
):
    """One game: objectives and gradients of both players, as `SimpleNamespace`.

    D ends in a linear layer: its output is the logit.  `clean`: G's objective sees D without
    dropout.  `noise` is added to (samples, data).  `rescale(norm)` is a factor on G's gradients.
    """
    made = forward(G, z, g_masks)
    samples = made[-1].out + noise[0]
    on_real = forward(D, x + noise[1], real_masks)
    on_fake = forward(D, samples, fake_masks)
    for_g = forward(D, samples) if clean else on_fake
    values, d_real, d_fake, g_fake, g_for_g = objectives(
        on_real[-1].out, on_fake[-1].out, for_g[-1].out
    )
    of_real, _ = backward(D, on_real, d_real)
    of_fake, _ = backward(D, on_fake, d_fake)
    at_samples = backward(D, for_g, g_for_g)[1]
    if np.any(g_fake):
        at_samples = at_samples + backward(D, on_fake, g_fake)[1]
    if rescale:
        at_samples = at_samples * rescale(np.sqrt((at_samples**2).sum()))
    g_gradients, _ = backward(G, made, at_samples)
    return SimpleNamespace(
        d=values[0],
        g=values[1],
        d_gradients=[a + b for a, b in zip(of_real, of_fake)],
        g_gradients=g_gradients,
        made=made,
        logits=(on_real[-1].out, on_fake[-1].out),
    )


def draws(outputs, *streams):
    """The random draws that `outputs` depend on, of these `RandomStreams`, in order of making."""
    found = {v for v in ancestors(outputs) if v.owner and isinstance(v.owner.op, Draw)}
    states = [stream.state for stream in streams]
    found = [v for v in found if v.owner.inputs[0] in states]
    return sorted(found, key=lambda v: (states.index(v.owner.inputs[0]), v.owner.op.stream))


def recorded(cost):
    """`cost`, which now keeps each (samples, d, g, i) that it makes in `cost.seen`."""
    make, cost.seen = cost.get_samples_and_objectives, []

    def keep(*args):
        cost.seen.append(make(*args))
        return cost.seen[-1]

    cost.get_samples_and_objectives = keep
    return cost


@pytest.fixture
def by_hand():
    return SimpleNamespace(
        read=read,
        forward=forward,
        backward=backward,
        play=play,
        plain=plain,
        draws=draws,
        recorded=recorded,
        softplus=softplus,
    )

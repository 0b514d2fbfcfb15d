"""JAX: the whole step (minibatch, noise, gradients, updates) is one jitted function."""

from __future__ import annotations

import functools
import math
from typing import Any, Callable

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.experiments import Experiment, Layer
from benchmarks.interleaved import StepTimer

# Convolutions whose patches have at most so many values are matrix products of the patches: on the
# CPU, XLA's gradient with respect to kernels of few channels takes seconds.
LARGEST_PATCH = 1000

Drop = Callable[[int, jax.Array], jax.Array]


def run(experiment: Experiment, data: str, cpus: int) -> None:
    """Train for ever. Parameters and velocities are donated to each step."""
    X = jnp.asarray(np.load(data))
    state = initial_state(experiment, experiment.initial_parameters())
    # XLA's own random bit generator is faster on the CPU than JAX's default.
    key = jax.random.key(0, impl="rbg")
    step = jax.jit(functools.partial(drawn_step, experiment), donate_argnums=0)
    permutation = jax.jit(functools.partial(jax.random.permutation, x=len(X)))
    timer = StepTimer(
        lambda: jax.block_until_ready(state), gpu_bytes, versions=f"JAX {jax.__version__}"
    )
    m = experiment.batch
    while True:
        key, epoch = jax.random.split(key)
        order = permutation(epoch)
        for start in range(0, len(X) - m + 1, m):
            state = step(state, key, X, order, start)
            timer()


def gpu_bytes() -> int:
    """The peak of the GPU's memory that this process has used; 0 on a CPU."""
    return int((jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0))


def initial_state(e: Experiment, parameters: tuple[list, list]) -> dict[str, Any]:
    players = jax.tree.map(jnp.asarray, tuple(map(list, parameters)))
    return {
        "players": players,  # generator, discriminator
        "velocities": jax.tree.map(jnp.zeros_like, players),
        "momentum": jnp.float32(e.momentum),
        "count": jnp.int32(0),
    }


def drawn_step(
    e: Experiment, state: dict, key: jax.Array, X: jax.Array, order: jax.Array, start: int
) -> dict:
    """A step on the examples order[start : start + m] of X; draws the noise and dropout masks."""
    indices = jax.lax.dynamic_slice(order, (start,), (e.batch,))
    x = X.at[indices].get(mode="promise_in_bounds")
    key = jax.random.fold_in(key, state["count"])
    for_noise, *for_masks = jax.random.split(key, 1 + 2 * len(e.include))
    shape = (e.batch, e.noise_dim)
    if e.noise == "gaussian":
        z = jax.random.normal(for_noise, shape)
    else:
        z = jax.random.uniform(for_noise, shape, minval=-(3**0.5), maxval=3**0.5)

    def dropout(keys: list) -> Drop:
        def drop(i: int, h: jax.Array) -> jax.Array:
            keep = e.include[i]
            return jnp.where(jax.random.bernoulli(keys[i], keep, h.shape), h / keep, 0.0)

        return drop

    n = len(e.include)
    return step(e, state, x, z, dropout(for_masks[:n]), dropout(for_masks[n:]))[0]


def step(
    e: Experiment, state: dict, x: jax.Array, z: jax.Array, drop_real: Drop, drop_fake: Drop
) -> tuple[dict, tuple[jax.Array, jax.Array]]:
    """Update both players on the minibatch `x`: (new state, losses before the update)."""
    generator, discriminator = state["players"]

    def losses(p: list, samples: jax.Array) -> tuple[jax.Array, jax.Array]:
        # As fast as one pass over both batches, since G needs the gradient of the samples only.
        real, fake = (
            discriminator_logits(e, p, x, drop_real),
            discriminator_logits(e, p, samples, drop_fake),
        )
        d = 0.5 * (jax.nn.softplus(-real).mean() + jax.nn.softplus(fake).mean())
        return d, jax.nn.softplus(-fake).mean()

    samples, pull_generator = jax.vjp(lambda p: generate(e, p, z), generator)
    found, pull = jax.vjp(losses, discriminator, samples)
    one, zero = jnp.ones(()), jnp.zeros(())
    of_d = pull((one, zero))[0]
    of_g = pull_generator(pull((zero, one))[1])[0]
    rate = jnp.maximum(
        e.min_lr, e.learning_rate * jnp.exp(-state["count"] * np.log(e.decay_factor))
    )
    velocities = jax.tree.map(
        lambda v, gradient: state["momentum"] * v - rate * gradient,
        state["velocities"],
        (of_g, of_d),
    )
    players = jax.tree.map(jnp.add, state["players"], velocities)
    count = state["count"] + 1
    return {**state, "players": players, "velocities": velocities, "count": count}, found


def generate(e: Experiment, params: list, z: jax.Array) -> jax.Array:
    h = z
    for layer, (W, b) in zip(e.generator, params):
        if layer.kind == "deconv":
            h = h.reshape(-1, *e.generator_reshape)
        h = activate(layer, affine(layer, h, W, b))
    return h.reshape(len(h), -1)


def discriminator_logits(e: Experiment, params: list, x: jax.Array, drop: Drop) -> jax.Array:
    """D's logits (examples, 1)."""
    h = x if e.discriminator[0].dense else x.reshape(-1, *e.image)
    for i, (layer, (W, b)) in enumerate(zip(e.discriminator, params)):
        h = drop(i, h.reshape(len(h), -1) if layer.dense else h)
        z = affine(layer, h, W, b)
        h = z if layer is e.discriminator[-1] else activate(layer, z)
    return h


def affine(layer: Layer, h: jax.Array, W: jax.Array, b: jax.Array) -> jax.Array:
    if layer.dense:
        return h @ W + b
    return (deconvolve if layer.kind == "deconv" else convolve)(layer, h, W) + (
        b if b.ndim > 1 else b[:, None, None]
    )


def convolve(layer: Layer, h: jax.Array, W: jax.Array) -> jax.Array:
    """Cross-correlation of h (n, in, rows, columns) with W (out, in, k, k)."""
    pad = [(layer.pad, layer.pad)] * 2
    if math.prod(W.shape[1:]) > LARGEST_PATCH or jax.default_backend() != "cpu":
        return jax.lax.conv_general_dilated(h, W, (1, 1), pad)
    k, rows, columns = layer.kernel, *(layer.conv_size(size) for size in h.shape[2:])
    h = jnp.pad(h.transpose(0, 2, 3, 1), [(0, 0), *pad, (0, 0)])
    patches = [h[:, i : i + rows, j : j + columns] for i in range(k) for j in range(k)]
    z = jnp.concatenate(patches, -1) @ W.transpose(2, 3, 1, 0).reshape(-1, len(W))
    return z.transpose(0, 3, 1, 2)


def deconvolve(layer: Layer, h: jax.Array, W: jax.Array) -> jax.Array:
    """Transposed convolution of h (n, in, rows, columns) with W (in, out, k, k)."""
    patches = jnp.einsum("nchw,cokl->noklhw", h, W)
    k, stride = layer.kernel, layer.stride
    spans = [stride * (size - 1) + 1 for size in h.shape[2:]]
    image = jnp.zeros((len(h), layer.units, *(span + k - 1 for span in spans)))
    for i in range(k):
        for j in range(k):
            part = (..., slice(i, i + spans[0], stride), slice(j, j + spans[1], stride))
            image = image.at[part].add(patches[:, :, i, j])
    pad = layer.pad
    return image[:, :, pad : image.shape[2] - pad, pad : image.shape[3] - pad]


def activate(layer: Layer, z: jax.Array) -> jax.Array:
    if layer.kind == "rectifier":
        return jax.nn.relu(z)
    if layer.kind == "sigmoid":
        return jax.nn.sigmoid(z)
    if layer.kind in ("linear", "deconv"):
        return z
    h = z.reshape(len(z), layer.units, layer.pieces, *z.shape[2:]).max(2)
    if layer.kind == "maxout_conv":
        # Padding for the last window, which may be partial.
        last = (layer.pooled_size(h.shape[2]) - 1) * layer.stride
        over = last + layer.pool - h.shape[2]
        h = jax.lax.reduce_window(
            h,
            -jnp.inf,
            jax.lax.max,
            (1, 1, layer.pool, layer.pool),
            (1, 1, layer.stride, layer.stride),
            [(0, 0), (0, 0), (0, over), (0, over)],
        )
    return h

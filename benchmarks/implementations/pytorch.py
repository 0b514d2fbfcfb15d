"""PyTorch, eager: its own dropout and fused optimizer, one forward pass of D for both players."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.experiments import Experiment, Layer
from benchmarks.interleaved import StepTimer, is_tf32

Params = Sequence[tuple[torch.Tensor, torch.Tensor]]
# Dropout of the input h of layer i.
Drop = Callable[[int, torch.Tensor], torch.Tensor]


def run(experiment: Experiment, data: str, cpus: int) -> None:
    use_gpu()
    game = Game(experiment, experiment.initial_parameters())
    train(game, data, cpus, f"PyTorch {torch.__version__}")


def use_gpu() -> None:
    """Create all tensors on the GPU, if this process sees one."""
    if torch.cuda.is_available():
        torch.set_default_device("cuda")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = is_tf32()


def wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def train(game: Any, data: str, cpus: int, versions: str) -> None:
    """Train `game` for ever, on minibatches that are shuffled anew for each epoch."""
    torch.set_num_threads(cpus)
    X = torch.from_numpy(np.load(data)).to(torch.get_default_device())
    gpu_bytes = torch.cuda.max_memory_allocated if torch.cuda.is_available() else lambda: 0
    timer = StepTimer(wait, gpu_bytes, versions=versions)
    m = game.experiment.batch
    while True:
        order = torch.randperm(len(X))
        for start in range(0, len(X) - m + 1, m):
            game.step(X[order[start : start + m]])
            timer()


class Game:
    """The two networks, their optimizer, and the step that updates both."""

    def __init__(self, experiment: Experiment, parameters: tuple[list, list]) -> None:
        self.experiment = experiment
        self.generator, self.discriminator = (
            [tuple(torch.tensor(a).requires_grad_() for a in pair) for pair in network]
            for network in parameters
        )
        self.params = [
            p for network in (self.discriminator, self.generator) for pair in network for p in pair
        ]
        self.optimizer = torch.optim.SGD(
            self.params, lr=experiment.learning_rate, momentum=experiment.momentum, fused=True
        )
        self.count = 0

    def step(
        self, x: torch.Tensor, z: torch.Tensor | None = None, drop: Drop | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Update both players on the minibatch `x` (m, pixels); return the losses before it.

        Noise and dropout masks are drawn unless `z` (m, noise) and `drop` are given.
        """
        e = self.experiment
        z = draw_noise(e) if z is None else z
        d, g = self.losses(x, z, drop or dropout(e))
        of_d = torch.autograd.grad(
            d, [p for pair in self.discriminator for p in pair], retain_graph=True
        )
        of_g = torch.autograd.grad(g, [p for pair in self.generator for p in pair])
        for param, gradient in zip(self.params, of_d + of_g):
            param.grad = gradient
        group = self.optimizer.param_groups[0]
        rate = learning_rate(e, self.count)
        # PyTorch's velocity is not multiplied by the learning rate, the original's is.
        last = learning_rate(e, max(0, self.count - 1))
        group["lr"], group["momentum"] = rate, e.momentum * last / rate
        self.optimizer.step()
        self.count += 1
        return d.detach(), g.detach()

    def losses(
        self, x: torch.Tensor, z: torch.Tensor, drop: Drop
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return losses(self.experiment, self.generator, self.discriminator, x, z, drop)


def learning_rate(e: Experiment, count: int) -> float:
    return max(e.min_lr, e.learning_rate / e.decay_factor**count)


def draw_noise(e: Experiment) -> torch.Tensor:
    z = torch.empty(e.batch, e.noise_dim)
    return z.normal_() if e.noise == "gaussian" else z.uniform_(-(3**0.5), 3**0.5)


def dropout(e: Experiment) -> Drop:
    # F.dropout scales kept values by 1 / include, as the experiments do.
    return lambda i, h: F.dropout(h, 1 - e.include[i])


def losses(
    e: Experiment,
    generator: Params,
    discriminator: Params,
    x: torch.Tensor,
    z: torch.Tensor,
    drop: Drop,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The objectives of D and G on one minibatch; D sees data and samples in one batch."""
    samples = generate(e, generator, z)
    return losses_of_samples(e, discriminator, x, samples, drop)


def losses_of_samples(
    e: Experiment, discriminator: Params, x: torch.Tensor, samples: torch.Tensor, drop: Drop
) -> tuple[torch.Tensor, torch.Tensor]:
    real, fake = discriminator_logits(e, discriminator, torch.cat([x, samples]), drop).split(len(x))
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return d, F.softplus(-fake).mean()


def generate(e: Experiment, params: Params, z: torch.Tensor) -> torch.Tensor:
    h = z
    for layer, (W, b) in zip(e.generator, params):
        if layer.kind == "deconv":
            h = h.view(-1, *e.generator_reshape)
        h = activate(layer, affine(layer, h, W, b))
    return h.flatten(1)


def discriminator_logits(
    e: Experiment, params: Params, x: torch.Tensor, drop: Drop
) -> torch.Tensor:
    """D's logits (examples, 1)."""
    h = x if e.discriminator[0].dense else x.view(-1, *e.image)
    for i, (layer, (W, b)) in enumerate(zip(e.discriminator, params)):
        h = drop(i, h.flatten(1) if layer.dense else h)
        z = affine(layer, h, W, b)
        h = z if layer is e.discriminator[-1] else activate(layer, z)
    return h


def affine(layer: Layer, h: torch.Tensor, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    if layer.kind == "deconv":
        return F.conv_transpose2d(h, W, stride=layer.stride, padding=layer.pad) + b
    if layer.kind == "maxout_conv":
        return F.conv2d(h, W, b, padding=layer.pad)
    return torch.addmm(b, h, W)


def activate(layer: Layer, z: torch.Tensor) -> torch.Tensor:
    if layer.kind == "rectifier":
        return torch.relu(z)
    if layer.kind == "sigmoid":
        return torch.sigmoid(z)
    if layer.kind in ("linear", "deconv"):
        return z
    # Faster than amax or maximum, which split the gradient among equal values.
    h = z.view(len(z), layer.units, layer.pieces, *z.shape[2:]).max(2).values
    if layer.kind == "maxout_conv":
        h = F.max_pool2d(h, layer.pool, layer.stride, ceil_mode=True)
    return h

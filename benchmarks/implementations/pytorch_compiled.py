"""PyTorch, compiled: the whole step, with gradients and updates, is one graph for Inductor."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from benchmarks.experiments import Experiment
from benchmarks.implementations import pytorch
from benchmarks.implementations.pytorch import Drop, Params


def run(experiment: Experiment, data: str, cpus: int) -> None:
    torch.set_num_threads(cpus)
    pytorch.use_gpu()
    game = Game(experiment, experiment.initial_parameters())
    pytorch.train(game, data, cpus, f"PyTorch {torch.__version__}")


class Game:
    """As `pytorch.Game`."""

    def __init__(
        self, experiment: Experiment, parameters: tuple[list, list], compiled: bool = True
    ) -> None:
        self.experiment = experiment
        self.generator, self.discriminator = (
            [tuple(torch.tensor(a) for a in pair) for pair in network] for network in parameters
        )
        self.velocities = [
            [tuple(torch.zeros_like(p) for p in pair) for pair in network]
            for network in (self.generator, self.discriminator)
        ]
        self.count = 0
        # Tensors, since a new Python number would compile a new graph.
        self.rate = torch.tensor(0.0)
        self.momentum = torch.tensor(experiment.momentum)
        self._step = torch.compile(step, fullgraph=True) if compiled else step

    def step(
        self, x: torch.Tensor, z: torch.Tensor | None = None, drop: Drop | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.rate.fill_(pytorch.learning_rate(self.experiment, self.count))
        self.count += 1
        return self._step(
            self.experiment,
            self.generator,
            self.discriminator,
            self.velocities,
            self.rate,
            self.momentum,
            x,
            z,
            drop,
        )


def step(
    e: Experiment,
    generator: Params,
    discriminator: Params,
    velocities: Sequence[Params],
    rate: torch.Tensor,
    momentum: torch.Tensor,
    x: torch.Tensor,
    z: torch.Tensor | None,
    drop: Drop | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `pytorch.Game.step`, with gradients and updates as plain operations."""
    z = pytorch.draw_noise(e) if z is None else z
    drop = drop or pytorch.dropout(e)
    samples, pull_generator = torch.func.vjp(lambda p: pytorch.generate(e, p, z), generator)
    (d, g), pull = torch.func.vjp(
        lambda p, s: pytorch.losses_of_samples(e, p, x, s, drop), discriminator, samples
    )
    one, zero = torch.ones_like(d), torch.zeros_like(d)
    of_d = pull((one, zero))[0]
    of_g = pull_generator(pull((zero, one))[1])[0]
    for network, moves, gradients in zip((generator, discriminator), velocities, (of_g, of_d)):
        for params, velocity, gradient in zip(network, moves, gradients):
            for p, v, found in zip(params, velocity, gradient):
                v.mul_(momentum).sub_(rate * found)
                p.add_(v)
    return d, g

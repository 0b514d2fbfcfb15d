"""The first epochs of the MNIST experiment in PyTorch, to compare this project's curves with.

    python benchmarks/trajectory.py --epochs 6 --seeds 1 2 3

Adversarial training is chaotic: runs that differ only in their random draws diverge from each other
within the first epoch. This command shows how widely, with a step that shares no code with this
project's. It starts from the initial weights of yaml/mnist.yaml, and prints the channels
valid_objective_d, valid_objective_g and valid_gen_ll after each epoch. Momentum stays at 0.5; the
original's rises by less than 0.01 in ten epochs.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    from adversarial.models.model import Model
    from benchmarks.implementations import pytorch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.experiments import EXPERIMENTS  # noqa: E402
from benchmarks.implementations import ours  # noqa: E402

MNIST = EXPERIMENTS["mnist"]
LL_SAMPLES, LL_SIGMA = 100, 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = parser.parse_args()
    import torch

    from adversarial.datasets.mnist import MNIST as Dataset
    from benchmarks.implementations import pytorch

    train = ours.load(MNIST)
    pair = train.model
    begin = (weights(pair.generator), weights(pair.discriminator))
    data = torch.from_numpy(train.dataset.X.astype("float32"))
    valid = torch.from_numpy(Dataset("train", start=50000, stop=60000).X.astype("float32"))
    print("seed  epoch  objective_d  objective_g   gen_ll")
    for seed in args.seeds:
        torch.manual_seed(seed)
        game = pytorch.Game(MNIST, begin)
        for epoch in range(1, args.epochs + 1):
            for batch in torch.randperm(len(data)).split(MNIST.batch):
                game.step(data[batch])
            d, g, ll = measure(game, valid)
            print(f"{seed:4d}  {epoch:5d}  {d:11.3f}  {g:11.2f}  {ll:7.1f}", flush=True)


def weights(player: Model) -> list[tuple[np.ndarray, np.ndarray]]:
    """[(W, b), ...] of a network, lowest layer first."""
    values = [param.get_value() for param in player.get_params()]
    return list(zip(values[::2], values[1::2]))


def measure(game: pytorch.Game, valid: torch.Tensor) -> tuple[float, float, float]:
    """Both objectives on the validation set, with dropout, and the monitor's log-likelihood."""
    import torch

    from benchmarks.implementations import pytorch

    drop = pytorch.dropout(MNIST)
    with torch.no_grad():
        pairs = [
            pytorch.losses(
                MNIST, game.generator, game.discriminator, x, pytorch.draw_noise(MNIST), drop
            )
            for x in valid.split(MNIST.batch)
        ]
        d, g = (float(torch.stack(column).mean()) for column in zip(*pairs))
        z = torch.empty(LL_SAMPLES, MNIST.noise_dim).uniform_(-(3**0.5), 3**0.5)
        samples = pytorch.generate(MNIST, game.generator, z)
        squares = torch.cdist(valid, samples) ** 2
        log_sum = torch.logsumexp(-squares / (2 * LL_SIGMA**2), 1) - math.log(LL_SAMPLES)
        scale = valid.shape[1] * math.log(LL_SIGMA * math.sqrt(2 * math.pi))
    return d, g, float(log_sum.mean()) - scale


if __name__ == "__main__":
    main()

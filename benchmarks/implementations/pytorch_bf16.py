"""PyTorch, eager, under `torch.autocast`: products in bfloat16, parameters and sums in float32."""

from __future__ import annotations

import torch

from benchmarks.experiments import Experiment
from benchmarks.implementations import pytorch
from benchmarks.implementations.pytorch import Drop


def run(experiment: Experiment, data: str, cpus: int) -> None:
    pytorch.use_gpu()
    game = Game(experiment, experiment.initial_parameters())
    pytorch.train(game, data, cpus, f"PyTorch {torch.__version__}, bfloat16 autocast")


class Game(pytorch.Game):
    """As `pytorch.Game`. Gradients of a product are computed in the type of that product."""

    def losses(
        self, x: torch.Tensor, z: torch.Tensor, drop: Drop
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.autocast(x.device.type, torch.bfloat16):
            return super().losses(x, z, drop)

"""Seeds of all random number generators of an experiment.

Each class has a default seed, so that a YAML file always gives the same run. `train.py --seed N`
sets a base seed, which is mixed into all seeds: so each N is another replicate of the experiment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Union

import numpy as np

Seed = Union[int, Sequence[int]]

_base: Optional[int] = None


def set_base_seed(seed: Optional[int]) -> None:
    """Set the base seed (0 to 2**32 - 1), which later calls of `seed_words` append; None: none."""
    global _base
    if seed is not None and not 0 <= seed < 2**32:
        raise ValueError(f"seed {seed} is not between 0 and 2**32 - 1")
    _base = seed


def seed_words(seed: Optional[Seed], default: Seed) -> list[int]:
    """The seed of a generator, as words: `seed` (`default` if None), and the base seed if set."""
    chosen = default if seed is None else seed
    words = list(map(int, chosen)) if isinstance(chosen, Sequence) else [int(chosen)]
    return words if _base is None else [*words, _base]


def numpy_rng(seed: Optional[Seed], default: Seed) -> np.random.RandomState:
    """A NumPy generator seeded by `seed_words`."""
    return np.random.RandomState(seed_words(seed, default))

"""Where every random number generator of an experiment gets its seed.

Each class has a default seed, so that a YAML file gives the same run twice.  A base seed
(`train.py --seed N`) is mixed into all of them at once, which makes N another replicate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Union

import numpy as np

Seed = Union[int, Sequence[int]]

_base: Optional[int] = None


def set_base_seed(seed: Optional[int]) -> None:
    """Mix `seed` (0 to 2**32 - 1) into all seeds asked for from now on; None mixes in nothing."""
    global _base
    if seed is not None and not 0 <= seed < 2**32:
        raise ValueError(f"seed {seed} is not between 0 and 2**32 - 1")
    _base = seed


def seed_words(seed: Optional[Seed], default: Seed) -> list[int]:
    """The words that seed a generator: `seed`, else `default`, then the base seed if one is set."""
    chosen = default if seed is None else seed
    words = list(map(int, chosen)) if isinstance(chosen, Sequence) else [int(chosen)]
    return words if _base is None else [*words, _base]


def numpy_rng(seed: Optional[Seed], default: Seed) -> np.random.RandomState:
    """A NumPy generator seeded by `seed_words`."""
    return np.random.RandomState(seed_words(seed, default))

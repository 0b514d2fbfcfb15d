"""`make_np_rng`, Pylearn2's function that makes a random generator from a generator or a seed."""

from __future__ import annotations

from typing import Any, Optional, Union

import numpy as np

DEFAULT_SEED = 42


def make_np_rng(
    rng_or_seed: Any = None,
    default_seed: Any = None,
    which_method: Optional[Union[str, list[str]]] = None,
) -> Any:
    """A generator of random numbers.

    Parameters
    ----------
    rng_or_seed : generator, or int or list of int
        A generator is returned unchanged. A seed makes a `numpy.random.RandomState`.
    default_seed : int or list of int, optional
        The seed if `rng_or_seed` is None; by default 42.
    which_method : str or list of str, optional
        Names of methods that the generator must have, such as 'uniform'.

    Raises
    ------
    TypeError
        If `rng_or_seed` is a generator without one of these methods.

    Examples
    --------
    >>> make_np_rng([2014, 6, 10], which_method="uniform").uniform() < 1
    True
    """
    methods = [which_method] if isinstance(which_method, str) else list(which_method or [])
    if isinstance(rng_or_seed, (np.random.RandomState, np.random.Generator)):
        missing = [method for method in methods if not hasattr(rng_or_seed, method)]
        if missing:
            raise TypeError(f"{rng_or_seed!r} has no method {missing[0]}")
        return rng_or_seed
    seeds = (rng_or_seed, default_seed, DEFAULT_SEED)
    return np.random.RandomState(next(seed for seed in seeds if seed is not None))

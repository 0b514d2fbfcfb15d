"""Engines: what compiles graphs and runs them, and which one is in use.

`ENGINES` lists them. The rest of the package asks `engine()` for what it needs (see
`base.Engine`) and never which one it is. Importing this imports neither JAX nor a compiler.
"""

from __future__ import annotations

import os
from typing import Optional

from adversarial.backend.engines.base import Cluster, Engine
from adversarial.backend.engines.c import CEngine
from adversarial.backend.engines.jax import JaxEngine

# The first is what "auto" means where no other engine says that it is the first choice.
ENGINES: dict[str, Engine] = {engine.name: engine for engine in (CEngine(), JaxEngine())}
#: What ``--backend`` takes.
NAMES = (*ENGINES, "auto")
VARIABLE = "ADVERSARIAL_BACKEND"

_chosen: Optional[str] = None


def choose(
    name: Optional[str] = None, devices: Optional[int] = None, cluster: Optional[Cluster] = None
) -> str:
    """Choose the engine of all functions compiled from now on.

    Parameters
    ----------
    name : str, optional
        "c", "jax", or "auto": C, unless JAX is installed and sees a GPU. By default, the
        environment variable ADVERSARIAL_BACKEND, else "auto".
    devices : int, optional
        Of each process, over which minibatches are split (1); JAX only.
    cluster : Cluster, optional
        The processes that train together; JAX only.

    Returns
    -------
    str
        "c" or "jax".

    Raises
    ------
    ValueError
        When there is no such engine, or not so many devices, or C is asked for several.
    ImportError
        When JAX is asked for and not installed.
    """
    global _chosen
    source = "the backend" if name is not None else VARIABLE
    name = name or os.environ.get(VARIABLE) or "auto"
    if name not in NAMES:
        raise ValueError(f"{source} must be one of {', '.join(NAMES)}, not {name!r}")
    if name == "auto":
        several = (devices or 1) > 1 or cluster is not None
        first = [engine.name for engine in ENGINES.values() if engine.is_first_choice(several)]
        name = (first or list(ENGINES))[0]
    ENGINES[name].use(devices, cluster)
    _chosen = name
    return name


def chosen() -> str:
    """The name of the engine in use; the first call settles what `choose` has not."""
    return _chosen or choose()


def engine() -> Engine:
    """The engine in use."""
    return ENGINES[chosen()]


def describe() -> str:
    """The engine in use and what it computes on: ``C, MKL 2026.2 (2 threads)``."""
    return engine().describe()


def compiling() -> str:
    """What compiling takes on the engine in use, for a user who waits."""
    return engine().compiling


def is_first_process() -> bool:
    """Whether this process is the only one, or the one of several that writes files."""
    return _chosen is None or engine().is_first_process()


def agree(number: int) -> int:
    """The greatest `number` of all processes that train together; each must call this."""
    return number if _chosen is None else engine().agree(number)


def processes() -> int:
    """How many processes train together."""
    return 1 if _chosen is None else engine().processes()

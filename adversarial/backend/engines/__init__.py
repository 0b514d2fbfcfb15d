"""The engines, which compile graphs and run them, and the choice among them.

`ENGINES` lists the engines. The rest of the package calls the methods of `engine()` (see
`base.Engine`) and never tests which engine that is. Importing this module does not import JAX.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Optional

from adversarial.backend.engines.base import Cluster, Engine
from adversarial.backend.engines.c import CEngine
from adversarial.backend.engines.jax import JaxEngine

# "auto" chooses the first engine of this dict, unless `is_first_choice` of another one is true.
ENGINES: dict[str, Engine] = {engine.name: engine for engine in (CEngine(), JaxEngine())}
#: The values of ``--backend``.
NAMES = (*ENGINES, "auto")
VARIABLE = "ADVERSARIAL_BACKEND"

_chosen: Optional[str] = None


def choose(
    name: Optional[str] = None,
    devices: Optional[int] = None,
    cluster: Optional[Cluster] = None,
    precision: Optional[str] = None,
) -> str:
    """Choose the engine of all functions compiled from now on.

    Parameters
    ----------
    name : str, optional
        "c", "jax", or "auto". This is JAX if there are several devices or processes, NumPy 2 is
        installed, JAX sees a GPU, or JAX is installed and there is no C++ compiler; else C. By
        default, the environment variable ADVERSARIAL_BACKEND, else "auto".
    devices : int, optional
        Devices of each process, among which minibatches are split (1); JAX only.
    cluster : Cluster, optional
        The processes that train together; JAX only.
    precision : str, optional
        Of the factors of matrix products: "float32" (the default) or, on the C engine, "bf16".

    Returns
    -------
    str
        "c" or "jax".

    Raises
    ------
    ValueError
        When there is no such engine or precision, there are fewer devices, or the C engine is given
        several.
    ImportError
        When JAX is chosen and not installed.
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
    # Last what changes functions that are compiled later: a refusal leaves everything as it was.
    ENGINES[name].use(devices, cluster)
    ENGINES[name].multiply_in(precision or "float32")
    _chosen = name
    return name


def chosen() -> str:
    """The name of the engine in use; calls `choose` if no engine has been chosen yet."""
    return _chosen or choose()


def engine() -> Engine:
    """The engine in use."""
    return ENGINES[chosen()]


def describe() -> str:
    """The engine in use and what it computes on: ``C, MKL 2026.2 (2 threads)``."""
    return engine().describe()


def compiling() -> str:
    """A log message on how long compilation takes on the engine in use."""
    return engine().compiling


def is_first_process() -> bool:
    """Whether this process writes files: it is the only one, or the first of several."""
    return _chosen is None or engine().is_first_process()


def agree(number: int) -> int:
    """The maximum of `number` over all processes that train together; each must call this."""
    return number if _chosen is None else engine().agree(number)


def processes() -> int:
    """The number of processes that train together."""
    return 1 if _chosen is None else engine().processes()


def compare(items: Mapping[str, str]) -> None:
    """Raise ValueError, in all processes that train together, if `items` differ among them."""
    if _chosen is not None:
        engine().compare(items)


def check_peers() -> None:
    """Raise PeerLost if another of the processes that train together has died."""
    if _chosen is not None:
        engine().check_peers()


def blame(error: Exception) -> Exception:
    """`error`, or PeerLost if it comes of the death of another process."""
    return error if _chosen is None else engine().blame(error)


def leave(reason: str, status: int) -> None:
    """If others train with this process, which fails, tell them why and end it with `status`."""
    # Not the engine in use alone: `choose` may fail after the processes have met.
    for each in ENGINES.values():
        each.leave(reason, status)

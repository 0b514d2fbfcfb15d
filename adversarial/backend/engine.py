"""Which engine turns graphs into machine code: C, or JAX; and on how many devices and hosts.

Nothing here imports JAX unless it is chosen, or a GPU makes it worth asking.
"""

from __future__ import annotations

import glob
import importlib.util
import logging
import os
from dataclasses import dataclass
from typing import Optional

NAMES = ("c", "jax", "auto")
VARIABLE = "ADVERSARIAL_BACKEND"
MISSING = (
    "the JAX engine needs JAX, which is not installed: pip install -e '.[jax]', "
    "or '.[cuda]' for an NVIDIA GPU"
)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cluster:
    """Hosts that train together: where the first one listens, how many, and which this is."""

    coordinator: str
    num_processes: int
    process_id: int

    def __post_init__(self) -> None:
        host, _, port = self.coordinator.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 2**16:
            raise ValueError(f"the coordinator must be HOST:PORT, not {self.coordinator!r}")
        if not 0 <= self.process_id < self.num_processes:
            raise ValueError(
                f"process_id must be 0 .. {self.num_processes - 1}, not {self.process_id}"
            )


_chosen: Optional[str] = None


def choose(
    name: Optional[str] = None, devices: Optional[int] = None, cluster: Optional[Cluster] = None
) -> str:
    """Choose the engine of all functions compiled from now on; "c" or "jax".

    Parameters
    ----------
    name : "c", "jax", or "auto": C, unless JAX is installed and sees a GPU; by default what the
        environment variable ADVERSARIAL_BACKEND says, else "auto"
    devices : of each process, over which minibatches are split (1); JAX only
    cluster : the processes that train together; JAX only

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
    several = (devices or 1) > 1 or cluster is not None
    if name == "auto":
        # Who asks for several devices can only mean JAX.
        name = "jax" if several or _jax_sees_gpu() else "c"
    if name == "c" and several:
        raise ValueError("several devices or hosts need the JAX engine: --backend jax")
    if name == "jax":
        if importlib.util.find_spec("jax") is None:
            raise ImportError(MISSING)
        from adversarial.backend.jax import devices as of_jax

        of_jax.use(devices, cluster)
    _chosen = name
    return name


def chosen() -> str:
    """The engine in use: "c" or "jax"; the first call settles what `choose` has not."""
    return _chosen or choose()


def describe() -> str:
    """The engine and what it computes on: ``C, MKL 2026.2 (2 threads)``, ``JAX 0.6.2, 1 CPU``."""
    if chosen() == "jax":
        from adversarial.backend.jax import devices

        return devices.describe()
    from adversarial.backend import blas

    return f"C, {blas.describe()}"


def is_first_process() -> bool:
    """Whether this process is the only one, or the one of several that writes files."""
    if _chosen != "jax":
        return True
    from adversarial.backend.jax import devices

    return devices.is_first_process()


def agree(number: int) -> int:
    """The greatest `number` of all processes that train together; each must call this."""
    if _chosen != "jax":
        return number
    from adversarial.backend.jax import devices

    return devices.agree(number)


def processes() -> int:
    """How many train together."""
    if _chosen != "jax":
        return 1
    from adversarial.backend.jax import devices

    return devices.processes()


def _jax_sees_gpu() -> bool:
    # Importing JAX takes half a second, which only a GPU is worth.
    if not any(map(glob.glob, ("/dev/nvidia[0-9]*", "/dev/kfd", "/dev/dxg"))):
        return False
    if not all(map(importlib.util.find_spec, ("jax", "jax_plugins"))):
        return False
    try:
        import jax

        return jax.default_backend() == "gpu"
    except Exception as error:
        log.warning("JAX cannot be used (%s), so the engine is C", error)
        return False

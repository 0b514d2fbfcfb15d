"""Data parallelism on JAX: which devices compute, and how arrays are sharded.

Parameters and data sets are replicated on every device, and each minibatch is sharded along its
first axis. Only the minibatch's indices and random arrays have a sharding constraint: XLA
propagates the sharding to all that is computed from them, and inserts the collectives that sum the
gradients over devices.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any, Optional

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from adversarial.backend.engines.base import Cluster
from adversarial.backend.engines.jax import peers

log = logging.getLogger(__name__)

_used: list = []
_mesh: Optional[Mesh] = None
_cluster: Optional[Cluster] = None


def use(count: Optional[int] = None, cluster: Optional[Cluster] = None) -> None:
    """Compute on `count` devices (1) of each process, from now on.

    Raises
    ------
    ValueError
        When there are fewer devices.
    """
    global _used, _mesh, _cluster
    if jax.config.jax_default_matmul_precision is None:
        # The default on a GPU is TF32, which rounds each factor to 11 bits.
        jax.config.update("jax_default_matmul_precision", "float32")
    if cluster is not None and _cluster is None:
        # Without gloo, JAX has no collectives for processes that compute on CPUs.
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        peers.connect(cluster)
        _cluster = cluster
    count = count or 1
    there = jax.local_devices()
    if count > len(there):
        hint = " (XLA_FLAGS=--xla_force_host_platform_device_count=N makes more of a CPU)"
        raise ValueError(
            f"{count} devices are asked for, but JAX sees {len(there)} of kind {there[0].platform}"
            + (hint if there[0].platform == "cpu" else "")
        )
    seen: Counter = Counter()
    _used = []
    for device in jax.devices():
        seen[device.process_index] += 1
        if seen[device.process_index] <= count:
            _used.append(device)
    # One mesh axis per prime factor: an array that cannot be split in 8 may be split in 4.
    factors = _factors(len(_used))
    names = [f"split{i}" for i in range(len(factors))]
    _mesh = Mesh(np.array(_used).reshape(factors), names) if len(_used) > 1 else None


def _factors(n: int) -> list[int]:
    """Prime factors of `n`, the smallest first."""
    found, factor = [], 2
    while n > 1:
        while n % factor == 0:
            found.append(factor)
            n //= factor
        factor += 1
    return found


def describe() -> str:
    """``JAX 0.6.2, 1 CPU``, or ``JAX 0.6.2, 4 GPUs (NVIDIA H100 PCIe) of 2 processes``."""
    kind = _used[0].device_kind
    name = platform().upper()
    text = f"JAX {jax.__version__}, {len(_used)} {name}{'s' if len(_used) > 1 else ''}"
    if kind.upper() != name:
        text += f" ({kind})"
    return text + (f" of {jax.process_count()} processes" if jax.process_count() > 1 else "")


def platform() -> str:
    """JAX's name for the kind of the devices in use: 'cpu', 'gpu' or another."""
    return _used[0].platform


def is_first_process() -> bool:
    return jax.process_index() == 0


def processes() -> int:
    return jax.process_count()


def agree(number: int) -> int:
    """The maximum of `number` over all processes."""
    if processes() == 1:
        return number
    return int(multihost_utils.process_allgather(np.int32(number)).max())


def put(value: np.ndarray) -> jax.Array:
    """`value`, replicated on each device."""
    if _mesh is None:
        return jax.device_put(value, _used[0])
    value = np.asarray(value)
    whole = NamedSharding(_mesh, PartitionSpec())
    # device_put would first compare the value among all processes.
    return jax.make_array_from_callback(value.shape, whole, lambda part: value[part])


def fetch(array: jax.Array) -> np.ndarray:
    """A copy of `array` in the host's memory."""
    return np.array(array)


def split(array: Any) -> Any:
    """In a traced function: shard `array` along its first axis, as far as its length allows."""
    if _mesh is None or not np.ndim(array):
        return array
    axes, left = [], array.shape[0]
    for name, size in _mesh.shape.items():
        if left % size == 0:
            axes.append(name)
            left //= size
    return jax.lax.with_sharding_constraint(
        array, NamedSharding(_mesh, PartitionSpec(tuple(axes) or None))
    )


def whole(array: jax.Array) -> jax.Array:
    """In a traced function: replicate `array` on each device."""
    if _mesh is None:
        return array
    return jax.lax.with_sharding_constraint(array, NamedSharding(_mesh, PartitionSpec()))

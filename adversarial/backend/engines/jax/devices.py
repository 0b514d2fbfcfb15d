"""Which devices compute, and how arrays lie on them.

Parameters and data are whole on every device; a minibatch is split among them, by telling XLA so
of its indices and of random arrays: it splits what is computed from these, and sums gradients over
devices, by itself.  To XLA it is one program, and the sums are its own collectives.
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

log = logging.getLogger(__name__)

_used: list = []
_mesh: Optional[Mesh] = None
_cluster: Optional[Cluster] = None


def use(count: Optional[int] = None, cluster: Optional[Cluster] = None) -> None:
    """Compute on `count` devices (1) of each process, from now on.

    Raises
    ------
    ValueError
        When there are not so many.
    """
    global _used, _mesh, _cluster
    if jax.config.jax_default_matmul_precision is None:
        # A GPU would else multiply by 11 bits of each factor.
        jax.config.update("jax_default_matmul_precision", "float32")
    if cluster is not None and _cluster is None:
        _cluster = cluster
        # Without it, processes on CPUs could not add up what each has.
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        try:
            jax.distributed.initialize(
                cluster.coordinator, cluster.num_processes, cluster.process_id
            )
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise OSError(
                f"process {cluster.process_id} of {cluster.num_processes} could not join "
                f"the others at {cluster.coordinator}: {reason}"
            ) from error
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
    # An axis for each prime factor: what cannot be split in 8 can perhaps be split in 4.
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
    """Such as ``JAX 0.6.2, 1 CPU`` or ``JAX 0.6.2, 4 GPUs (NVIDIA H100 PCIe) of 2 processes``."""
    kind = _used[0].device_kind
    name = platform().upper()
    text = f"JAX {jax.__version__}, {len(_used)} {name}{'s' if len(_used) > 1 else ''}"
    if kind.upper() != name:
        text += f" ({kind})"
    return text + (f" of {jax.process_count()} processes" if jax.process_count() > 1 else "")


def platform() -> str:
    """Of the devices in use: 'cpu', 'gpu' or another name of JAX's."""
    return _used[0].platform


def is_first_process() -> bool:
    return jax.process_index() == 0


def processes() -> int:
    return jax.process_count()


def agree(number: int) -> int:
    """The greatest `number` of all processes."""
    if processes() == 1:
        return number
    return int(multihost_utils.process_allgather(np.int32(number)).max())


def put(value: np.ndarray) -> jax.Array:
    """`value`, whole, on each device."""
    if _mesh is None:
        return jax.device_put(value, _used[0])
    value = np.asarray(value)
    whole = NamedSharding(_mesh, PartitionSpec())
    # Not device_put, by which processes would first ask each other for the value.
    return jax.make_array_from_callback(value.shape, whole, lambda part: value[part])


def fetch(array: jax.Array) -> np.ndarray:
    """A copy on the host."""
    return np.array(array)


def split(array: Any) -> Any:
    """Within a program: have `array` split along its first axis, as far as its length allows."""
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
    """Within a program: have `array` whole on each device."""
    if _mesh is None:
        return array
    return jax.lax.with_sharding_constraint(array, NamedSharding(_mesh, PartitionSpec()))

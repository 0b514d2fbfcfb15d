"""The JAX engine: compiles graphs by Aesara's JAX linker and XLA.

This module defines `JaxEngine`, and imports JAX only when the engine is used. `mode` has the linker
and the rewrites. `function` has the compiled functions, whose shared variables stay on the device.
`devices` places arrays on devices. `rendezvous` finds the other processes, and `peers` watches
them. `conv`, `pooling`, `random` and `activations` convert the Ops of this package to JAX, and
`dot` matrix products. `ordering` lets XLA update weights in place. `patches` replaces Aesara's
conversions that fail with current JAX.
"""

from __future__ import annotations

import glob
import importlib.util
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, Optional

import aesara

from adversarial.backend.engines.base import Cluster, Engine, without_garbage_collection
from adversarial.backend.engines.jax import peers
from adversarial.backend.toolchain import compiler, config, numpy2

MISSING = "the JAX engine needs JAX, which is not installed: " + (
    "pip install -e '.[jax]', or '.[cuda]' for an NVIDIA GPU"
    if sys.version_info < numpy2.WITHOUT_NUMPY_1
    else numpy2.INSTALL
)
# The modes that this engine accepts; it compiles all of them in `jax_mode()`.
_MODES = (None, "FAST_RUN", "FAST_COMPILE", "JAX")
log = logging.getLogger(__name__)


class JaxEngine(Engine):
    """Compiles graphs by XLA, for one or several CPUs and GPUs, on one or several hosts."""

    name = "jax"
    compiling = "compiling; XLA does so at each start"

    def is_first_choice(self, several: bool) -> bool:
        # No other engine supports several devices or hosts, or NumPy 2.
        return several or numpy2.is_installed() or _sees_gpu() or _replaces_c()

    def use(self, devices: Optional[int], cluster: Optional[Cluster]) -> None:
        if importlib.util.find_spec("jax") is None:
            raise ImportError(MISSING)
        # Hide XLA's log below fatal errors: users can do nothing about warnings, and errors raise
        # exceptions. JAX reads the variable when it is imported.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from adversarial.backend.engines.jax.devices import use

        use(devices, cluster)

    def compile(self, inputs: Any, outputs: Any, mode: Any, **options: Any) -> Any:
        from adversarial.backend.engines.jax.mode import JaxMode, jax_mode

        if not isinstance(mode, JaxMode):
            if mode not in _MODES:
                raise ValueError(
                    f"the JAX engine does not support mode {mode}: choose --backend c, or no mode"
                )
            mode = jax_mode()
        # cxx="": otherwise Aesara compiles C code for constant folding.
        with without_garbage_collection(), aesara.config.change_flags(cxx=""):
            return aesara.function(inputs, outputs, mode=mode, **options)

    def describe(self) -> str:
        from adversarial.backend.engines.jax import devices

        return devices.describe()

    def is_first_process(self) -> bool:
        from adversarial.backend.engines.jax import devices

        return devices.is_first_process()

    def agree(self, number: int) -> int:
        from adversarial.backend.engines.jax import devices

        return devices.agree(number)

    def processes(self) -> int:
        from adversarial.backend.engines.jax import devices

        return devices.processes()

    def compare(self, items: Mapping[str, str]) -> None:
        peers.compare(items)

    def check_peers(self) -> None:
        peers.check()

    def blame(self, error: Exception) -> Exception:
        return peers.blame(error)

    def leave(self, reason: str, status: int) -> None:
        peers.leave(reason, status)


def _sees_gpu() -> bool:
    # Importing JAX takes half a second, so look for the driver's device files first.
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


def _replaces_c() -> bool:
    """Whether JAX is installed and C++ cannot be compiled; says so in the log."""
    # A compiler that the user set, or did without (cxx=), is the C engine's.
    setup = config.configure()
    if setup.cxx_by_user or importlib.util.find_spec("jax") is None:
        return False
    try:
        compiler.require(setup.cxx, chosen_by_user=False)
    except compiler.CompilerMissing:
        log.warning(
            "the engine is JAX, since there is no C++ compiler, or no C headers of Python "
            "(ADVERSARIAL_BACKEND=jax omits this line)"
        )
        return True
    return False

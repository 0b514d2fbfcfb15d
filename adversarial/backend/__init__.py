"""Compiles Aesara graphs to machine code; all code that depends on the machine is in this package.

Importing this package configures Aesara (`toolchain.config`), so import it before Aesara.
"""

from __future__ import annotations

from adversarial.backend.toolchain.config import SetupError, configure

configure()

import aesara  # noqa: E402

from adversarial.backend.compilation import assign, function, is_made, shared  # noqa: E402
from adversarial.backend.engines import (  # noqa: E402
    Cluster,
    agree,
    blame,
    check_peers,
    choose,
    chosen,
    compare,
    compiling,
    describe,
    is_first_process,
    processes,
)
from adversarial.backend.engines.base import PeerLost  # noqa: E402
from adversarial.backend.ops.all_finite import all_finite  # noqa: E402
from adversarial.backend.ops.conv import conv2d, repair, transposed_conv2d  # noqa: E402
from adversarial.backend.ops.maxout import maxout  # noqa: E402
from adversarial.backend.ops.pooling import max_pool, mean_pool, pooled_size  # noqa: E402
from adversarial.backend.ops.rectifier import rectify  # noqa: E402
from adversarial.backend.ops.unit_statistics import unit_statistics  # noqa: E402
from adversarial.backend.random import RandomStreams  # noqa: E402
from adversarial.backend.rewrites import register  # noqa: E402
from adversarial.backend.toolchain.compiler import CompilerMissing  # noqa: E402

repair()
register()

floatX: str = aesara.config.floatX  # noqa: N816

__all__ = [
    "Cluster",
    "CompilerMissing",
    "PeerLost",
    "RandomStreams",
    "SetupError",
    "agree",
    "all_finite",
    "assign",
    "blame",
    "check_peers",
    "choose",
    "chosen",
    "compare",
    "compiling",
    "conv2d",
    "describe",
    "floatX",
    "function",
    "is_first_process",
    "is_made",
    "max_pool",
    "maxout",
    "mean_pool",
    "pooled_size",
    "processes",
    "rectify",
    "shared",
    "transposed_conv2d",
    "unit_statistics",
]

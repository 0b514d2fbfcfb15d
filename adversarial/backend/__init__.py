"""How a graph becomes machine code: the only room that knows the machine.

Importing it sets Aesara up (`config`), so it comes before any ``import aesara``.
"""

from __future__ import annotations

from adversarial.backend.config import configure

configure()

import aesara  # noqa: E402

from adversarial.backend.blas import describe  # noqa: E402
from adversarial.backend.compiler import CompilerMissing  # noqa: E402
from adversarial.backend.conv import conv2d, repair, transposed_conv2d  # noqa: E402
from adversarial.backend.finite import all_finite  # noqa: E402
from adversarial.backend.graphs import function, shared  # noqa: E402
from adversarial.backend.maxout import maxout  # noqa: E402
from adversarial.backend.pooling import max_pool, mean_pool, pooled_size  # noqa: E402
from adversarial.backend.random import RandomStreams  # noqa: E402
from adversarial.backend.rectifier import rectify  # noqa: E402
from adversarial.backend.rewrites import register  # noqa: E402
from adversarial.backend.statistics import unit_statistics  # noqa: E402

repair()
register()

floatX: str = aesara.config.floatX  # noqa: N816

__all__ = [
    "CompilerMissing",
    "RandomStreams",
    "all_finite",
    "conv2d",
    "describe",
    "floatX",
    "function",
    "max_pool",
    "maxout",
    "mean_pool",
    "pooled_size",
    "rectify",
    "shared",
    "transposed_conv2d",
    "unit_statistics",
]

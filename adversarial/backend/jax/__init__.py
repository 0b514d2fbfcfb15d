"""The second engine: graphs through Aesara's JAX linker to XLA.

Imported only when JAX is the engine.  Importing it registers all conversions.
"""

import os

# Errors are raised; what XLA logs beside, such as that it found no better way to split an array or
# that compiling takes long, helps nobody here. Read when JAX is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from adversarial.backend.jax import conv, pooling, random, repairs, units  # noqa: E402, F401
from adversarial.backend.jax.linker import JaxMode, mode  # noqa: E402

__all__ = ["JaxMode", "mode"]

"""Implementations of the same training step. Each module has a `run`, which never returns."""

from __future__ import annotations

# Name on the command line to module.
IMPLEMENTATIONS = {
    "ours": "ours",
    "ours_bf16": "ours_bf16",
    "ours_on_jax": "ours_on_jax",
    "torch": "pytorch",
    "torch_compile": "pytorch_compiled",
    "torch_bf16": "pytorch_bf16",
    "jax": "jax_jit",
    "floor": "floor",
}

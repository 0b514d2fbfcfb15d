"""A trained model for other tools: its two networks as programs, and files made of them.

`players` makes the `Program` of G or D from the Aesara graph (`translate` and its rules). ONNX,
NumPy and safetensors files and the explorer's page are written from programs.
"""

from __future__ import annotations

from adversarial.export.players import discriminator_program, generator_program
from adversarial.export.program import Input, Node, Program, Value
from adversarial.export.translate import Untranslatable

__all__ = [
    "Input",
    "Node",
    "Program",
    "Untranslatable",
    "Value",
    "discriminator_program",
    "generator_program",
]

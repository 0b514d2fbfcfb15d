"""Layers, networks, the generator, the pair of players."""

from adversarial.models.model import Model

__all__ = ["Model"]

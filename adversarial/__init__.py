"""Generative adversarial networks, after Goodfellow et al. (2014)."""

from __future__ import annotations

from adversarial import backend as backend

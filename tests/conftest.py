"""Aesara is set up by the package, so the package comes before any ``import aesara``."""

import adversarial  # noqa: F401

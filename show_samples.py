#!/usr/bin/env python
"""Draw samples of a trained model as a picture; see adversarial/scripts/show_samples.py."""

import sys

from adversarial.scripts.show_samples import command, ending, main, parse  # noqa: F401

if __name__ == "__main__":
    sys.exit(command())

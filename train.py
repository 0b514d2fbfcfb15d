#!/usr/bin/env python
"""Train what a YAML file describes; see adversarial/scripts/train.py."""

import sys

from adversarial.scripts.train import command, main, parse  # noqa: F401

if __name__ == "__main__":
    sys.exit(command())

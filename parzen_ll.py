#!/usr/bin/env python
"""Score a generator by the log-likelihood of test data; see adversarial/scripts/parzen_ll.py."""

import sys

from adversarial.scripts.parzen_ll import command, main, parse  # noqa: F401

if __name__ == "__main__":
    sys.exit(command())

"""Aesara Ops of this package: one per module, with its C++ kernel in the header of that name."""

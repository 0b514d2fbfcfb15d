"""Benchmarks of this project against other libraries. Nothing here is part of the package."""

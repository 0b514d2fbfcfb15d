"""Benchmarks of this project, some against other libraries. Nothing here is part of the package."""

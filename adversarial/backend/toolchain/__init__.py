"""Compilation of C++ on this machine: Aesara's settings, the compiler, BLAS, and two caches.

`config` configures Aesara when the package is imported. `blas` and `compiler` find the installed
BLAS and compiler. `compiled_code` chooses a writable folder for compiled modules, `integrity`
checks its files, `parallel_build` compiles modules in parallel, and `graph_cache` stores rewritten
graphs on disk. `products` sets the precision of matrix products. `deferred` puts off Aesara's
imports of SciPy, and `numpy2` restores names of NumPy 1.
"""

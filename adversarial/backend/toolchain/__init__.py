"""What turns C++ into machine code here: Aesara's settings, the compiler, BLAS, and two caches.

`config` sets Aesara up when the package is imported. `blas` and `compiler` find what is installed.
`compiled_code` checks the folder of compiled modules, `parallel_build` compiles modules in
parallel, and `graph_cache` keeps rewritten graphs on disk.
"""

"""Log-likelihood of a generator with Gaussian observation noise, by annealed importance sampling.

After Wu, Burda, Salakhutdinov and Grosse, "On the quantitative analysis of decoder-based generative
models" (ICLR 2017, arXiv 1611.04273). Read the modules in this order: `decoder` has the density,
`hmc` the compiled transition of all chains, `schedule` and `annealing` the runs from prior to
posterior and back, `bounds` what their weights say, `checkpoint` the file that an interrupted
evaluation continues from, and `likelihood` the whole procedure, which the metric `ais_ll` calls.
"""

"""The models that Table 1 of the paper compares with, whose samples are those of Markov chains.

`chains` has what they share: a model with a Markov chain, and its sampler. `stack` has layers that
are trained one after the other. The models are a deep belief network (`dbn`), stacked contractive
auto-encoders (`contractive`) and a deep generative stochastic network (`gsn`). Each has a YAML file
of the same name. docs/sandbox/rivals.md has commands and results.
"""

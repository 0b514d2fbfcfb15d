"""How good a model's samples are: metrics, and what they are computed from.

`metric` has the protocol of a metric, and `metrics/` the metrics themselves. `sampling` draws
samples; `compatibility` refuses data of another shape or scale than the samples. `parzen` and
`parzen_protocol` compute Table 1's score, `nearest_neighbors` Figure 2's training examples. `ais/`
estimates likelihoods by annealed importance sampling.
"""

"""How good are the samples: Parzen window log-likelihoods, and the nearest training examples."""

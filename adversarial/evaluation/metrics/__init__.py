"""The metrics of this package, one a module; see `adversarial.evaluation.metric`."""

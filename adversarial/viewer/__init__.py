"""Pictures of samples, examples, weights and curves, written to files or shown in a window."""

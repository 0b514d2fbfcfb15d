"""Extensions of the paper's experiments; README.md lists them."""

# Configures Aesara, so it must be imported before Aesara is.
import adversarial  # noqa: F401

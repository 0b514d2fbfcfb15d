"""What goes beyond the code of 2014; see README.md here."""

# It sets Aesara up, so it comes before the modules here that import Aesara.
import adversarial  # noqa: F401

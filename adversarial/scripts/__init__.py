"""Commands beside train.py, as Pylearn2 had them: ``python -m adversarial.scripts.NAME --help``."""

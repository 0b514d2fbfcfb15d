"""FID as papers report it: in the features of the Inception network, for colour images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adversarial.evaluation.embedding import embed
from adversarial.evaluation.inception import inception_features, weights_digest
from adversarial.evaluation.metric import Progress, Result, metric
from adversarial.evaluation.metrics.fid import frechet

# Ranges of pixels that bytes are a mere change of unit of.
USUAL_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))


@metric(unit="", by_default=False)
def fid_inception(
    samples: np.ndarray, test: np.ndarray, shape: tuple[int, int, int], progress: Progress
) -> Result:
    """Fréchet distance to data in features of Inception, for colour images (0 is best).

    FID as papers report it, by the optional package torch-fidelity (`pip install -e ".[fid]"`),
    which downloads the network's weights. Papers mostly use 50,000 samples.

    Parameters
    ----------
    samples : (n, dimension) array
    test : (m, dimension) array
        Its least number becomes black, its greatest white: Inception sees bytes.
    shape : (rows, columns, channels)
        Of the images; there must be three channels.
    progress : function of (total, what, unit)

    Returns
    -------
    Result
        As `fid`; `details` has the SHA-256 of the weights as `classifier`. A second note says where
        pixels have a range other than [0, 1], [-1, 1] or [0, 255], as those of contrast-normalised
        images: the value is then not that of the images themselves.

    Raises
    ------
    Unavailable
        Where torch-fidelity or the weights are missing.
    ValueError
        Where the images are not in colour, a number is not finite, or the test examples are all the
        same.

    References
    ----------
    As `fid`; section 4 for the network.
    """
    rows, columns, channels = shape
    if channels != 3:
        raise ValueError(
            f"Inception sees colour images, with 3 channels; these are {rows} x {columns} with "
            f"{channels}: use fid"
        )
    made, real = embed(samples, test)
    low, high = float(real.min()), float(real.max())
    features = [
        inception_features(_as_bytes(points, low, high, shape), progress) for points in (made, real)
    ]
    result = frechet(*features)
    notes = list(result.notes)
    if (low, high) not in USUAL_RANGES:
        notes.append(
            f"pixels from {low:.4g} to {high:.4g} became bytes; if they were normalised, the value "
            "is not that of the images themselves"
        )
    details = {**result.details, "classifier": weights_digest()}
    return replace(result, details=details, notes=tuple(notes))


def _as_bytes(
    points: np.ndarray, low: float, high: float, shape: tuple[int, int, int]
) -> np.ndarray:
    """Rows (n, dimension) as images (n, rows, columns, channels) of bytes."""
    rows, columns, channels = shape
    pixels = np.clip(np.rint((points - low) * (255 / (high - low))), 0, 255).astype(np.uint8)
    return pixels.reshape(-1, channels, rows, columns).transpose(0, 2, 3, 1)

"""Features of the Inception network, from the optional package torch-fidelity: colour images only.

The metric `fid_inception` calls `inception_features`. torch-fidelity has the network of Heusel et
al. (2017), and downloads its weights (95 MB) at the first use. All other metrics of features use a
classifier of this package, which needs neither.
"""

from __future__ import annotations

import functools
import os
import pickle
from typing import Any, Optional

import numpy as np

from adversarial.evaluation.metric import Progress, Unavailable, no_progress
from adversarial.files.opening import digest_of, open_regular

# torch-fidelity's names for the network, and for the layer that FID is defined by.
NETWORK, LAYER = "inception-v3-compat", "2048"
# Images are enlarged to 299 x 299: 50 of them and their activations take 0.5 GB.
BATCH = 50


def inception_features(images: np.ndarray, progress: Progress = no_progress) -> np.ndarray:
    """The 2,048 numbers that Inception's last pooling layer has for each image.

    Parameters
    ----------
    images : (n, rows, columns, 3) array of uint8
        Red, green and blue, from 0 to 255.
    progress : function of (total, what, unit), optional

    Returns
    -------
    (n, 2048) array of float64

    Raises
    ------
    Unavailable
        Where torch-fidelity is not installed, or the weights of the network cannot be downloaded or
        read.

    References
    ----------
    M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium", NIPS 2017, section 4; A. Obukhov, torch-fidelity,
    https://github.com/toshas/torch-fidelity.
    """
    network = _network()
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    network.to(device)
    found = []
    with progress(len(images), "Inception", "image") as bar, torch.no_grad():
        for start in range(0, len(images), BATCH):
            batch = np.ascontiguousarray(images[start : start + BATCH].transpose(0, 3, 1, 2))
            (features,) = network(torch.from_numpy(batch).to(device))
            found.append(features.cpu().numpy().astype(np.float64))
            bar.update(len(batch))
    return np.concatenate(found)


def weights_digest() -> Optional[str]:
    """SHA-256 of the file of weights, in hexadecimal digits; None where there is no such file."""
    path, _ = _weights()
    if not os.path.exists(path):
        return None
    with open_regular(path) as stream:
        return digest_of(stream)


@functools.cache
def _network() -> Any:
    try:
        from torch_fidelity.utils import create_feature_extractor
    except ImportError as error:
        raise Unavailable(
            f'torch-fidelity is not installed ({error}): pip install -e ".[fid]", or pip install '
            "torch-fidelity"
        ) from None
    try:
        return create_feature_extractor(NETWORK, [LAYER], cuda=False, verbose=False)
    except OSError as error:
        path, source = _weights()
        raise Unavailable(
            f"the weights of the Inception network cannot be downloaded from {source}: {error}\n"
            f"Download this file on another machine, and save it as {path}"
        ) from error
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        path, _ = _weights()
        raise Unavailable(
            f"{path} does not hold the weights of the Inception network "
            f"({str(error).partition(chr(10))[0]})\nDelete it: it is then downloaded again."
        ) from error


def _weights() -> tuple[str, str]:
    """(the file of weights, where it is downloaded from)."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3 as source

    name = source.rpartition("/")[2]
    return os.path.join(torch.hub.get_dir(), "checkpoints", name), source

#!/usr/bin/env bash
# Everything that is to be measured on an NVIDIA GPU, from a clone of this project:
#
#     benchmarks/gpu.sh [FOLDER]              makes an environment in FOLDER (build/gpu), and measures
#     benchmarks/gpu.sh --here [FOLDER]       with the python of the PATH, which has JAX for CUDA and
#                                             PyTorch; needs no network
#     benchmarks/gpu.sh --rehearse [FOLDER]   the same on the CPU, in tiny steps, with that python
#
# benchmarks/gpu.py says what is measured. The same command continues where it was interrupted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
way=
case "${1:-}" in --here | --rehearse) way=$1 && shift ;; esac
folder=$(mkdir -p "${1:-build/gpu}" && cd "${1:-build/gpu}" && pwd)
unset ADVERSARIAL_BACKEND

if [ -z "$way" ]; then
    [ -d "$folder/env" ] || "${PYTHON:-python3}" -m venv "$folder/env"
    export PATH="$folder/env/bin:$PATH"
    python -m pip install --quiet -e ".[cuda,peers]"
fi
if [ "$way" != --rehearse ]; then
    nvidia-smi -L >/dev/null || { echo "gpu.sh: no NVIDIA GPU here" >&2; exit 1; }
    sees=$(python -c 'import jax; print(jax.default_backend())')
    [ "$sees" = gpu ] || { echo "gpu.sh: JAX sees no GPU, but: $sees" >&2; exit 1; }
    exec python benchmarks/gpu.py "$folder"
fi
exec python benchmarks/gpu.py "$folder" --rehearse

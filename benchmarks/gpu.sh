#!/usr/bin/env bash
# The step and epoch times of the three experiments on an NVIDIA GPU, from a clone of this project:
#
#     benchmarks/gpu.sh [FOLDER]
#
# Makes an environment in FOLDER (build/gpu), measures, and leaves there gpu.md, which is meant for
# docs/PERFORMANCE.md, and every measurement as JSON. CIFAR-10 is looked for in PYLEARN2_DATA_PATH;
# without it steps are timed on random pixels, and its epochs are left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$(mkdir -p "${1:-build/gpu}" && cd "${1:-build/gpu}" && pwd)

nvidia-smi -L >/dev/null || { echo "gpu.sh: no NVIDIA GPU here" >&2; exit 1; }
[ -d "$folder/env" ] || "${PYTHON:-python3}" -m venv "$folder/env"
export PATH="$folder/env/bin:$PATH"
python -m pip install --quiet -e ".[cuda,peers]"
sees=$(python -c 'import jax; print(jax.default_backend())')
[ "$sees" = gpu ] || { echo "gpu.sh: JAX sees no GPU, but: $sees" >&2; exit 1; }
unset ADVERSARIAL_BACKEND

report="$folder/gpu.md"
{
    echo "## On a GPU"
    echo
    nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
    echo
    echo "Commit $(git rev-parse --short HEAD), by \`benchmarks/gpu.sh\`; float32 throughout."
} >"$report"

for model in mnist cifar10_fully_connected cifar10_convolutional; do
    {
        echo
        echo '```'
        # Whole programs of 32 steps, as training has them.
        python benchmarks/step.py --model "$model" --device gpu --rounds 15 --steps 64 \
            --json "$folder/$model.json"
        echo '```'
    } | tee -a "$report"
done

{
    echo
    echo "| experiment | seconds an epoch, without monitoring | with |"
    echo "|---|---|---|"
} >>"$report"
for model in mnist cifar10_fully_connected cifar10_convolutional; do
    mkdir -p "$folder/$model"
    cp "yaml/$model.yaml" "$folder/$model/"
    rm -f "$folder/$model/$model".{pkl,png,monitor.csv}
    python train.py "$folder/$model/$model.yaml" --backend jax --max-epochs 4 \
        || { echo "gpu.sh: no epochs of $model" >&2; continue; }
    python - "$folder/$model/$model.monitor.csv" "$model" >>"$report" <<'PYTHON'
import csv
import statistics
import sys

with open(sys.argv[1], newline="") as stream:
    rows = list(csv.DictReader(stream))
# The first epoch compiles; the seconds of a whole one are known one epoch later.
training = statistics.median(float(row["training_seconds_this_epoch"]) for row in rows[2:])
whole = statistics.median(float(row["total_seconds_last_epoch"]) for row in rows[3:])
print(f"| {sys.argv[2]} | {training:.2f} | {whole:.2f} |")
PYTHON
done
cat "$report"

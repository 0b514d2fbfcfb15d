"""The commands of every page are run, block by block, each page in a folder of its own.

Everything is small: `small_scale/sitecustomize.py` makes the data sets and trainings short, and
`SMALLER` the numbers of samples and of runs. `python -m pip`, `pip` and `uv` only check that extras
of that name exist; `.ci/run` installs them. A block that is not run says why in its first line:

    # Not run by the tests: needs SLURM.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from own_files import pictures, save_folder
from pages import PAGES, ROOT, blocks, name_of
from time_bounds import LONGEST

NOT_RUN = re.compile(r"# Not run by the tests( here)?: .+\.$")
RUN = ("sh", "python")
# Blocks of other languages: YAML is read by tests/datasets/test_data_page.py, or saved as a file
# (below); bash are jobs, which a test below runs; those without a language are output.
OTHERS = {"yaml": None, "bash": ("docs/guide/resume.md",), "": None}
# What a reader saves as a file: (page, language) and its name.
SAVED = {
    ("docs/guide/yaml_files.md", "yaml"): "small.yaml",
    ("docs/guide/migrate.md", "yaml"): "maxout_2014.yaml",
    ("docs/FIGURES.md", "yaml"): "snapshots.yaml",
    ("docs/EXTENDING.md", "yaml"): "mine.yaml",
    ("docs/EXTENDING.md", "python"): "mine.py",
}
# Patterns and what is run in their place; those of a page come after those of all pages.
SMALLER = {
    "": {
        r"--num 50000": "--num 50",
        r"--seeds 0-[249]": "--seeds 0",
        r"learning_rate=.05,.1,.2": "learning_rate=.05,.1",
        r"--devices 4": "--devices 1",
        # Loops over seeds.
        r"for (\w) in (\d)( \d)+; do": r"for \1 in \2; do",
        r"scripts.evaluate ": "scripts.evaluate --num-samples 100 ",
        r"--num-samples \d{4,}|-n 5000": "--num-samples 100",
        r"--metrics ais_ll": "--metrics ais_ll --option ais_ll.examples=4 --option ais_ll.steps=5 "
        "--option ais_ll.valid_examples=4 --option ais_ll.simulated=2",
        r"--(rounds|steps|repeats|warms) \d+": r"--\1 1",
    },
    "docs/EVALUATION.md": {
        r"metric_table.py evaluated(?=\n)": r"\g<0> --models quick --num-samples 100",
        r"--models mnist_25 mnist_50": "--models mnist_25 --num-samples 100",
        r"-n 2000": "-n 40",
        r" --option ais_ll.steps=2000": "",
        r"--seeds 1,2,3,4": "--seeds 1,2",
    },
    "docs/FIGURES.md": {
        r"--max-epochs 73": "--max-epochs 2",
        r"figure1_\[0-9\]\*": "figure1_[01]",
    },
    "docs/PERFORMANCE.md": {
        r"--batch B --width W": "--batch 10 --width .25",
        r"--model (mnist|cifar10_fully_connected)": r"--model \1 --width .02",
        # Its convolutions need a C compiler, or take JAX half a minute to compile.
        r"(cifar10_convolutional .*)": r"\1 --implementations floor --batch 2",
        # Without PyTorch, which the tests do not install, and with one of the engines.
        r"(step.py --model .* --steps \d+)\n": r"\1 --implementations ours jax floor\n",
    },
    "docs/RESULTS.md": {
        r"--labeled \d+ --unlabeled \d+": "--labeled 70 --unlabeled 30",
        r"--epochs 40 --every 10": "--variants rate_0.2 --seeds 0 --epochs 2 --every 1",
        r"rate_0.2 batch_50 --seeds 0 --every 5": "batch_50 --seeds 0 --epochs 2 --every 1",
        r"mnist_\{50,.*,100\}": "mnist_{50,100}",
        r"--max-epochs 1\n": "--max-epochs 1 --overwrite\n",
    },
    "docs/SWEEPS.md": {
        r"--epoch 20": "--epoch 2",
        r"--runs 4": "--runs 1 --repeat 1",
    },
    "docs/sandbox/coordination.md": {
        r"--seconds 50 --every 4": "--variants plain lazy --seeds 1 --every 1",
    },
    "docs/sandbox/degenerate.md": {r"(degenerate.measure .*)": r"\1 --samples 500"},
    "docs/sandbox/helvetica.md": {
        r"for seed in 1 2 3": "for seed in 1",
        r"experiment_seed2.pkl": "experiment_seed1.pkl --overwrite",
    },
    "docs/sandbox/semi_supervised.md": {r"semi_supervised.measure": r"\g<0> --steps 2"},
}
MODEL = "python train.py yaml/mnist.yaml --quiet"
FACES = "python tests/datasets/make_tfd.py DATA --labeled 70 --unlabeled 30"
# What a page takes for granted, as commands.
BEFORE = {
    "docs/guide/look_and_score.md": MODEL,
    "docs/EXPORT.md": "cp pretrained/mnist_table1.pkl yaml/mnist.pkl",
    "docs/EXPLORE.md": f'{MODEL}; python -c "import numpy; '
    "numpy.save('mnist_z.npy', numpy.zeros((3, 100), 'float32'))\"",
    "docs/DATA.md": "python -m adversarial.scripts.new_experiment flowers --out gan.yaml",
    # The classifier and the models of other pages.
    "docs/EVALUATION.md": f"{MODEL}; cp adversarial/evaluation/classifiers/mnist.yaml "
    "classifier.yaml; for name in yaml/mnist_quick yaml/mnist_table1_averaged mine model; "
    "do cp yaml/mnist.pkl $name.pkl; done",
    # The extension of the page, and a table.
    "docs/FIGURES.md": 'sed -i "s/extensions: \\[/& '
    "$(tr '\\n' ' ' < snapshots.yaml),/\" yaml/mnist.yaml; "
    f"{MODEL} --max-epochs 2; for n in 0 1 2; "
    "do cp yaml/mnist_epoch_$n.pkl yaml/mnist_quick_epoch_$n.pkl; done; "
    "(echo length,width; for i in {1..150}; do echo $i.5,$((i * i % 7)).25; done) > iris.csv; "
    "python -m adversarial.scripts.new_experiment iris.csv; "
    "python train.py iris.yaml --quiet --max-epochs 2",
    "docs/PERFORMANCE.md": f"{MODEL}; mkdir -p DATA/cifar10/cifar-10-batches-py",
    "docs/sandbox/rivals.md": FACES,
    "docs/RESULTS.md": f"{FACES}; {MODEL} --out kept; cp kept/mnist.pkl kept/mnist_50.pkl; "
    "mv kept/mnist.pkl kept/mnist_100.pkl",
    "docs/SWEEPS.md": f"for seed in 1 2; do {MODEL} --seed $seed; done",
}
# What a page sets in the environment, beside `home`.
VARIABLES = {"docs/FIGURES.md": {"MOST_EPOCHS": "40"}}
# Pages of a few seconds; the others are marked slow.
QUICK = (
    "docs/guide/first_run.md",
    "docs/guide/resume.md",
    "docs/guide/yaml_files.md",
)


def is_run(block):
    """Whether a block has no first line that says why it is not run."""
    if "python -m pytest" in block:
        return False  # these are the tests themselves; tests/test_docs.py checks their paths
    first = block.partition("\n")[0]
    if "Not run by the tests" in first:
        assert NOT_RUN.match(first), first
        return False
    return True


COMMANDS = [
    page
    for page in PAGES
    if any(language in RUN and is_run(block) for language, block in blocks(page))
]


@pytest.fixture
def home(tmp_path):
    """A folder like a fresh checkout, and the environment for commands in it."""
    folder, programs = tmp_path / "checkout", tmp_path / "bin"
    programs.mkdir()
    for name in ("adversarial", "benchmarks", "docs", "pretrained", "tests/datasets"):
        copy(ROOT / name, folder / name)
    for name in ("sandbox", "yaml"):
        copy(ROOT / name, folder / name, "*.pkl", "*.csv", "*.png")
    for name in ("train.py", "show_samples.py", "parzen_ll.py"):
        shutil.copy(ROOT / name, folder)
    save_folder(folder / "flowers", pictures(120, (8, 8)))
    program(programs / "python", PYTHON)
    for name in ("pip", "uv"):
        program(programs / name, f'exec python -m pip {name} "$@"')
    return folder, {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT / 'tests' / 'small_scale'}:{folder}",
        "PYLEARN2_DATA_PATH": str(folder / "DATA"),
        "AESARA_FLAGS": f"mode=FAST_COMPILE,cxx=,compiledir={tmp_path / 'compiled'}",
        "OMP_NUM_THREADS": "1",
        "SUBMIT": "echo",
        "WANDB_MODE": "offline",
    }


def copy(source, target, *left_out):
    """Copy a folder without what trainings leave there."""
    ignored = shutil.ignore_patterns(".*.lock", *left_out)
    shutil.copytree(source, target, ignore=ignored)


PYTHON = f"""case "$1 $2" in
    "-m pip") exec {sys.executable} {Path(__file__)} "$@" ;;
    *) exec {sys.executable} "$@" ;;
esac"""


def program(path, text):
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def follow(page, home):
    """Run the blocks of a page."""
    folder, environment = home
    name = name_of(page)
    smaller = {**SMALLER[""], **SMALLER.get(name, {})}
    saved = {file: [] for (of, _), file in SAVED.items() if of == name}
    scripts, session = [], []
    for language, block in blocks(page):
        if (name, language) in SAVED:
            saved[SAVED[name, language]].append(block)
        elif language in RUN and is_run(block):
            for old, new in smaller.items():
                block = re.sub(old, new, block)
            (scripts if language == "sh" else session).append(block)
    # The Python of a page is one session: later lines use the names of earlier ones.
    saved["session.py"] = session
    for file, parts in saved.items():
        (folder / file).write_text("\n".join(parts))
    if name in BEFORE:
        scripts.insert(0, BEFORE[name])
    if session:
        scripts.append("python session.py")
    for script in scripts:
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=folder,
            env={**environment, **VARIABLES.get(name, {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
        assert done.returncode == 0, f"{name}\n{script}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=() if name_of(page) in QUICK else pytest.mark.slow)
        for page in COMMANDS
    ],
    ids=name_of,
)
def test_page(page, home):
    follow(page, home)


@pytest.mark.parametrize(
    "name, again, model",
    [
        ("job.sh", "job.sh\n", "runs/mnist.pkl"),
        ("seeds.sh", "--array=3 seeds.sh\n", "runs/seed3/mnist.pkl"),
    ],
)
def test_the_job_submits_itself_again(name, again, model, home):
    """A budget that is over at once: the job asks for the rest, and ends with status 75."""
    folder, environment = home
    page = blocks(ROOT / "docs/guide/resume.md")
    (script,) = [
        block
        for language, block in page
        if language == "bash" and ("--array" in block) == (name == "seeds.sh")
    ]
    (folder / name).write_text(script)
    for seconds, wanted in (("0.01", (75, again)), ("3300", (0, ""))):
        done = subprocess.run(
            ["bash", name],
            cwd=folder,
            env={**environment, "SECONDS_EACH": seconds, "SLURM_ARRAY_TASK_ID": "3"},
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
        assert (done.returncode, done.stdout) == wanted, done.stderr
        assert (folder / model).exists()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_block_is_left_out(page):
    """Each block is run, or says why not, or is of a language that is no command."""
    for language, block in blocks(page):
        if language in RUN:
            assert page in COMMANDS or not is_run(block)
        else:
            assert language in OTHERS, f"run blocks of {language!r}, or add it to OTHERS"
            assert name_of(page) in (OTHERS[language] or [name_of(page)])
    fences = re.findall(r"^ *```", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(list(blocks(page)))  # the pattern has found them all


def test_names_of_pages():
    """What is said above of single pages is of pages that exist and are run."""
    found = {name_of(page) for page in COMMANDS}
    of_pages = [*QUICK, *BEFORE, *VARIABLES, *SMALLER, *(page for page, _ in SAVED)]
    assert {*of_pages} - {""} <= found
    for page, patterns in SMALLER.items():
        names = [page] if page else found
        text = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in names)
        for pattern in patterns:
            assert re.search(pattern, text), f"{pattern!r} is on no page: remove it"


def test_a_reason_must_be_given():
    assert is_run("python train.py yaml/mnist.yaml\n")
    assert not is_run("# Not run by the tests: needs SLURM.\nsbatch job.sh\n")
    with pytest.raises(AssertionError):
        is_run("# Not run by the tests.\nsbatch job.sh\n")


def check_installation(words):
    """For `python -m pip install`: exit with 1 if an extra of this package does not exist."""
    extras = re.findall(r'^        "(\w+)": ', (ROOT / "setup.py").read_text(), re.MULTILINE)
    for word in words:
        for extra in re.findall(r"[\w]+", word.partition("[")[2]):
            if extra not in extras:
                sys.exit(f"{word}: setup.py has no extra {extra}; it has {extras}")


if __name__ == "__main__":
    check_installation(sys.argv[1:])

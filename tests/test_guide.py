"""The commands of the README and of the user guide are run, block by block, each page in a folder.

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

ROOT = Path(__file__).parents[1]
NOT_RUN = re.compile(r"# Not run by the tests( here)?: .+\.$")
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
RUN = ("sh", "python")
# What a reader saves as a file: (page, language) and its name.
SAVED = {
    ("docs/guide/yaml_files.md", "yaml"): "small.yaml",
    ("docs/guide/migrate.md", "yaml"): "maxout_2014.yaml",
}
SMALLER = {
    "--num 50000": "--num 50",
    "--num-samples 5000": "--num-samples 100",
    "--seeds 0-9": "--seeds 0-1",
    "--seeds 0-4": "--seeds 0-1",
    "--seeds 0-2": "--seeds 0",
    "learning_rate=.05,.1,.2": "learning_rate=.05,.1",
    "--max-epochs 73": "--max-epochs 2 --overwrite",
    "--devices 4": "--devices 1",
}
MODEL = "python train.py yaml/mnist.yaml --quiet"
# What a page takes for granted, as commands.
BEFORE = {
    "docs/guide/look_and_score.md": MODEL,
    "docs/EXPORT.md": "cp pretrained/mnist_table1.pkl yaml/mnist.pkl; "
    "cp pretrained/mnist_table1.pkl .; for format in onnx numpy safetensors; "
    "do python -m adversarial.scripts.export mnist_table1.pkl --format $format; done",
    "docs/EXPLORE.md": f'{MODEL}; python -c "import numpy; '
    "numpy.save('mnist_z.npy', numpy.zeros((3, 100), 'float32'))\"",
    "docs/DATA.md": "python -m adversarial.scripts.new_experiment flowers --out gan.yaml",
}
QUICK = (
    "docs/guide/first_run.md",
    "docs/guide/resume.md",
    "docs/guide/yaml_files.md",
)
SLOW = (
    "README.md",
    "docs/guide/install.md",
    "docs/guide/look_and_score.md",
    "docs/guide/migrate.md",
    "docs/BACKENDS.md",
    "docs/DATA.md",
    "docs/EXPLORE.md",
    "docs/EXPORT.md",
    "docs/RUNS.md",
    "docs/TRACKING.md",
)
# Their commands are only parsed, by tests/test_docs.py: trainings of 40 epochs, and many runs.
PARSED = ("docs/FIGURES.md", "docs/SWEEPS.md")
# Pages of the guide whose blocks other tests run.
ELSEWHERE = {
    "docs/EXTENDING.md": "tests/test_extending.py",
    "docs/PYTHON.md": "tests/test_python_api.py",
}


def blocks(page):
    """(language, text) of each fenced block of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for indent, language, block in BLOCK.findall(text):
        yield language, re.sub(rf"^{indent}", "", block, flags=re.MULTILINE)


def is_run(block):
    """Whether a block has no first line that says why it is not run."""
    if "python -m pytest" in block:
        return False  # as .ci/run does
    first = block.partition("\n")[0]
    if "Not run by the tests" in first:
        assert NOT_RUN.match(first), first
        return False
    return True


@pytest.fixture
def home(tmp_path):
    """A folder like a fresh checkout, and the environment for commands in it."""
    folder, programs = tmp_path / "checkout", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    for name in ("train.py", "show_samples.py", "parzen_ll.py"):
        shutil.copy(ROOT / name, folder)
    for name in ("yaml", "pretrained"):
        kept = shutil.ignore_patterns("*.png", "*.csv", ".*.lock", "*.gif")
        shutil.copytree(ROOT / name, folder / name, ignore=kept)
    save_folder(folder / "flowers", pictures(120, (8, 8)))
    program(programs / "python", PYTHON)
    for name in ("pip", "uv"):
        program(programs / name, f'exec python -m pip {name} "$@"')
    return folder, {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT / 'tests' / 'small_scale'}:{ROOT}",
        "AESARA_FLAGS": f"mode=FAST_COMPILE,cxx=,compiledir={tmp_path / 'compiled'}",
        "OMP_NUM_THREADS": "1",
        "SUBMIT": "echo",
        "WANDB_MODE": "offline",
    }


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
    scripts, session = [BEFORE.get(page, "")], []
    for language, block in blocks(page):
        if (page, language) in SAVED:
            (folder / SAVED[page, language]).write_text(block)
        if language in RUN and is_run(block):
            (scripts if language == "sh" else session).append(block)
    # The Python of a page is one session: later lines use the names of earlier ones.
    (folder / "session.py").write_text("\n".join(session))
    for script in [*scripts, "python session.py"]:
        for old, new in SMALLER.items():
            script = script.replace(old, new)
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, f"{page}\n{script}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", QUICK)
def test_page(page, home):
    follow(page, home)


@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW)
def test_page_slowly(page, home):
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
    page = blocks("docs/guide/resume.md")
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
            timeout=600,
        )
        assert (done.returncode, done.stdout) == wanted, done.stderr
        assert (folder / model).exists()


def test_every_page_of_the_guide_is_run():
    guide = {f"docs/guide/{path.name}" for path in (ROOT / "docs" / "guide").glob("*.md")}
    assert guide <= {*QUICK, *SLOW}
    for page, test in ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")
    contents = (ROOT / "docs" / "_ext" / "contents.txt").read_text(encoding="utf-8")
    part = contents.split(":caption: User guide")[1].split("```")[0]
    pages = {f"{name}.md" for name in re.findall(r"docs/[\w/]+", part)}
    assert pages <= {*QUICK, *SLOW, *PARSED, *ELSEWHERE}


@pytest.mark.parametrize("page", ["README.md"])
def test_a_reason_must_be_given(page):
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

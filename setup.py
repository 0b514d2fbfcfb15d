"""Installation; the tools' settings are in pyproject.toml."""

import os
import re
import sys
from pathlib import Path

if sys.version_info >= (3, 13) and "PIP_BUILD_TRACKER" in os.environ:
    # Here, since no metadata can say it in words, and before anything else, since setuptools may be
    # missing. pip sets this variable while it runs setup.py. It cannot override Aesara's limits.
    this = "{}.{}".format(*sys.version_info)
    sys.exit(
        f"pip cannot install adversarial-nets on Python {this}: NumPy 1 has no builds for it. Take "
        "Python 3.9, 3.10, 3.11 or 3.12, or install with uv, for the JAX engine and NumPy 2.\n"
        "Another Python, in an environment of its own, with all that the package can do:\n"
        "    pip install uv && uv venv --seed --python 3.12 .venv && . .venv/bin/activate\n"
        f"Python {this}, in a checkout and an environment of its own (docs/BACKENDS.md):\n"
        '    pip install uv && uv pip install -e ".[jax]" --override numpy2-overrides.txt'
    )

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
# Read, not imported: importing the package sets Aesara up.
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "adversarial/__init__.py").read_text())[1]
JAX = "jax>=0.4.30,<0.7"
# 2.6 is the first for new versions of protobuf.
TENSORBOARD = "tensorboardX>=2.6,<3"
# 0.19.10 is the first with reinit="create_new", which lets a process have several runs.
WANDB = "wandb>=0.19.10,<1"
# The part of MLflow that logs; 2.14 is the first with a switch for what it reports to its makers.
MLFLOW = "mlflow-skinny>=2.14,<4"
# 3.7 is the first for Python 3.9 and 3.10.
TABLES = "tables>=3.7,<4"
# safetensors 0.4 and onnx 1.14 are the first whose files all readers in use understand.
EXPORT = ["safetensors>=0.4,<1", "onnx>=1.14,<2"]
VIDEO = "imageio-ffmpeg>=0.4.9,<1"
SWEEP = [
    # The last for Python 3.9 is 2024.8; older ones lack what we use of SLURM's workers.
    "distributed>=2024.2",
    # TLS between the workers of a machine, so that its other users cannot give them work.
    "cryptography>=41",
    # Workers that are jobs of SLURM; 0.8.3 is the first for these versions of distributed.
    "dask-jobqueue>=0.8.3,<1",
    # The plot of a sweep; as in "plot".
    "matplotlib>=3.7",
]
DOCS = [
    # The site; 7.4 is the last for Python 3.9.
    "sphinx>=7.4,<10",
    # 0.21 is the first whose MathML has today's arguments: docs/_ext/mathml.py.
    "docutils>=0.21",
    # Markdown pages, and notebooks as Python files (1.1 needs Sphinx 7).
    "myst-nb>=1.1,<2",
    "jupytext>=1.16,<2",
    # Docstrings of NumPy's style; 1.6 is the first for Sphinx 7.
    "numpydoc>=1.6,<2",
    # The theme: light and dark, phones; numbered by date.
    "furo>=2024.1",
    # Spelling.
    "codespell>=2.2.6,<3",
]
MKL_RUNS = "sys_platform == 'linux' and platform_machine == 'x86_64'"


class BuildWithExperiments(build_py):
    """Also copies the YAML files of `yaml/` to `adversarial/experiments/` of the wheel.

    `yaml/` cannot be a package, since `import yaml` means PyYAML. An editable installation needs no
    copy: `adversarial.files.shipped` finds the folder in the checkout.
    """

    def run(self):
        super().run()
        for source, target in self._experiments():
            self.mkpath(str(Path(target).parent))
            self.copy_file(source, target)

    def get_outputs(self, include_bytecode=1):
        return [
            *super().get_outputs(include_bytecode),
            *(target for _, target in self._experiments()),
        ]

    def _experiments(self):
        """Pairs (source, target); none in an editable installation."""
        if getattr(self, "editable_mode", False):
            return
        target = Path(self.build_lib, "adversarial", "experiments")
        for source in sorted(Path("yaml").glob("**/*.yaml")):
            yield str(source), str(target / source.relative_to("yaml"))


setup(
    name="adversarial-nets",
    version=VERSION,
    description="The code of 'Generative Adversarial Nets' (Goodfellow et al., 2014), for today",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The adversarial authors",
    license="BSD-3-Clause",
    license_files=["LICENSE"],
    keywords="GAN, generative adversarial networks, Aesara, Theano, Pylearn2, reproduction",
    project_urls={
        "Paper": "https://arxiv.org/abs/1406.2661",
        "Code of 2014": "https://github.com/goodfeli/adversarial",
    },
    # No classifier of the license: `license` says it, and new versions of setuptools refuse both.
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: C++",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(9, 14)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    cmdclass={"build_py": BuildWithExperiments},
    packages=find_packages(include=["adversarial", "adversarial.*", "sandbox", "sandbox.*"]),
    package_data={
        "adversarial": ["py.typed"],
        "adversarial.backend.ops": ["*.h"],
        "adversarial.evaluation": ["classifiers/*"],
        "adversarial.explorer": ["*.html", "*.css", "*.js"],
        "sandbox": ["*/*.yaml", "*/*/*.yaml"],
    },
    # Unlike `python -m`, these import nothing from the current folder.
    entry_points={
        "console_scripts": [
            f"adversarial-{name} = adversarial.scripts.{module}:command"
            for name, module in (
                ("train", "train"),
                ("samples", "show_samples"),
                ("score", "parzen_ll"),
                ("evaluate", "evaluate"),
                ("export", "export"),
                ("new-experiment", "new_experiment"),
                ("explore", "explore"),
                ("print-monitor", "print_monitor"),
                ("plot-monitor", "plot_monitor"),
                ("show-examples", "show_examples"),
                ("show-game", "show_game"),
                ("show-weights", "show_weights"),
                ("summarize-model", "summarize_model"),
                ("sweep", "sweep"),
            )
        ]
    },
    # No upper limit: from Python 3.13 on the JAX engine works, if uv overrides Aesara's limits.
    python_requires=">=3.9",
    install_requires=[
        # The engine: graphs to C. 2.9 is its last series, and our repairs of it are for 2.9.
        "aesara==2.9.*",
        # Aesara's C code needs NumPy 1; 1.22 is the first with what its RandomState typing uses.
        "numpy>=1.22,<2; python_version < '3.13'",
        # NumPy 1 has no builds for Python 3.13. An installer that does not override Aesara's limit
        # ends at once with this conflict, where it would try for minutes to compile NumPy 1.
        "numpy>=2; python_version >= '3.13'",
        # Aesara imports functions that SciPy 1.13 took away, from modules with names of 1.8.
        "scipy>=1.8,<1.13; python_version < '3.13'",
        "scipy>=1.14; python_version >= '3.13'",
        # A fast BLAS with no step of the user's own, 26 MB. On AMD's processors it is faster than
        # MKL (docs/PERFORMANCE.md), which takes 943 MB more.
        "scipy-openblas32>=0.3.23",
        # Aesara needs distutils, which Python 3.12 left to setuptools.
        "setuptools>=59",
        # Aesara's lock of the folder of compiled code; before 3.20.1, which needs Python 3.10, it
        # would empty the file that a link in the lock's place leads to.
        "filelock>=3.20.1; python_version >= '3.10'",
        "filelock",
        # Experiments; 6.0.1 is the first that builds everywhere.
        "pyyaml>=6.0.1,<7",
        # Sample grids.
        "pillow>=9.1",
        # Progress bars; 4.60 is the first whose bars can be closed from another thread.
        "tqdm>=4.60,<5",
        # Where the user's cache directory is.
        "platformdirs>=2.5",
        # Threads of NumPy's BLAS in the Parzen score.
        "threadpoolctl>=3",
    ],
    extras_require={
        # Intel's BLAS, which comes first on Intel's processors (backend/toolchain/blas.py).
        "mkl": [f"mkl>=2023; {MKL_RUNS}"],
        # The second engine; jax 0.7 needs NumPy 2, which takes numpy2-overrides.txt.
        "jax": [JAX],
        "cuda": [JAX.replace("jax", "jax[cuda12]")],
        "test": [
            # The tests run on both engines.
            JAX,
            # --import-mode=importlib as it is since 7.
            "pytest>=7.4",
            # The tests on several processors.
            "pytest-xdist>=3",
            "hypothesis>=6.80",
            # The Parzen score's independent witness, KernelDensity.
            "scikit-learn>=1.2",
            # The same of precision, recall, density and coverage, by their authors.
            "prdc>=0.2,<1",
            # Another version lays code out in another way.
            "ruff==0.17.*",
            # The last for Python 3.9 is 1.19; a later one than 2.4 may find more.
            "mypy>=1.19,<2.5",
            # Else mypy takes the folder yaml/ for PyYAML.
            "types-PyYAML",
            # A wheel is built without network, checked and installed: setuptools is that of
            # pyproject.toml, and needs wheel below 70.1.
            "build>=1",
            "twine>=5.1",
            "setuptools>=61",
            "wheel",
            # A notebook is run; 6.0 and 0.7 are the first without deprecated parts of Jupyter.
            "ipykernel>=6",
            "nbclient>=0.7",
            # As in "plot".
            "matplotlib>=3.7",
            TABLES,
            TENSORBOARD,
            WANDB,
            MLFLOW,
            *EXPORT,
            VIDEO,
            # Runs the exported ONNX files.
            "onnxruntime>=1.16,<2",
            *SWEEP,
            # The explorer's page in Chromium, where that and chromedriver are installed.
            "selenium>=4.10,<5",
            # The site is built.
            *DOCS,
        ],
        # The documentation site.
        "docs": DOCS,
        # What benchmarks/ compares with. torch is fixed, since a benchmark
        # against a moving peer says nothing.
        "peers": ["torch==2.13.*; python_version >= '3.10'", JAX, "scikit-learn>=1.2"],
        # Pictures with axes: curves of the monitor's channels, Figure 1; legends outside since 3.7.
        "plot": ["matplotlib>=3.7"],
        # Logs of a training, for the tools of these names.
        "tensorboard": [TENSORBOARD],
        "wandb": [WANDB],
        "mlflow": [MLFLOW],
        # Data sets in HDF5 files.
        "hdf5": [TABLES],
        # MP4 files; 0.4.9 is the first with ffmpeg for ARM Macs.
        "video": [VIDEO],
        # FID in Inception's features (docs/EVALUATION.md); 0.4 is the first with precision and
        # recall, which the tests compare.
        "fid": ["torch-fidelity>=0.4,<1"],
        # Models for other tools (docs/EXPORT.md).
        "export": EXPORT,
        # Many runs on the processors of this machine or of a cluster.
        "sweep": SWEEP,
    },
)

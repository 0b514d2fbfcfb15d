"""CIFAR-10: 60,000 colour photographs of 32 x 32 pixels in ten classes (Krizhevsky, 2009)."""

from __future__ import annotations

import pickle
import pickletools
import tarfile
from pathlib import Path

import numpy as np

from adversarial.datasets import data_path, download
from adversarial.datasets.dense_design_matrix import ONE_HOT, DenseDesignMatrix
from adversarial.datasets.preprocessing import global_contrast_normalize
from adversarial.datasets.splits import check_range
from adversarial.datasets.view_converter import AXES, DefaultViewConverter
from adversarial.files.opening import BadFile, open_regular
from adversarial.utils.deprecated import deprecated_arguments

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
FOLDER = "cifar-10-batches-py"
BATCHES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
BATCH_SIZE = 10000
PIXELS = 3 * 32 * 32
VALID = (40000, 50000)  # of the training set
# What pickles of protocols 0 to 4 say of dicts, lists, numbers, texts and arrays.
OPCODES = frozenset(
    """
    DICT LIST TUPLE PUT GET INT LONG STRING UNICODE
    PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 EMPTY_LIST APPEND
    APPENDS EMPTY_DICT SETITEM SETITEMS EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 SHORT_BINSTRING
    BINSTRING SHORT_BINBYTES BINBYTES BINBYTES8 SHORT_BINUNICODE BINUNICODE BINUNICODE8 BINPUT
    LONG_BINPUT MEMOIZE BINGET LONG_BINGET GLOBAL STACK_GLOBAL REDUCE BUILD
""".split()
)
MOST_CALLS = 100
LARGEST_BATCH = 40 << 20  # bytes; a published one has 31 million


class CIFAR10(DenseDesignMatrix):
    """Small photographs; a row holds its red, its green, then its blue pixels, from 0 to 255.

    Looked for as ``cifar10/cifar-10-batches-py/`` under PYLEARN2_DATA_PATH and
    ADVERSARIAL_DATA_PATH, then in the user's cache directory, else fetched from its home page.

    Parameters
    ----------
    which_set : 'train' (50,000 examples) or 'test' (10,000)
    center : subtract 127.5
    rescale : divide by 127.5
    gcn : global contrast normalization: subtract each image's mean, then divide by (its norm / gcn)
    start, stop : keep only these examples; they do not change toronto_prepro's mean
    axes : the order of the axes of images
    toronto_prepro : divide by 255 and subtract the mean image of the whole training set
    preprocessor : applied last, without fitting
    """

    @deprecated_arguments(one_hot=ONE_HOT)
    def __init__(
        self,
        which_set,
        center=False,
        rescale=False,
        gcn=None,
        start=None,
        stop=None,
        axes=AXES,
        toronto_prepro=False,
        preprocessor=None,
    ):
        if which_set not in BATCHES:
            hint = (
                "; the validation set is which_set 'train' with start 40000 and stop 50000"
                if which_set == "valid"
                else ""
            )
            raise ValueError(f"CIFAR10 has the sets 'train' and 'test', not {which_set!r}{hint}")
        if toronto_prepro and (center or gcn is not None):
            raise ValueError(
                f"toronto_prepro goes with neither center nor gcn (center={center!r}, gcn={gcn!r})"
            )
        rows = check_range(start, stop, BATCH_SIZE * len(BATCHES[which_set]))
        self.img_shape = (3, 32, 32)
        self.img_size = PIXELS
        self.n_classes = 10
        self.label_names = [
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ]
        self.center = center
        self.rescale = rescale
        self.gcn = None if gcn is None else float(gcn)
        self.toronto_prepro = toronto_prepro
        self.axes = tuple(axes)
        self._preprocessor = preprocessor
        pixels, y = load_arrays(which_set)
        X = pixels[rows].astype(np.float32)
        if center:
            X -= 127.5
        if rescale:
            X /= 127.5
        if toronto_prepro:
            train = pixels if which_set == "train" else load_arrays("train")[0]
            X /= 255
            self.mean_image = train.mean(axis=0, dtype=np.float64).astype(np.float32) / 255
            X -= self.mean_image / 127.5 if rescale else self.mean_image
        if gcn is not None:
            X = global_contrast_normalize(X, scale=self.gcn)
        super().__init__(
            X=X,
            y=y[rows].astype(np.int64)[:, None],
            y_labels=self.n_classes,
            view_converter=DefaultViewConverter((32, 32, 3), axes),
        )
        if preprocessor is not None:
            self.apply_preprocessor(preprocessor)

    def adjust_for_viewer(self, X):
        return self.adjust_to_be_viewed_with(X, X, per_example=True)

    def adjust_to_be_viewed_with(self, X, orig, per_example=False):
        """`X` in [-1, 1]. After gcn, divided by the largest absolute value in `orig`, of each
        example's own image (along the first axis) with `per_example`.
        """
        if self.gcn is not None:
            rows = tuple(range(1, orig.ndim)) if per_example else None
            largest = np.abs(orig).max(axis=rows, keepdims=per_example)
            return np.clip(X / np.maximum(largest, 1e-12), -1.0, 1.0)
        if self.toronto_prepro:
            mean = self.mean_image
            if X.ndim == 4:
                mean = self.view_converter.design_mat_to_topo_view(mean[None])
            X = (X * 127.5 if self.rescale else X) + mean
            return np.clip(2 * X - 1, -1.0, 1.0)
        X = X if self.center else X - (1.0 if self.rescale else 127.5)
        return np.clip(X if self.rescale else X / 127.5, -1.0, 1.0)

    def get_test_set(self) -> CIFAR10:
        """The test set, treated as this set was; the preprocessor is not fitted again."""
        return CIFAR10("test", **self._treatment())

    def get_valid_set(self) -> CIFAR10:
        """Training examples 40,000 to 50,000, treated as this set was."""
        return CIFAR10("train", start=VALID[0], stop=VALID[1], **self._treatment())

    def _treatment(self) -> dict:
        return {
            "center": self.center,
            "rescale": self.rescale,
            "gcn": self.gcn,
            "axes": self.axes,
            "toronto_prepro": self.toronto_prepro,
            "preprocessor": self._preprocessor,
        }


def load_arrays(which_set: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 3072) and labels (n,), both uint8, of 'train' or 'test'."""
    folder = _folder()
    parts = [read_batch(folder / name) for name in BATCHES[which_set]]
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def read_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (10000, 3072) and labels (10000,) of one published file; `BadFile` if it is not one.

    Only arrays of bytes and plain Python data are taken out of the pickle.
    """
    size = path.stat().st_size
    if size > LARGEST_BATCH:
        raise BadFile(f"{path}: {size} bytes are too many for a batch of CIFAR-10")
    try:
        with open_regular(path) as file:
            _check_opcodes(file)
            file.seek(0)
            content = _BatchUnpickler(file, encoding="latin1").load()
        content = {
            key.decode() if isinstance(key, bytes) else key: value for key, value in content.items()
        }
        pixels, labels = (
            part.value if isinstance(part, _PickledArray) else part
            for part in (content["data"], content["labels"])
        )
        if isinstance(labels, list) and all(type(label) is int for label in labels):
            labels = np.array(labels)  # lists of lists of the same lists could grow without end
    except (OSError, BadFile):
        raise
    except Exception as error:  # a damaged pickle can raise anything
        raise BadFile(
            f"{path}: not a batch of CIFAR-10 ({type(error).__name__}: {error})"
        ) from error
    if (
        not isinstance(pixels, np.ndarray)
        or pixels.shape != (BATCH_SIZE, PIXELS)
        or pixels.dtype != np.uint8
    ):
        raise BadFile(f"{path}: 'data' is no uint8 array of shape ({BATCH_SIZE}, {PIXELS})")
    if (
        not isinstance(labels, np.ndarray)
        or labels.shape != (BATCH_SIZE,)
        or labels.dtype.kind not in "iu"
        or not 0 <= labels.min() <= labels.max() < 10
    ):
        raise BadFile(f"{path}: 'labels' are no {BATCH_SIZE} class numbers from 0 to 9")
    return pixels, labels.astype(np.uint8)


def _check_opcodes(file) -> None:
    """UnpicklingError for a pickle that is more than a dict of lists, texts and a few arrays.

    A pickle can ask for memory that its size does not tell: by copying one text or array again and
    again, or by a place in its memo far beyond all others.
    """
    calls = places = 0
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name not in OPCODES:
            raise pickle.UnpicklingError(f"it uses the instruction {opcode.name}")
        calls += opcode.name in ("REDUCE", "BUILD")
        places += "PUT" in opcode.name
        if calls > MOST_CALLS:
            raise pickle.UnpicklingError(f"it makes more than {MOST_CALLS} objects")
        if "PUT" in opcode.name and not argument <= places + MOST_CALLS:
            raise pickle.UnpicklingError(f"it remembers something as number {argument}")


class _BatchUnpickler(pickle.Unpickler):
    """Builds arrays of unsigned bytes and nothing else beyond plain Python data."""

    def find_class(self, module: str, name: str):
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): _empty_array,
            ("numpy._core.multiarray", "_reconstruct"): _empty_array,
            ("numpy", "ndarray"): _array_kind,
            ("numpy", "dtype"): _byte_type,
            ("_codecs", "encode"): _latin1_bytes,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return allowed[module, name]


def _array_kind(*_):
    """Stands for numpy.ndarray, which when called gives memory that nobody has written to."""
    raise pickle.UnpicklingError("it makes an array without numbers")


class _PickledArray:
    """Stands for an array while its pickle is read: NumPy is given nothing but the bytes."""

    def __setstate__(self, state):
        _, shape, kind, fortran, data = state
        if not isinstance(kind, _ByteType):
            raise pickle.UnpicklingError("it holds an unusual array")
        # As Python 2 wrote them, bytes are read as text.
        data = data.encode("latin1") if isinstance(data, str) else data
        self.value = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")


class _ByteType:
    """Stands for NumPy's type of unsigned bytes; what more a pickle says of it is not used."""

    def __setstate__(self, state):
        pass


def _empty_array(kind, shape, typecode):
    if kind is not _array_kind or shape != (0,):
        raise pickle.UnpicklingError("it holds an unusual array")
    return _PickledArray()


def _byte_type(code, *_):
    if code not in ("u1", b"u1"):
        raise pickle.UnpicklingError(f"it holds an array of {code!r}, not of unsigned bytes")
    return _ByteType()


def _latin1_bytes(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it holds bytes encoded as {encoding!r}")
    return text.encode("latin1")


def _folder() -> Path:
    """Where the batches are, fetched if need be."""
    found = data_path.find_in_data_path(f"cifar10/{FOLDER}")
    if found is not None:
        return found
    cached = data_path.cache_dir() / "cifar10" / FOLDER
    if not cached.exists():
        _fetch(cached)
    return cached


def _fetch(target: Path) -> None:
    """Fetch the archive and unpack it to the directory `target`."""
    try:
        with download.one_at_a_time(target.parent):
            if target.exists():  # another process was faster
                return
            download.tell(f"fetching {URL} (170 MB)")
            archive = target.parent / URL.rsplit("/", 1)[-1]
            if not archive.exists():
                download.fetch(URL, archive, SHA256)
            download.unpack(
                archive,
                [f"{FOLDER}/{name}" for names in BATCHES.values() for name in names],
                target,
            )
            archive.unlink()
    except (OSError, tarfile.TarError, KeyError) as error:
        raise data_path.DataUnavailable(
            f"CIFAR-10 is not on this machine (data paths: {data_path.data_path_hint()}) and "
            f"cannot be fetched from {URL}: {error}. Unpack that archive in the folder cifar10/ "
            f"of a directory, so that cifar10/{FOLDER}/ is there, and set PYLEARN2_DATA_PATH to "
            f"that directory"
        ) from error

"""Own data in a folder of image files."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from adversarial.datasets.data_file import digest_of_data, find
from adversarial.datasets.image_file import RESIZINGS, SUFFIXES, read_header, read_image
from adversarial.datasets.own_data import OwnData
from adversarial.datasets.source import CHANNELS, Source, natural_key
from adversarial.files import inputs
from adversarial.files.opening import TRUST_VARIABLE, BadFile, open_regular, trusts_paths

# Names of subfolders that are parts of a data set, not classes.
PART_FOLDERS = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation", "dev"),
    "test": ("test", "testing"),
}
# Of a folder's files, so many are read for its digest.
_DIGEST_FILES = 64
MAX_DEPTH = 20


class _Listing(NamedTuple):
    """The image files of a folder.

    Attributes
    ----------
    files : list of Path
        In natural order: 2.png before 10.png.
    classes : list of str, or None
        The subfolder of each file.
    """

    files: list[Path]
    classes: list[str] | None


class ImageFolder(OwnData):
    """Images in a folder: PNG, JPEG, BMP, GIF (the first frame), TIFF, WebP or PPM files.

    Subfolders are classes, named by the folder, unless their names are train, test and perhaps
    valid: then they are the parts of the data, with folders of classes or images in each. Files are
    taken in natural order (2.png before 10.png). Hidden files and files of other kinds are ignored.
    Photographs are turned as their camera was held.

    Parameters
    ----------
    path : str, or dict of part to str
        The folder; or one for each of 'train', 'test' and perhaps 'valid'.
    size : [rows, columns], optional
        What images are resized to; without it, all must have one size.
    resize : str
        How: 'crop' keeps proportions and cuts off what juts out, equally on both sides; 'pad' keeps
        proportions and adds black edges; 'stretch' does not.
    channels : 1, 3 or 4, optional
        Grey, colour, or colour with transparency. By default 1 if all images are grey, else 3.
        With 1 or 3, transparent pixels are laid over white.
    **common
        which_set, split, seed, stratified, scale, data_range, classes, in_memory: see `OwnData`.

    Raises
    ------
    ValueError
        Where a file is damaged or has another size than the others, or a link leads out of the
        folder; it names the file.

    Examples
    --------
    >>> import os
    >>> from PIL import Image
    >>> for name in "cats", "dogs":
    ...     os.makedirs(f"pets/{name}")
    ...     for i in range(10):
    ...         Image.new("RGB", (20, 24), (25 * i, 0, 0)).save(f"pets/{name}/{i}.png")
    >>> data = ImageFolder("pets", size=[12, 10])
    >>> data.X.shape, data.view_shape(), data.class_names
    ((16, 360), (12, 10, 3), ['cats', 'dogs'])
    """

    def __init__(
        self,
        path: Any,
        size: Sequence[int] | None = None,
        resize: str = "crop",
        channels: int | None = None,
        **common: Any,
    ) -> None:
        if size is not None and not (
            isinstance(size, (list, tuple))
            and len(size) == 2
            and all(isinstance(n, (int, np.integer)) and n > 0 for n in size)
        ):
            raise ValueError(f"size must be [rows, columns], not {size!r:.80}")
        if resize not in RESIZINGS:
            raise ValueError(f"resize must be one of {', '.join(RESIZINGS)}, not {resize!r:.80}")
        if channels not in (None, *CHANNELS):
            raise ValueError(
                f"channels must be 1 (grey), 3 (colour) or 4 (with transparency), not {channels!r}"
            )
        self._keep_arguments(path=path, size=size, resize=resize, channels=channels, **common)
        self._listings: dict[str, _Listing] = {}
        self._kept_form: tuple[tuple[int, int], int, bool] | None = None
        folders = part_folders(find(path)) if isinstance(path, (str, os.PathLike)) else {}
        if folders:
            self.args["path"] = {part: str(folder) for part, folder in folders.items()}
        super().__init__(**common)

    def _open(self, part: str) -> Source:
        folder = find(self._of("path", part))
        listing = self._listing(folder)
        size, channels, is_deep = self._form()
        if part != "train" and self.args["size"] is None:
            check_sizes(listing.files, size)
        rows = _ImageFiles(
            listing.files,
            size,
            channels,
            self.args["resize"],
            is_deep,
            may_resize=self.args["size"] is not None,
        )
        classes = None if listing.classes is None else np.array(listing.classes)
        names = None if classes is None else sorted(set(listing.classes or ()), key=natural_key)
        image = (*size, channels)
        files = listing.files
        return Source(str(folder), rows, image, classes, names, lambda i: str(files[i].name))

    def _form(self) -> tuple[tuple[int, int], int, bool]:
        """(size, channels, whether 16 bits are kept): of all parts, as the training images are."""
        if self._kept_form is None:
            files = self._listing(find(self._of("path", "train"))).files
            self._kept_form = _examined(files, self.args["size"], self.args["channels"])
        return self._kept_form

    def _listing(self, folder: Path) -> _Listing:
        if str(folder) not in self._listings:
            listing = list_images(folder)
            inputs.check_digest(folder, lambda: _digest(folder, listing.files))
            self._listings[str(folder)] = listing
        return self._listings[str(folder)]

    def _signature(self) -> Any:
        digest = hashlib.sha256()
        for file in self._listing(find(self._of("path", "train"))).files:
            found = file.stat()
            digest.update(
                f"{file} {found.st_size} {found.st_mtime_ns}\n".encode("utf-8", "replace")
            )
        return digest.hexdigest()


class _ImageFiles:
    """Image files as rows, each decoded when it is indexed, channel after channel."""

    def __init__(
        self,
        files: Sequence[Path],
        size: tuple[int, int],
        channels: int,
        resize: str,
        is_deep: bool,
        may_resize: bool,
    ) -> None:
        self._files, self._size, self._channels, self._resize = files, size, channels, resize
        self.is_deep, self._may_resize = is_deep, may_resize
        self.dtype = np.dtype(np.uint16 if is_deep else np.uint8)
        self.shape = len(files), size[0] * size[1] * channels

    def __getitem__(self, indices: Any) -> np.ndarray:
        if isinstance(indices, slice):
            indices = range(*indices.indices(len(self._files)))
        result = np.empty((len(indices), self._channels, *self._size), self.dtype)
        size = self._size if self._may_resize else None
        for row, i in zip(result, indices):
            path = self._files[int(i)]
            image = read_image(path, self._channels, size, self._resize, self.is_deep)
            if image.shape[:2] != self._size:
                raise BadFile(_other_size(path, image.shape[:2], self._size))
            row[...] = image.transpose(2, 0, 1)
        return result.reshape(len(indices), self.shape[1])


def part_folders(folder: Path) -> dict[str, Path]:
    """The folders of the parts inside `folder`; empty if its subfolders have other names.

    ValueError if one of them is a link.
    """
    if not folder.is_dir():
        return {}
    names = {name.casefold(): part for part, names in PART_FOLDERS.items() for name in names}
    found: dict[str, Path] = {}
    for entry in sorted(os.scandir(folder), key=lambda entry: natural_key(entry.name)):
        if not _is_hidden(entry.name) and entry.is_dir():
            part = names.get(entry.name.casefold())
            if part is None or part in found:
                return {}
            _check_no_link(entry)
            found[part] = Path(entry.path)
    return found if "train" in found and len(found) > 1 else {}


def list_images(folder: Path) -> _Listing:
    """The image files in `folder`, and their classes.

    Raises
    ------
    ValueError
        If there are none, if there are images both beside and in subfolders, or if a link leads out
        of the folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder of images")
    others: Counter[str] = Counter()
    root = os.path.realpath(folder)
    top: list[Path] = []
    files: list[Path] = []
    classes: list[str] = []
    for entry in _sorted_entries(folder):
        if entry.is_dir():
            inside = _images_below(entry, root, others, 1)
            files += inside
            classes += [entry.name] * len(inside)
        elif _is_image(entry, root, others):
            top.append(Path(entry.path))
    if top and files:
        raise ValueError(
            f"{folder} has images beside folders of images: {len(top)}, such as {top[0].name}, are "
            "in no class\nMove them into folders, or all images into one folder."
        )
    if not top and not files:
        kinds = ", ".join(
            f"{count} {suffix or 'without ending'}" for suffix, count in others.items()
        )
        raise ValueError(
            f"{folder} holds no image ({', '.join(sorted(SUFFIXES))})"
            + (f"; its files: {kinds:.300}" if kinds else "; it is empty")
        )
    return _Listing(top, None) if top else _Listing(files, classes)


def _images_below(entry: Any, root: str, others: Counter[str], depth: int) -> list[Path]:
    _check_no_link(entry)
    if depth > MAX_DEPTH:
        raise ValueError(f"{entry.path} lies more than {MAX_DEPTH} folders deep")
    found: list[Path] = []
    for inner in _sorted_entries(Path(entry.path)):
        if inner.is_dir():
            found += _images_below(inner, root, others, depth + 1)
        elif _is_image(inner, root, others):
            found.append(Path(inner.path))
    return found


def _check_no_link(entry: Any) -> None:
    """ValueError if a folder inside another is a link, unless the user trusts paths."""
    if entry.is_symlink() and not trusts_paths():
        raise ValueError(f"{entry.path} is a link to a folder, {_ADVICE}")


_ADVICE = f"which is not followed: copy what it leads to, or set {TRUST_VARIABLE}=1"


_scan = os.scandir  # in the order of the file system


def _sorted_entries(folder: Path) -> list[Any]:
    with _scan(folder) as entries:
        shown = [entry for entry in entries if not _is_hidden(entry.name)]
    return sorted(shown, key=lambda entry: natural_key(entry.name))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_image(entry: Any, root: str, others: Counter[str]) -> bool:
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix not in SUFFIXES:
        others[suffix] += 1
        return False
    if entry.is_symlink() and not trusts_paths():
        target = os.path.realpath(entry.path)
        if os.path.commonpath([target, root]) != root:
            raise ValueError(f"{entry.path} is a link that leads out of the folder, {_ADVICE}")
    return True


def _examined(
    files: Sequence[Path], size: Sequence[int] | None, channels: int | None
) -> tuple[tuple[int, int], int, bool]:
    """(size, channels, whether 16 bits are kept) of images, from the headers of all of them."""
    if size is not None and channels not in (None, 1):  # only grey images keep 16 bits
        return (size[0], size[1]), channels, False
    headers = [read_header(path) for path in files]
    if size is None:
        size = headers[0].rows, headers[0].columns
        for path, header in zip(files, headers):
            if (header.rows, header.columns) != size:
                raise BadFile(_other_size(path, (header.rows, header.columns), size, files[0]))
    if channels is None:
        channels = 1 if all(header.channels == 1 for header in headers) else 3
    is_deep = channels == 1 and any(header.is_deep for header in headers)
    return (size[0], size[1]), channels, is_deep


def check_sizes(files: Sequence[Path], size: tuple[int, int]) -> None:
    """`BadFile`, which names the first image of another size."""
    for path in files:
        header = read_header(path)
        if (header.rows, header.columns) != tuple(size):
            raise BadFile(_other_size(path, (header.rows, header.columns), size))


def _other_size(path: Path, found: Any, size: Any, first: Path | None = None) -> str:
    others = f"{first} has" if first else "others have"
    return (
        f"{path}: has {found[0]} x {found[1]} pixels (rows x columns), but {others} "
        f"{size[0]} x {size[1]}\nsize: [{size[0]}, {size[1]}] resizes all images to this size."
    )


def _digest(folder: Path, files: Sequence[Path]) -> str:
    """A digest of the names and sizes of all files, and of the content of some of them."""
    digest = hashlib.sha256()
    for path in files:
        name = os.fsencode(os.path.relpath(path, folder))
        digest.update(b"%d %s\n" % (path.stat().st_size, name))
    for index in np.unique(np.linspace(0, len(files) - 1, _DIGEST_FILES).astype(int)):
        with open_regular(files[index]) as stream:
            digest.update(digest_of_data(stream).encode())
    return digest.hexdigest()

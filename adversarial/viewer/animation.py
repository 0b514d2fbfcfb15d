"""Animations: walks through the space of z, and samples from one epoch to the next.

`show_samples` writes them as GIF (by Pillow) or MP4 (by ffmpeg, which imageio-ffmpeg brings). A
frame is a grid of images, as in `samples`.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from adversarial.evaluation.sampling import batches_at, draw_noise, draw_samples
from adversarial.files.atomic_write import atomic_write
from adversarial.viewer.grid import Grid, check_pixels
from adversarial.viewer.samples import View, finite, to_unit, view_of

ENDINGS = (".gif", ".mp4")
# Points of z that a walk visits before it returns to the first.
STOPS = 4
_PAD = 2
_CAPTION = 16  # pixels: the height of a line of Pillow's own font, and some air
# Pixels in all frames of an animation: a minute of 720p. Pillow holds a GIF in memory until it is
# complete.
_MOST_PIXELS = 1_500_000_000
# Frames a second of a video; ffmpeg takes no number that is far outside.
_SLOWEST, _FASTEST = 0.001, 1000.0


def walk_frames(
    model: Any, rows: int, cols: int, steps: int, seed: int = 0, scale: int = 1
) -> Iterator[Image.Image]:
    """Each cell of a grid is G along a closed path of straight lines through STOPS random z.

    Parameters
    ----------
    model : AdversaryPair or Generator
    rows, cols : int
    steps : int
        Frames from one of the points to the next; all lines are walked in equal steps.
    seed, scale : int

    Returns
    -------
    iterator of STOPS * steps frames; after the last, the first continues the walk
    """
    view = view_of(model)
    _check_size(view, rows, cols, scale, STOPS * steps)
    cells = rows * cols
    stops = draw_noise(model, STOPS * cells, seed).reshape(STOPS, cells, -1)

    def points() -> Iterator[np.ndarray]:
        for stop in range(STOPS):
            start, end = stops[stop], stops[(stop + 1) % STOPS]
            for step in range(steps):
                along = np.float32(step / steps)
                yield (1 - along) * start + along * end

    # One batch is one frame.
    z = np.concatenate(list(points()))
    for rows_of_frame in batches_at(model, z, cells):
        yield _frame(view, finite(rows_of_frame), rows, cols, scale)


def epoch_frames(
    models: Iterable[tuple[str, Any]], rows: int, cols: int, seed: int = 0, scale: int = 1
) -> Iterator[Image.Image]:
    """A grid of samples of each model, from the same noise, under a caption.

    Parameters
    ----------
    models : iterable of (caption, model)
        They make images of one shape; only one is in memory at a time.
    rows, cols, seed, scale : int

    Raises
    ------
    ValueError
        If a model makes images of another shape than the first.
    """
    shape = None
    for caption, model in models:
        view = view_of(model)
        shape = shape or view.shape
        if view.shape != shape:
            raise ValueError(
                f"{caption}: the images are of {view.shape}, those of the first model of {shape}"
            )
        _check_size(view, rows, cols, scale, 1)
        samples = finite(draw_samples(model, rows * cols, seed))
        yield _captioned(_frame(view, samples, rows, cols, scale), caption)


def write(path: str, frames: Iterable[Image.Image], fps: float, hold: int = 1) -> int:
    """Write an animation that repeats (GIF) or ends (MP4); returns the number of its frames.

    Parameters
    ----------
    path : str
        Ends in .gif or .mp4.
    frames : iterable of pictures of one size
    fps : float
        Frames a second; a GIF has the nearest rate at which a frame takes whole 1/100 s.
    hold : int
        How often the last frame is shown.

    Raises
    ------
    ImportError
        For MP4, if imageio-ffmpeg is not installed.
    ValueError
        If the file cannot have this speed.
    """
    held = _held(frames, hold)
    if path.lower().endswith(".mp4"):
        return _write_mp4(path, held, fps)
    duration = _gif_duration(fps, hold)
    first = next(held)
    count = 1

    def rest() -> Iterator[Image.Image]:
        nonlocal count
        for frame in held:
            count += 1
            yield frame

    with atomic_write(path) as stream:
        try:
            first.save(
                stream,
                format="GIF",
                save_all=True,
                append_images=rest(),
                duration=duration,
                loop=0,
            )
        except (OverflowError, struct.error):
            # Pillow writes equal frames as one, of their total duration.
            raise ValueError(
                f"--fps {fps:g}: some frames are equal, and a GIF shows no picture for more than "
                "655 s: give a greater --fps"
            ) from None
    return count


def _gif_duration(fps: float, hold: int) -> int:
    """How long a GIF shows a frame, in ms: a GIF holds it as a number of 1/100 s, of 16 bits.

    The last frame takes `hold` times as long.
    """
    # Browsers show a frame of 1/100 s for 1/10 s.
    if not hold / 655 <= fps <= 50:
        raise ValueError(
            f"--fps {fps:g}: this GIF can show {hold}/655 to 50 frames a second; a file .mp4 can "
            "show more"
        )
    shorter = int(100 / fps)
    return 10 * min((shorter, shorter + 1), key=lambda duration: abs(100 / duration - fps))


def _held(frames: Iterable[Image.Image], hold: int) -> Iterator[Image.Image]:
    last = None
    for last in frames:
        yield last
    if last is not None:
        yield from [last] * (hold - 1)


def check_can_write(path: str, fps: float, hold: int = 1) -> None:
    """Raise what `write` would raise, before the frames are computed."""
    if path.lower().endswith(".mp4"):
        _ffmpeg(fps)
    else:
        _gif_duration(fps, hold)


def _ffmpeg(fps: float) -> Any:
    """The module that writes videos, if they can have this speed."""
    try:
        import imageio_ffmpeg
    except ImportError:
        raise ImportError(
            'MP4 files need imageio-ffmpeg: pip install -e ".[video]"; a .gif needs nothing'
        ) from None
    if not _SLOWEST <= fps <= _FASTEST:
        raise ValueError(
            f"--fps {fps:g}: a video can show {_SLOWEST:g} to {_FASTEST:g} frames a second"
        )
    return imageio_ffmpeg


def _write_mp4(path: str, frames: Iterator[Image.Image], fps: float) -> int:
    first = next(frames)
    # The usual pixel format of H.264 halves both sides.
    width, height = (length + length % 2 for length in first.size)
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        aside = os.path.join(folder, "video.mp4")
        writer = _ffmpeg(fps).write_frames(
            aside,
            (width, height),
            fps=fps,
            codec="libx264",
            quality=None,
            # 18 looks like the original to the eye; ffmpeg's default of 23 blurs single pixels.
            output_params=["-crf", "18", "-movflags", "+faststart"],
            macro_block_size=2,
            ffmpeg_log_level="error",
        )
        writer.send(None)
        for frame in _with_first(first, frames):
            canvas = Image.new("RGB", (width, height), (128, 128, 128))
            canvas.paste(frame, (0, 0))
            writer.send(canvas.tobytes())
            count += 1
        writer.close()
        with open(aside, "rb") as source, atomic_write(path) as stream:
            shutil.copyfileobj(source, stream)
    return count


def _with_first(first: Image.Image, rest: Iterable[Image.Image]) -> Iterator[Image.Image]:
    yield first
    yield from rest


def _check_size(view: View, rows: int, cols: int, scale: int, frames: int) -> None:
    height, width = (n * (size + _PAD) * scale for n, size in zip((rows, cols), view.shape))
    check_pixels(height, width)
    if height * width * frames > _MOST_PIXELS:
        raise ValueError(
            f"{frames} frames of {height} x {width} pixels are larger than what is animated: fewer "
            "frames, rows or columns, or a smaller scale, will do"
        )


def _frame(view: View, rows_of_data: np.ndarray, rows: int, cols: int, scale: int) -> Image.Image:
    images = to_unit(view.images(rows_of_data))
    grid = Grid(rows, cols, view.shape[:2], (_PAD, _PAD))
    for index, image in enumerate(images):
        grid.put(index, image)
    picture = grid.to_image(scale)
    # 256 greys, which a GIF holds exactly.
    return picture.convert("L") if view.shape[2] == 1 else picture


def _captioned(picture: Image.Image, caption: str) -> Image.Image:
    grey: Any = 128 if picture.mode == "L" else (128, 128, 128)
    black: Any = 0 if picture.mode == "L" else (0, 0, 0)
    canvas = Image.new(picture.mode, (picture.width, picture.height + _CAPTION), grey)
    canvas.paste(picture, (0, 0))
    ImageDraw.Draw(canvas).text((4, picture.height + 1), caption, fill=black)
    return canvas

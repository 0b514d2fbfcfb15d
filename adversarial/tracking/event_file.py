"""`EventFile`, a file that TensorBoard reads.

TensorBoard shows each folder as a run, and reads the files with `tfevents` in their names. Such a
file is a sequence of records: the length of the data, its checksum, the data (an `Event`), and
their checksum. tensorboardX makes the events. Its own writer is not used: it puts the machine's
name into that of the file, and cannot continue a file.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Optional

import numpy as np

from adversarial.files import outputs
from adversarial.files.atomic_write import atomic_write, make_folder
from adversarial.files.opening import open_beside

# Bytes of an event of ours: a picture of 100 large images, or the text of an experiment.
LARGEST = 1 << 28


class EventFile:
    """An event file, to which events of later steps are appended.

    Parameters
    ----------
    path : str

    Examples
    --------
    >>> log = EventFile("run/events.tfevents")
    >>> log.rewind(0)
    >>> log.scalars({"cost": 0.5}, step=0)
    >>> log.flush()
    >>> [event.step for event in events_in("run/events.tfevents") if event.HasField("summary")]
    [0]
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._pending: list[bytes] = []

    def rewind(self, step: int) -> Optional[int]:
        """Cut the file off before the first event of `step`, and return the last step in it."""
        self._pending = []
        outputs.check(self.path)
        make_folder(self.path)
        # A log without the mark of this run is replaced, if `outputs.check` allows that.
        is_own = not outputs.mark() or outputs.carries(self.path, outputs.mark())
        kept, last = self._before(step) if is_own and os.path.exists(self.path) else (b"", None)
        with atomic_write(self.path) as target:
            target.write(_first_record() + _marked_record() if last is None else kept)
        return last

    def _before(self, step: int) -> tuple[bytes, Optional[int]]:
        """The file up to the first event of `step`, and the last step before that."""
        last = None
        with os.fdopen(open_beside(self.path, os.O_RDONLY), "rb") as stream:
            end = 0
            for size, event in _records(stream):
                if event.HasField("summary"):
                    if event.step >= step:
                        break
                    last = event.step
                end += size
            stream.seek(0)
            return stream.read(end), last

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        from tensorboardX import summary

        for name, value in values.items():
            self._add(summary.scalar(name, value), step)

    def image(self, name: str, pixels: np.ndarray, step: int) -> None:
        from tensorboardX import summary

        self._add(summary.image(name, pixels, dataformats="HWC"), step)

    def histogram(self, name: str, values: np.ndarray, step: int) -> None:
        from tensorboardX import summary

        self._add(summary.histogram(name, values.ravel(), bins=30), step)

    def text(self, name: str, text: str) -> None:
        from tensorboardX import summary

        # TensorBoard reads Markdown.
        self._add(summary.text(name, "".join(f"    {line}\n" for line in text.splitlines())), 0)

    def flush(self) -> None:
        outputs.check(self.path)
        pending, self._pending = self._pending, []
        # The file may have been replaced by a link or a named pipe.
        handle = open_beside(os.path.realpath(self.path), os.O_WRONLY | os.O_APPEND)
        with os.fdopen(handle, "ab") as stream:
            stream.writelines(pending)

    def _add(self, summary: Any, step: int) -> None:
        self._pending.append(_record(_event(step=step, summary=summary)))


def _event(**fields: Any) -> Any:
    from tensorboardX.proto import event_pb2

    return event_pb2.Event(wall_time=time.time(), **fields)


def _first_record() -> bytes:
    return _record(_event(file_version="brain.Event:2"))


def _marked_record() -> bytes:
    """The run's mark, by which a resumed run knows the file; TensorBoard ignores it."""
    from tensorboardX.proto import event_pb2

    return _record(_event(log_message=event_pb2.LogMessage(message=outputs.mark().decode())))


def _record(event: Any) -> bytes:
    from tensorboardX.record_writer import masked_crc32c

    data = event.SerializeToString()
    length = struct.pack("<Q", len(data))
    sums = (struct.pack("<I", masked_crc32c(part)) for part in (length, data))
    return length + next(sums) + data + next(sums)


def _records(stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    """(bytes, event) for each record, up to one that is cut off or damaged."""
    from google.protobuf.message import DecodeError
    from tensorboardX.proto import event_pb2
    from tensorboardX.record_writer import masked_crc32c

    while len(head := stream.read(12)) == 12:
        (length,) = struct.unpack("<Q", head[:8])
        if length > LARGEST or struct.unpack("<I", head[8:])[0] != masked_crc32c(head[:8]):
            return
        body = stream.read(length + 4)
        if len(body) < length + 4:
            return
        if struct.unpack("<I", body[length:])[0] != masked_crc32c(body[:length]):
            return
        try:
            event = event_pb2.Event.FromString(body[:length])
        except DecodeError:
            return
        yield len(head + body), event


def events_in(path: str | os.PathLike[str]) -> list[Any]:
    """The events in a file, as tensorboardX's protocol buffers."""
    with os.fdopen(open_beside(path, os.O_RDONLY), "rb") as stream:
        return [event for _, event in _records(stream)]

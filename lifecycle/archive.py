"""The archive: files in which verifications are recorded before they are deleted, without their personal data.

Each process appends to a file of its own, with one line of JSON for each verification, and begins another file every day. A line is on the disk
before its verification is deleted. So a crash loses nothing, but it may leave lines of verifications that were not deleted. Such a verification gets
another line later, so readers must use the last line of each id. After a crash or a full disk, the last line of a file may be incomplete. The
verification of such a line was not deleted.
"""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from errno import ENOTDIR
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from uuid import uuid4

from domain.verification import Verification
from store.stored_verification import document_of
from store.upkeep.json_lines import json_line, without_personal_data

# Only the user that runs the gateway can read the files.
FILE_MODE = 0o600


class Archive:
    """The archive in this directory. The constructor writes and removes a file there. Raises: NotADirectoryError if this is not possible."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._name = uuid4().hex[:12]
        self._files = 0
        self._file: tuple[str, Path] | None = None
        # Lines are written in threads. A thread goes on when its task is cancelled, so a lock of asyncio would not keep threads apart.
        self._lock = Lock()
        # `os.access` would not suffice: root has all rights, also where nothing can be written.
        try:
            TemporaryFile(dir=directory).close()
        except OSError as error:
            raise NotADirectoryError(ENOTDIR, "it is no directory in which the gateway can write (GATEWAY_ARCHIVE)", str(directory)) from error

    async def write(self, verifications: Sequence[Verification], at: datetime, erasing_references: bool) -> None:
        """Write a line for each of these stored verifications. The lines are on the disk when this returns.

        `erasing_references`: whether the integrator's own references are left out (`without_personal_data`). Raises: OSError.
        """
        lines = [
            json_line({"archivedAt": at, "verification": without_personal_data(document_of(each), erasing_references)}) for each in verifications
        ]
        await asyncio.to_thread(self._append, f"{at:%Y-%m-%d}", b"".join(lines))

    def _append(self, day: str, lines: bytes) -> None:
        """Append lines to the file of this day. After an error, the next lines go to a new file, because this one may end within a line."""
        with self._lock:
            if not self._file or self._file[0] != day:
                self._files += 1
                self._file = day, self._directory / f"verifications-{day}-{self._name}-{self._files}.jsonl"
            path = self._file[1]
            try:
                self._written(path, lines)
            except OSError:
                self._file = None
                raise

    def _written(self, path: Path, lines: bytes) -> None:
        is_new = not path.exists()
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, FILE_MODE)
        try:
            left = memoryview(lines)
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
        finally:
            os.close(file)
        if is_new:
            self._flush_directory()

    def _flush_directory(self) -> None:
        """Write the directory to the disk, so that a new file is still in it after a power failure."""
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

"""Request bodies: how many bytes of them are in memory at once, over all requests.

A body is written to a temporary file while it arrives, and inflated into another one where it is
compressed. Only when it is whole, and its size is known, is it read into memory, and only when
there is room: the sum over all requests is bounded. So neither many large bodies, nor slow ones,
nor a compressed body that inflates to a thousand times its size can take the memory of everybody.
"""

import asyncio
import errno
import gzip
import io
import tempfile
import zlib
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from chaoscloud.console.errors import BadRequest, Busy, InsufficientStorage, TooLarge

SMALL = 64 * 1024  # bytes of a body that is kept in memory at once and not counted
MIDDLE = 1024 * 1024  # bytes up to which a body does not wait for larger ones
ROOM = 32 * 1024 * 1024  # bytes of bodies up to MIDDLE, together
PATIENCE = 30.0  # seconds that a body waits for room
ON_DISK = 16  # temporary files hold as many bytes as so many of the largest bodies

_PIECE = 256 * 1024
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of the disk, a quota, a file


class ByteBudget:
    """Bytes that requests share; who wants more than is free waits, in order of arrival."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, count: int, patience: float = PATIENCE) -> int:
        """Take bytes; return how many are to be given back. Raises `TimeoutError`.

        A count above the capacity takes all of it.
        """
        count = min(count, self.capacity)
        if not self._waiting and self.used + count <= self.capacity:
            self.used += count
            return count
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (count, future)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(patience):
                await future
        except BaseException:
            if future.done() and not future.cancelled():
                self.give_back(count)  # it was granted while we were leaving
            elif entry in self._waiting:
                self._waiting.remove(entry)
                self._grant()
            raise
        return count

    def give_back(self, count: int) -> None:
        """Give bytes back, and let those go on who waited for them."""
        self.used -= count
        self._grant()

    def _grant(self) -> None:
        while self._waiting and self.used + self._waiting[0][0] <= self.capacity:
            count, future = self._waiting.popleft()
            if not future.done():
                self.used += count
                future.set_result(None)


class BodyRoom:
    """The room for bodies of one console. `limit` is the size of the largest body, in bytes.

    `folder` is where temporary files go; None is the system's choice.
    """

    def __init__(self, limit: int, folder: Path | None = None) -> None:
        self.limit = limit
        self.folder = None if folder is None else str(folder)
        self.middle = ByteBudget(ROOM)
        self.large = ByteBudget(limit)
        self.disk = ByteBudget(ON_DISK * limit)


class Lease:
    """What the body of one request takes; released when the request has been answered."""

    def __init__(self, room: BodyRoom) -> None:
        self.room = room
        self._taken: list[tuple[ByteBudget, int]] = []

    async def take(self, budget: ByteBudget, count: int, patience: float = PATIENCE) -> None:
        """Take bytes of a budget. Raises `Busy` when there is no room in time."""
        try:
            self._taken.append((budget, await budget.take(count, patience)))
        except TimeoutError:
            raise Busy("Too many large bodies are being read; send it again later.") from None

    def release(self) -> None:
        """Give everything back."""
        while self._taken:
            budget, count = self._taken.pop()
            budget.give_back(count)


async def read_body(
    chunks: AsyncIterator[bytes], lease: Lease, *, gzipped: bool, limit: int
) -> bytes:
    """Return the whole body, inflated.

    Raises `TooLarge` beyond `limit` bytes, `BadRequest` for what is not gzip though it says so,
    `Busy` when there is no room for it, `InsufficientStorage` when there is none on the disk.
    """
    try:
        return await _read(chunks, lease, gzipped, limit)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise InsufficientStorage(f"The body could not be taken in: {error.strerror}.") from None


async def _read(chunks: AsyncIterator[bytes], lease: Lease, gzipped: bool, limit: int) -> bytes:
    head = bytearray()
    async for chunk in chunks:
        head += chunk
        if len(head) > min(SMALL, limit):
            return await _read_large(bytes(head), chunks, lease, gzipped, limit)
    if not gzipped:
        return bytes(head)
    with io.BytesIO(head) as file:
        return await _inflate(file, lease, limit)


async def _read_large(
    head: bytes, chunks: AsyncIterator[bytes], lease: Lease, gzipped: bool, limit: int
) -> bytes:
    with _open_file(lease) as file:
        await lease.take(lease.room.disk, limit, patience=0)
        size = file.write(head)
        _check_size(size, limit)
        async for chunk in chunks:
            size += file.write(chunk)
            _check_size(size, limit)
        if not gzipped:
            return await _load(file, lease)
        file.seek(0)
        await lease.take(lease.room.disk, limit, patience=0)
        return await _inflate(file, lease, limit)


async def _inflate(file: IO[bytes], lease: Lease, limit: int) -> bytes:
    with _open_file(lease) as inflated:
        await asyncio.to_thread(_copy_inflated, file, inflated, limit)
        return await _load(inflated, lease)


async def _load(file: IO[bytes], lease: Lease) -> bytes:
    """Read a whole file into memory, once there is room for it."""
    size = file.seek(0, 2)
    file.seek(0)
    if size <= SMALL:
        return file.read()
    room = lease.room
    await lease.take(room.middle if size <= MIDDLE else room.large, size)
    return await asyncio.to_thread(file.read)


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge(f"The body is over the limit of {limit} bytes.")


def _open_file(lease: Lease) -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(SMALL, dir=lease.room.folder)


def _copy_inflated(source: IO[bytes], target: IO[bytes], limit: int) -> None:
    size = 0
    try:
        with gzip.GzipFile(fileobj=source) as pieces:
            while piece := pieces.read(_PIECE):
                size += target.write(piece)
                _check_size(size, limit)
    except EOFError:
        raise BadRequest("The gzip body is cut off.") from None
    except (gzip.BadGzipFile, zlib.error):
        raise BadRequest("The body says it is gzip, but is not.") from None

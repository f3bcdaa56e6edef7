"""Bodies: how many bytes of them are in memory at once, and what becomes of odd ones."""

import asyncio
import gzip
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chaoscloud.console.bodies import MIDDLE, SMALL, BodyRoom, ByteBudget, Lease, read_body
from chaoscloud.console.errors import BadRequest, Busy, InsufficientStorage, TooLarge

LIMIT = 8 * MIDDLE


@pytest.fixture
def room(tmp_path: Path) -> BodyRoom:
    return BodyRoom(LIMIT, tmp_path)


async def pieces(body: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    """The body as it arrives."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def read(room: BodyRoom, body: bytes, *, gzipped: bool = False, limit: int = LIMIT) -> bytes:
    """The body as a request reads it."""
    lease = Lease(room)
    try:
        return asyncio.run(read_body(pieces(body), lease, gzipped=gzipped, limit=limit))
    finally:
        lease.release()


def used(room: BodyRoom) -> int:
    """Bytes that nobody has given back."""
    return room.middle.used + room.large.used + room.disk.used


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, MIDDLE + 1, LIMIT])
@pytest.mark.parametrize("gzipped", [False, True])
def test_a_body_of_any_size_is_read_whole(room: BodyRoom, size: int, gzipped: bool) -> None:
    """However it came, and everything it took is given back."""
    body = (b"0123456789" * (size // 10 + 1))[:size]

    result = read(room, gzip.compress(body) if gzipped else body, gzipped=gzipped)

    assert result == body
    assert used(room) == 0


@pytest.fixture
def no_large_files() -> Iterator[None]:
    """No file of this process may have more than a few bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("no_large_files")
@pytest.mark.parametrize("gzipped", [False, True])
def test_a_body_that_finds_no_room_on_the_disk_is_refused(room: BodyRoom, gzipped: bool) -> None:
    """With 507, so that a client keeps it and sends it again; nothing stays taken."""
    body = b"0" * MIDDLE

    with pytest.raises(InsufficientStorage) as refusal:
        read(room, gzip.compress(body) if gzipped else body, gzipped=gzipped)

    assert (refusal.value.status, "Retry-After" in refusal.value.headers) == (507, True)
    assert used(room) == 0


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_body_over_its_limit_is_refused(room: BodyRoom, gzipped: bool) -> None:
    """Small as a compressed one may look on the way."""
    body = b"0" * (LIMIT + 1)

    with pytest.raises(TooLarge, match="over the limit"):
        read(room, gzip.compress(body) if gzipped else body, gzipped=gzipped)

    assert used(room) == 0


def test_a_limit_of_its_own_holds_for_a_small_body(room: BodyRoom) -> None:
    """An address may take less than the console does."""
    with pytest.raises(TooLarge):
        read(room, b"0" * 101, limit=100)


@pytest.mark.parametrize(
    "body",
    [
        b"no gzip",
        b"no gzip" * 100_000,
        gzip.compress(b"orders" * 100)[:-9],
        gzip.compress(b"orders" * 100) + b"and more",
    ],
    ids=["text", "large text", "cut", "goes on"],
)
def test_what_only_says_that_it_is_gzip_is_refused(room: BodyRoom, body: bytes) -> None:
    """One clear answer, and nothing is read of it."""
    with pytest.raises(BadRequest, match="gzip"):
        read(room, body, gzipped=True)


def test_large_bodies_are_in_memory_one_after_the_other(room: BodyRoom) -> None:
    """The second waits until the first has been answered; small ones do not wait."""
    body = b"0" * (LIMIT - 1)

    async def read_two() -> tuple[bool, bytes]:
        first, second, third = Lease(room), Lease(room), Lease(room)
        await read_body(pieces(body), first, gzipped=False, limit=LIMIT)
        waiting = asyncio.ensure_future(read_body(pieces(body), second, gzipped=False, limit=LIMIT))
        small = await read_body(pieces(b"small"), third, gzipped=False, limit=LIMIT)
        waited = not waiting.done()
        first.release()
        await waiting
        second.release()
        return waited, small

    assert asyncio.run(read_two()) == (True, b"small")
    assert used(room) == 0


def test_a_console_full_of_bodies_says_when_to_come_back(room: BodyRoom) -> None:
    """Nobody waits for ever, and who gave up leaves no trace."""

    async def fill() -> None:
        room.disk.used = room.disk.capacity
        with pytest.raises(Busy):
            await read_body(pieces(b"0" * MIDDLE), Lease(room), gzipped=False, limit=LIMIT)
        room.disk.used = 0

    asyncio.run(fill())
    assert used(room) == 0


def test_a_budget_grants_in_order_of_arrival() -> None:
    """A large wish is not passed by small ones for ever."""

    async def take() -> list[str]:
        budget, order = ByteBudget(10), list[str]()

        async def take_one(name: str, count: int) -> None:
            await budget.take(count)
            order.append(name)

        await budget.take(6)
        tasks = [asyncio.ensure_future(take_one("large", 8))]
        await asyncio.sleep(0)
        tasks.append(asyncio.ensure_future(take_one("small", 2)))
        await asyncio.sleep(0)
        budget.give_back(6)
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(take()) == ["large", "small"]


def test_who_stops_waiting_for_a_budget_lets_the_next_one_through() -> None:
    """A client that goes away holds nobody up."""

    async def take() -> int:
        budget = ByteBudget(10)
        await budget.take(6)
        with pytest.raises(TimeoutError):
            await budget.take(8, patience=0)
        return await budget.take(4, patience=0)

    assert asyncio.run(take()) == 4

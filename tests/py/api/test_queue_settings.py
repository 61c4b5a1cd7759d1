"""What the store keeps about a queue: of what was said in code, and of what was said by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from khala_jobs import JobProcessor, Queue, Retry

from .conftest import order_of_old_and_young

Make = Callable[..., JobProcessor]


@pytest.fixture
def begin(url: str, make: Make) -> Callable[..., Any]:
    """Lets a processor use the queue ``q`` for the first time, as a new process would, and closes it."""
    if url == "memory://":
        pytest.skip("nothing is left of it for another process")

    async def use(
        queue: Queue | None = None, *, by_hand: int | None = None, **options: Any
    ) -> tuple[int, dict[str, Any]]:
        jobs = make(queues=["q" if queue is None else queue], **options)

        @jobs.task(queue="q")
        async def work() -> None: ...

        await work.options(id="the only one").enqueue()
        if by_hand is not None:
            await jobs.queues.limit("q", by_hand)
        (row,) = await jobs._connection.ask("counts", "q")
        await jobs.close()
        return row["max_length"], row

    return use


async def test_a_bound_of_the_settings_goes_with_the_setting(begin: Any, make: Make) -> None:
    assert (await begin(queue_size=1))[0] == 1
    jobs = make()

    @jobs.task(queue="q")
    async def work() -> None: ...

    await work.enqueue_many([()] * 3)
    assert (await jobs.queues.stats("q"))["max_length"] == 0
    assert (await begin(queue_size=7))[0] == 7
    assert (await begin(queue_size=9))[0] == 9
    assert (await begin())[0] == 0


async def test_a_bound_that_was_set_by_hand_stays(begin: Any) -> None:
    assert (await begin(by_hand=50))[0] == 50
    assert (await begin(queue_size=7))[0] == 50
    assert (await begin(Queue("q"), queue_size=7))[0] == 50
    assert (await begin(by_hand=7))[0] == 7
    assert (await begin(queue_size=9))[0] == 7
    assert (await begin(Queue("q", max_length=8), queue_size=9))[0] == 8


async def test_a_bound_that_was_lifted_by_hand_stays_lifted(begin: Any) -> None:
    assert (await begin(queue_size=7, by_hand=0))[0] == 0
    assert (await begin(queue_size=7))[0] == 0
    assert (await begin(Queue("q"), queue_size=9))[0] == 0


async def test_a_bound_of_a_definition_goes_with_the_definition(begin: Any) -> None:
    assert (await begin(Queue("q", max_length=5), queue_size=7))[0] == 5
    assert (await begin(queue_size=7))[0] == 5  # that process knows nothing of it
    assert (await begin())[0] == 5
    assert (await begin(Queue("q"), queue_size=7))[0] == 7
    assert (await begin(Queue("q", max_length=0), queue_size=7))[0] == 0
    assert (await begin(queue_size=7))[0] == 0


async def test_what_a_definition_leaves_out_has_its_default_again(begin: Any) -> None:
    row = (await begin(Queue("q", ageing="1h", backoff=Retry.fixed(2, "1s"), keep_completed="1d")))[1]
    assert row["ageing_ms"] == 3_600_000
    assert b'"keep_ms":86400000' in row["defaults"]
    row = (await begin(queue_size=7))[1]  # no definition, which leaves nothing out
    assert row["ageing_ms"] == 3_600_000
    assert b'"keep_ms":86400000' in row["defaults"]
    row = (await begin(Queue("q", concurrency=2)))[1]
    assert (row["ageing_ms"], row["defaults"]) == (0, b"{}")


async def test_without_ageing_priority_is_strict_again(begin: Any, make: Make) -> None:
    await begin(Queue("q", ageing="1ms"))
    jobs = make(workers=1, queues=[Queue("q")])
    assert await order_of_old_and_young(jobs, "q") == ["young and higher", "old and low"]


async def test_a_number_of_jobs_at_once_leaves_the_rest_of_a_definition(make: Make) -> None:
    jobs = make(queues=[Queue("q", ageing="1h", max_length=5)])
    jobs.configure_worker(queues={"q": 3})
    assert jobs.queues.defined["q"] == Queue("q", concurrency=3, ageing="1h", max_length=5)

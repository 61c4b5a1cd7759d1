"""Testing code that uses jobs: without files, without waiting, without a worker in the background.

    from khala_jobs.testing import JobsTesting

    async def test_signup():
        async with JobsTesting(jobs) as t:
            await signup("ada@example.org")
            t.assert_enqueued(send_welcome, to="ada@example.org")
            t.clock.advance("10m")
            assert (await t.drain()).completed == 1

Inside, the `JobProcessor` works on a fresh store in memory with a clock that stands still until it is
moved. What is enqueued goes through the real engine, as JSON bytes, so what a test sees is what a worker
would get. With pytest the fixture ``jobs_testing`` gives `JobsTesting` itself. ``await perform(task, …)`` runs a
handler without any of this; ``perform.options(resources=…)`` says what it depends on.
"""

from __future__ import annotations

from .performing import Perform, perform
from .session import Drained, Enqueued, FakeClock, JobsTesting

__all__ = ["Drained", "Enqueued", "FakeClock", "JobsTesting", "Perform", "perform"]

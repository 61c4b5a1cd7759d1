"""`MemoryJobs`: the six lifecycle jobs and what they work with, as one thing to include.

    jobs.include(MemoryJobs(repository=repo, memory_service=service, summarizer=llm, embedder=model))

Including it registers the job classes and makes it the resource that they find in ``ctx.resources``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from khala_jobs.errors import InvalidArgument

from .jobs import JOB_CLASSES, LifecycleJob
from .services import MemoryServices

if TYPE_CHECKING:
    from khala_jobs.resources import Resources
    from khala_jobs.task import Tasks

__all__ = ["MemoryJobs"]


class MemoryJobs(MemoryServices):
    """The six jobs with what they work with; the arguments are those of `MemoryServices`."""

    @property
    def job_classes(self) -> tuple[type[LifecycleJob], ...]:
        """The six jobs."""
        return JOB_CLASSES

    def __iter__(self) -> Iterator[type[LifecycleJob]]:
        return iter(self.job_classes)

    def provide(self, resources: Resources) -> None:
        """Make this the resource that the jobs' handlers look for."""
        resources.provide(MemoryServices, self)
        resources.provide(MemoryJobs, self)

    def register(self, tasks: Tasks) -> None:
        """What ``jobs.include(...)`` calls: add the six jobs, and this as their resource.

        Raises:
            InvalidArgument: These tasks belong to no processor yet, so there is nowhere to put the resource.
        """
        if tasks.resources is None:
            raise InvalidArgument(
                "include", "MemoryJobs must be included in a JobProcessor, not in loose Tasks"
            )
        self.provide(tasks.resources)
        for job_class in self.job_classes:
            tasks.include(job_class)

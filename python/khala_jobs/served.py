"""Which queues the worker of a `JobProcessor` serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

from .definition import Definition
from .errors import InvalidArgument
from .options import text
from .producer import DEFAULT_QUEUE
from .queue_values import Queue
from .queues import QueueManager
from .shown import shown


class ServedQueues:
    """The queues that were named, those that were defined, and those of the tasks.

    Args:
        manager: Where `Queue` objects are defined.
        tasks: Of the processor; looked at anew each time.
    """

    def __init__(self, manager: QueueManager, tasks: Iterable[Definition]) -> None:
        self._manager, self._tasks = manager, tasks
        self._named: list[str] = []
        self._only_named = False

    def name(self, queues: Iterable[str | Queue] | Mapping[str, int], *, only: bool = False) -> None:
        """Serve these queues, and no others when `only`.

        Args:
            queues: Names, `Queue` objects, or names with how many of their jobs may run at once.
            only: Forget what was named before, and leave out what is defined elsewhere.

        Raises:
            InvalidArgument: It is one text, has something that is no name, or a limit that is wrong.
        """
        if isinstance(queues, str):
            raise InvalidArgument("queues", f"expected a list of names: write [{queues!r}]")
        if not isinstance(cast("object", queues), Iterable):
            raise InvalidArgument("queues", f"expected a list of names, got {shown(queues)}")
        if isinstance(queues, Mapping):
            queues = [self._limited(name, limit) for name, limit in queues.items()]
        self._named, self._only_named = [], only
        for queue in queues:
            if isinstance(queue, Queue):
                self._manager.define(queue)
            self._named.append(queue.name if isinstance(queue, Queue) else text(queue, "queues"))

    def _limited(self, name: str, limit: int) -> Queue:
        """What was said about a queue in this process, but for how many of its jobs may run at once."""
        defined = self._manager.defined.get(name)
        return replace(defined, concurrency=limit) if defined else Queue(name, concurrency=limit)

    def names(self) -> list[str]:
        """In the order in which they were named."""
        if self._only_named:
            return self._named
        of_tasks = (definition.options.get("queue", DEFAULT_QUEUE) for definition in self._tasks)
        return list(dict.fromkeys([*self._named, *self._manager.defined, *of_tasks, DEFAULT_QUEUE]))

    def work(self, slots: int) -> list[tuple[str, int]]:
        """Each queue with how many of its jobs may run at once, at most `slots`."""
        return [(name, self._concurrency(name, slots)) for name in self.names()]

    def _concurrency(self, queue: str, slots: int) -> int:
        defined = self._manager.defined.get(queue)
        limit = defined.concurrency if defined is not None else None
        return slots if limit is None else min(limit, slots)

"""Carrying out operations on a repository that has no transaction for them: KHALA's, for example.

Each edit is written to the journal *before* it is made, with its before-image, and marked afterwards. Edits
set absolute values, so after a crash the edits that are written down but not marked are looked at (is the
memory so already?) and made again if not. What this cannot give, other than the embedded repository, is
isolation: a reader may see a summary before its sources are archived. The order of edits makes the worst of
it harmless: a summary is created first, and its sources are archived only if that succeeded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from . import edits as log
from .asked import said
from .codec import new_memory, read_memory, write_memory
from .edits import LoggedEdit
from .journal import JournalFile
from .model import Json, Memory
from .outcome import Outcome, UndoOutcome, broken_expectation, drifted
from .plan import Edit, Operation
from .ports import BatchRepository, RepositoryPort

__all__ = ["PortTarget"]


@dataclass(slots=True)
class _Loaded:
    """A memory as the repository gave it, and as planners see it."""

    native: Any
    memory: Memory


class PortTarget:
    """Operations on any repository, with a journal beside it.

    Args:
        repository: Where the memories are.
        journal: Where edits are written down.
        batch: The repository, if it takes many updates at once.
    """

    def __init__(
        self, repository: RepositoryPort[Any], journal: JournalFile, batch: BatchRepository | None
    ) -> None:
        self._repository = repository
        self._journal = journal
        self._batch = batch

    async def apply_operations(self, run_id: str, operations: Sequence[Operation]) -> list[Outcome]:
        """Carry out operations; see `ports.PlanningRepository`."""
        ids = {edit.memory_id for op in operations for edit in op.edits}
        known = await self._journal.read(partial(log.edited_ids, run_id=run_id, ids=ids))
        loaded, failures = await self._load(
            ids | {memory_id for op in operations for memory_id in op.require}
        )
        outcomes: dict[int, Outcome] = {}
        begun: list[tuple[int, Operation, list[Edit]]] = []
        confirmed: list[str] = []  # made by an earlier attempt that did not live to mark them
        for at, op in enumerate(operations):
            todo = [edit for edit in op.edits if not _is_made(edit, known, loaded)]
            confirmed += [
                edit.memory_id for edit in op.edits if edit not in todo and not known[edit.memory_id]
            ]
            outcome = self._settled_before(op, todo, loaded, failures)
            if outcome is not None:
                outcomes[at] = outcome
            else:
                begun.append((at, op, todo))
        todos = [(op, todo) for _, op, todo in begun]
        await self._write_down(run_id, todos, loaded)
        failures = await self._make_all(todos, loaded)
        made = [edit.memory_id for _, todo in todos for edit in todo if edit.memory_id not in failures]
        await self._settle(run_id, confirmed + made, failures)
        for at, op, todo in begun:
            outcomes[at] = _failed(op, todo, failures) or Outcome(op.memory_id, "applied")
        return [outcomes[at] for at in range(len(operations))]

    @staticmethod
    def _settled_before(
        op: Operation, todo: Sequence[Edit], loaded: Mapping[str, _Loaded], failures: Mapping[str, str]
    ) -> Outcome | None:
        """What becomes of an operation that needs nothing done, or must not be done; None for the others."""
        if not todo:
            return Outcome(op.memory_id, "already")
        failed = _failed(op, todo, failures)
        if failed is not None:
            return failed
        stale = broken_expectation(replace(op, edits=tuple(todo)), partial(_memory, loaded))
        return None if stale is None else Outcome(op.memory_id, "stale", stale)

    async def undo_operations(
        self, run_id: str, now_us: int, *, after: str = "", limit: int = 500
    ) -> tuple[list[UndoOutcome], str | None]:
        """Undo a page of a run's operations; what was deleted cannot be restored and is a conflict."""
        page = await self._journal.read(
            partial(log.operations_to_undo, run_id=run_id, after=after, limit=limit)
        )
        outcomes = [await self._undo(run_id, subject, edits, now_us) for subject, edits in page]
        return outcomes, page[-1][0] if len(page) == limit else None

    async def _load(self, ids: Iterable[str]) -> tuple[dict[str, _Loaded], dict[str, str]]:
        """Those of some memories that exist; and what went wrong, by id."""
        loaded: dict[str, _Loaded] = {}
        failures: dict[str, str] = {}
        for memory_id in sorted(ids):
            try:
                native = await self._repository.get_by_id(memory_id)
                if native is not None:
                    loaded[memory_id] = _Loaded(native, read_memory(native)[0])
            except Exception as error:  # noqa: BLE001 - becomes the outcome of the operations that need it
                failures[memory_id] = said(error)
        return loaded, failures

    async def _write_down(
        self, run_id: str, todo: Sequence[tuple[Operation, Sequence[Edit]]], loaded: Mapping[str, _Loaded]
    ) -> None:
        rows = [
            LoggedEdit.of(run_id, op, edit, _before(edit, _memory(loaded, edit.memory_id)), applied=False)
            for op, edits in todo
            for edit in edits
        ]
        if rows:
            await self._journal.write(partial(log.log_edits, edits=rows))

    async def _settle(self, run_id: str, made: Sequence[str], failures: Mapping[str, str]) -> None:
        def work(connection: Any) -> None:
            log.mark_applied(connection, run_id, made)
            log.drop_intents(connection, run_id, failures)

        if made or failures:
            await self._journal.write(work)

    async def _make_all(
        self, todo: Sequence[tuple[Operation, Sequence[Edit]]], loaded: Mapping[str, _Loaded]
    ) -> dict[str, str]:
        """Make edits; returns what went wrong by memory id."""
        single = [edits[0] for _, edits in todo if len(edits) == 1 and edits[0].action == "update"]
        made_at_once = await self._make_at_once(single, loaded)
        failures: dict[str, str] = {}
        for op, edits in todo:
            for edit in edits:
                if edit.memory_id in made_at_once:
                    continue
                like = next((loaded[e.memory_id].native for e in op.edits if e.memory_id in loaded), None)
                why = await self._make(edit, loaded, like)
                if why is not None:
                    failures[edit.memory_id] = why
                    if edit.action == "create":  # its sources must not be archived into nothing
                        failures.update({e.memory_id: f"not reached: {why}" for e in edits if e is not edit})
                        break
        return failures

    async def _make_at_once(self, edits: Sequence[Edit], loaded: Mapping[str, _Loaded]) -> frozenset[str]:
        """Many updates in one call where possible; if that fails they are made one by one, to see which."""
        if self._batch is None or len(edits) < 2:
            return frozenset()
        try:
            await self._batch.update_many([write_memory(loaded[e.memory_id].native, e.values) for e in edits])
        except Exception:  # noqa: BLE001 - becomes an outcome for each edit
            return frozenset()
        return frozenset(edit.memory_id for edit in edits)

    async def _make(self, edit: Edit, loaded: Mapping[str, _Loaded], like: Any) -> str | None:
        """Make one edit; returns what went wrong."""
        try:
            if edit.action == "create":
                await self._repository.create(new_memory(Memory.from_json(edit.values), like))
            elif edit.action == "delete":
                await self._repository.delete(edit.memory_id)
            else:
                await self._repository.update(write_memory(loaded[edit.memory_id].native, edit.values))
        except Exception as error:  # noqa: BLE001 - becomes the outcome of this edit
            return said(error)
        return None

    async def _undo(self, run_id: str, subject: str, edits: Sequence[LoggedEdit], now_us: int) -> UndoOutcome:
        """Take back one operation; what an earlier undo that failed half way took back is recognised."""
        loaded, failures = await self._load(edit.memory_id for edit in edits)
        conflicts = list(failures.values())
        left = [edit for edit in edits if not _is_undone(edit, _memory(loaded, edit.memory_id))]
        if all(edit.action == "create" for edit in left):  # made memories go last: then some may be gone
            left = [edit for edit in left if edit.memory_id in loaded]
        if not conflicts:
            found = (_cannot_undo(edit, _memory(loaded, edit.memory_id)) for edit in left)
            conflicts = [why for why in found if why is not None]
        # What was made goes last, and only if everything that refers to it is as before.
        for created in (False, True):
            if not conflicts:
                steps = [edit for edit in left if (edit.action == "create") is created]
                conflicts = [
                    why for edit in steps if (why := await self._take_back(edit, loaded)) is not None
                ]
        if conflicts:
            return UndoOutcome(subject, restored=False, memories=len(edits), conflicts=tuple(conflicts))
        await self._journal.write(partial(log.mark_undone, run_id=run_id, operation=subject, now_us=now_us))
        return UndoOutcome(subject, restored=True, memories=len(edits), conflicts=())

    async def _take_back(self, edit: LoggedEdit, loaded: Mapping[str, _Loaded]) -> str | None:
        if edit.action == "create":
            reverse = Edit(edit.memory_id, "delete", {}, {})
        else:
            reverse = Edit(edit.memory_id, "update", edit.before or {}, {})
        return await self._make(reverse, loaded, None)


def _memory(loaded: Mapping[str, _Loaded], memory_id: str) -> Memory | None:
    found = loaded.get(memory_id)
    return None if found is None else found.memory


def _failed(op: Operation, todo: Sequence[Edit], failures: Mapping[str, str]) -> Outcome | None:
    """The failure of an operation, if one of its memories has one."""
    needed = [edit.memory_id for edit in todo] + list(op.require)
    why = next((failures[memory_id] for memory_id in needed if memory_id in failures), None)
    return None if why is None else Outcome(op.memory_id, "failed", why)


def _is_made(edit: Edit, known: Mapping[str, bool], loaded: Mapping[str, _Loaded]) -> bool:
    """Whether an earlier attempt made this edit; if it was only written down, the memory itself tells."""
    if edit.memory_id not in known or known[edit.memory_id]:
        return edit.memory_id in known
    present = loaded.get(edit.memory_id)
    if present is None or edit.action != "update":
        return (present is None) == (edit.action == "delete")
    ignore = _self_changing(present.memory)
    pairs = [(name, value) for name, value in edit.values.items() if name not in ignore]
    return all(present.memory.field_json(name) == value for name, value in pairs) and bool(pairs)


def _self_changing(memory: Memory) -> frozenset[str]:
    """Fields that tell nothing: KHALA's repository writes its own time of update and gives no decay score back."""
    return frozenset({"updated_us", "decay_score"} if memory.decay_score is None else {"updated_us"})


def _cannot_undo(edit: LoggedEdit, memory: Memory | None) -> str | None:
    if edit.action == "delete":
        return f"{edit.memory_id} was deleted, and this repository keeps no image of it"
    return drifted(edit, memory, frozenset() if memory is None else _self_changing(memory))


def _is_undone(edit: LoggedEdit, memory: Memory | None) -> bool:
    """Whether a memory is as it was before an update, and not as after it."""
    if edit.action != "update" or memory is None or _cannot_undo(edit, memory) is None:
        return False
    ignore = _self_changing(memory)
    pairs = [(name, value) for name, value in (edit.before or {}).items() if name not in ignore]
    return bool(pairs) and all(memory.field_json(name) == value for name, value in pairs)


def _before(edit: Edit, memory: Memory | None) -> dict[str, Json] | None:
    """The before-image of an edit; of a deletion only that there was something (see the class)."""
    if edit.action != "update" or memory is None:
        return None
    return {name: memory.field_json(name) for name in edit.values}

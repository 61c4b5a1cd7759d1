"""Promotion scores of a memory service, memory by memory."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from .asked import Unanswered, ask
from .codec import view_of, write_memory
from .frame import FloatColumn, Frame
from .load import Page
from .model import Tier
from .plan import Issue, Plan
from .planners import promotable
from .ports import MemoryServicePort

__all__ = ["ServiceScores"]


class ServiceScores:
    """The fact ``promotion_score`` of a page, for `planners.plan_promotion`.

    Args:
        service: Gives the scores.
        page: Whose memories the frames that come are made of.
        as_of_us: For the ages of the views.
    """

    def __init__(self, service: MemoryServicePort, page: Page, as_of_us: int) -> None:
        self._service, self._page, self._as_of_us = service, page, as_of_us
        self._failed: dict[str, Issue] = {}

    def __call__(self, frame: Frame) -> FloatColumn:
        """Scores of the memories that can be promoted; NaN for the others and where there is none."""
        scores = np.full(len(frame), np.nan)
        for row in np.flatnonzero(promotable(frame)).tolist():
            memory_id = frame.ids[row]
            if memory_id in self._failed:
                continue
            score = ask(partial(self._score, row, frame.tier_of(row)))
            if isinstance(score, Unanswered):
                field = "memory_service.calculate_promotion_score"
                self._failed[memory_id] = Issue(memory_id, field, score.reason)
            else:
                scores[row] = score
        return scores

    def settle(self, plan: Plan) -> Plan:
        """The plan without memories that could not be scored: a rule that exempts them may have needed it."""
        kept = tuple(op for op in plan if op.memory_id not in self._failed)
        return replace(plan, operations=kept, issues=(*plan.issues, *self._failed.values()))

    def _score(self, row: int, tier: Tier) -> float:
        """Of a memory in the tier that the promotions found so far have brought it to."""
        native, memory = self._page.natives[row], self._page.memories[row]
        shown = native if tier == memory.tier else write_memory(native, {"tier": str(tier)})
        view = view_of(shown, replace(memory, tier=tier), self._as_of_us)
        score = float(self._service.calculate_promotion_score(view))
        if math.isnan(score):
            raise ValueError("NaN is no score")
        return score

"""The memory lifecycle: decay, promotion, archival, deduplication, consolidation and cleanup.

    repository -> pages -> columns (frame.py) -> rules, join, clusters -> plan (plan.py) -> report (dry run)
                                                                                         -> apply -> report

Rules that everything here keeps:

* **Plans are pure.** What to change is decided by functions of columns, a policy and a clock reading; only
  apply.py, target.py and the repository change anything.
* **Nothing is compared across users**, nor across scopes, embedding models or dimensions within a user.
* **Nothing is lost**: merging and archiving hide and keep; every change has its before-image and can be
  undone; only the cleanup job deletes, after a grace period. Summaries keep every number, date, URL,
  identifier and name.
* **A cosine alone never merges**: a guard judges each pair, and what it does not call a duplicate goes to
  people.
* **Runs converge and resume**: a second run on unchanged data plans nothing; a run killed anywhere is
  finished by its next attempt and ends as if it had not been killed.

What is deliberately not here: the job engine (jobs.py is the only module that knows it) and language models
(a port).
"""

from __future__ import annotations

from .apply import Applied, UndoReport, apply_plan, undo_run
from .codec import MemoryView, read_memory, write_memory
from .consolidation import Cluster, find_clusters, plan_consolidation
from .deduplication import plan_deduplication
from .facts import complete, facts_of, lost_sentences
from .frame import Frame, frame_of
from .guard import Verdict, judge, judge_many
from .io import BadRecord, MemoryInput, import_memories
from .jobs import (
    ArchivalJob,
    CleanupJob,
    ConsolidationJob,
    DecayScoringJob,
    DeduplicationJob,
    PromotionJob,
)
from .join import JoinSettings
from .journal import SqliteJournal
from .judging import Judge
from .memory_jobs import MemoryJobs
from .model import BadMemory, Memory, Tier
from .plan import Operation, Plan, ReviewPair
from .planners import plan_archival, plan_cleanup, plan_decay, plan_promotion
from .policy import CleanupPolicy, ConsolidationPolicy, DecayPolicy, DeduplicationPolicy, RulePolicy
from .ports import (
    LifecycleServicePort,
    MemoryPort,
    MemoryServicePort,
    RepositoryPort,
    TemporalServicePort,
    capabilities,
)
from .presets import archival_policy, decay_policy, promotion_policy
from .report import Report, stored_report
from .repository_sqlite import SqliteMemoryRepository
from .summary import ExtractiveSummarizer, Summarizer

__all__ = [
    "Applied",
    "ArchivalJob",
    "BadMemory",
    "BadRecord",
    "CleanupJob",
    "CleanupPolicy",
    "Cluster",
    "ConsolidationJob",
    "ConsolidationPolicy",
    "DecayPolicy",
    "DecayScoringJob",
    "DeduplicationJob",
    "DeduplicationPolicy",
    "ExtractiveSummarizer",
    "Frame",
    "JoinSettings",
    "Judge",
    "LifecycleServicePort",
    "Memory",
    "MemoryInput",
    "MemoryJobs",
    "MemoryPort",
    "MemoryServicePort",
    "MemoryView",
    "Operation",
    "Plan",
    "PromotionJob",
    "Report",
    "RepositoryPort",
    "ReviewPair",
    "RulePolicy",
    "SqliteJournal",
    "SqliteMemoryRepository",
    "Summarizer",
    "TemporalServicePort",
    "Tier",
    "UndoReport",
    "Verdict",
    "apply_plan",
    "archival_policy",
    "capabilities",
    "complete",
    "decay_policy",
    "facts_of",
    "find_clusters",
    "frame_of",
    "import_memories",
    "judge",
    "judge_many",
    "lost_sentences",
    "plan_archival",
    "plan_cleanup",
    "plan_consolidation",
    "plan_decay",
    "plan_deduplication",
    "plan_promotion",
    "promotion_policy",
    "read_memory",
    "stored_report",
    "undo_run",
    "write_memory",
]

"""Deduplication by calibrated thresholds, and its warnings where there are none."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from khala_jobs.errors import InvalidArgument
from khala_jobs.memory.deduplication import plan_deduplication
from khala_jobs.memory.frame import frame_of
from khala_jobs.memory.jobs import DeduplicationJob
from khala_jobs.memory.policy import DeduplicationPolicy
from khala_jobs.similarity import CalibrationStore, LabelledPairs, calibrate, random_pair_quantiles


@pytest.fixture
def store(tmp_path: Path) -> CalibrationStore:
    """Model "sharp" is calibrated to about .99, model "dull" to about .8."""
    made = CalibrationStore(tmp_path / "calibration.json")
    for model, top in (("sharp", 0.99), ("dull", 0.8)):
        scores = np.linspace(0, top, 1000)
        made.put(calibrate(LabelledPairs(scores, np.zeros(1000, np.bool_)), model, false_merge_rate=0.005))
    return made


def pair(lab: Any, model: str | None, cosine: float, name: str = "") -> list[Any]:
    """Two memories at that cosine."""
    angle = float(np.arccos(cosine))
    return [
        lab.memory(
            f"{name or model}-1", f"{model} one", embedding=lab.unit(0.0), model_id=model, age_days=2.0
        ),
        lab.memory(f"{name or model}-2", f"{model} two", embedding=lab.unit(angle), model_id=model),
    ]


async def run(lab: Any, repository: Any, job: DeduplicationJob, **options: Any) -> dict[str, Any]:
    return await job.run(lab.context(lab.jobs(repository, **options)))


async def test_each_model_has_its_own_threshold(lab: Any, repository: Any, store: CalibrationStore) -> None:
    await repository.create_many([*pair(lab, "sharp", 0.95), *pair(lab, "dull", 0.85)])
    stated = await run(lab, repository, DeduplicationJob(threshold=0.9, dry_run=True), calibration=store)
    assert [merge["duplicate"] for merge in stated["merged"]] == ["sharp-2"]
    calibrated = await run(lab, repository, DeduplicationJob(threshold="calibrated"), calibration=store.path)
    assert [merge["duplicate"] for merge in calibrated["merged"]] == ["dull-2"]
    assert calibrated["warnings"] == []
    assert calibrated["settings"]["threshold"] == "calibrated"


async def test_without_a_calibration_it_warns(lab: Any, repository: Any, caplog: Any) -> None:
    await repository.create_many([*pair(lab, "m", 0.99), *pair(lab, None, 0.5)])
    with caplog.at_level(logging.WARNING, "khala_jobs.memory.units"):
        report = await run(lab, repository, DeduplicationJob(run_id="r"))
    assert report["counts"]["merged"] == 1
    unknown = (
        "is not calibrated: how many of the pairs at cosine 0.95 and above mean different things is unknown"
    )
    assert report["warnings"] == [
        f"the embedding model that nobody named {unknown}",
        f"embedding model 'm' {unknown}",
    ]
    assert [record.getMessage() for record in caplog.records] == [
        f"memory.deduplication: {warning}" for warning in report["warnings"]
    ]
    assert (await lab.jobs(repository).report("r"))["warnings"] == report["warnings"]


async def test_texts_alone_need_no_calibration(lab: Any, repository: Any) -> None:
    await repository.create_many(pair(lab, "m", 0.99))
    for job in (DeduplicationJob(semantic=False), DeduplicationJob(semantic=False, threshold="calibrated")):
        assert (await run(lab, repository, job))["warnings"] == []


async def test_without_a_calibration_the_calibrated_one_cannot_be_used(
    lab: Any, repository: Any, store: CalibrationStore
) -> None:
    await repository.create_many([*pair(lab, "new", 0.99), *pair(lab, "dull", 0.99)])
    for calibration in (store, None):
        report = await run(lab, repository, DeduplicationJob(threshold="calibrated"), calibration=calibration)
        assert report["counts"]["merged"] == 0
        (error,) = report["errors"]
        assert error["field"] == "threshold"
        assert "has no calibration; calibrate it, or state a threshold instead" in error["reason"]


async def test_a_lower_threshold_than_calibrated_warns(
    lab: Any, repository: Any, store: CalibrationStore
) -> None:
    await repository.create_many(pair(lab, "sharp", 0.99))
    low = await run(lab, repository, DeduplicationJob(threshold=0.9, dry_run=True), calibration=store)
    (warning,) = low["warnings"]
    assert "threshold 0.9 is below the 0.98" in warning
    high = await run(lab, repository, DeduplicationJob(threshold=0.999, dry_run=True), calibration=store)
    assert high["warnings"] == []


async def test_drifted_vectors_warn(lab: Any, repository: Any, store: CalibrationStore) -> None:
    rng = np.random.default_rng(1)
    before = rng.normal(size=(600, 32)).astype(np.float32)
    store.put(replace(store.get("sharp"), baseline=random_pair_quantiles(before)))  # type: ignore[type-var]
    await repository.create_many(
        [
            lab.memory(f"m{n:03}", f"text {n}", embedding=row, model_id="sharp")
            for n, row in enumerate((rng.normal(size=(300, 32)) + 1.0).astype(np.float32))
        ]
    )
    report = await run(
        lab, repository, DeduplicationJob(threshold="calibrated", dry_run=True), calibration=store
    )
    (warning,) = report["warnings"]
    assert "vectors of embedding model 'sharp' have drifted since its calibration" in warning


def test_a_plan_by_calibrated_thresholds_needs_them(lab: Any, kernels: Any) -> None:
    policy = DeduplicationPolicy("calibrated")
    with pytest.raises(InvalidArgument, match="the policy asks for calibrated ones"):
        plan_deduplication(frame_of(pair(lab, "m", 0.99)), policy, lab.now_us, kernels, lab.agree)
    with pytest.raises(InvalidArgument):
        DeduplicationPolicy("best")  # type: ignore[arg-type]

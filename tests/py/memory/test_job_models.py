"""The jobs and the models they may be given: embedders and summarizers that work, fail or lie."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from khala_jobs.memory.jobs import (
    ConsolidationJob,
    DeduplicationJob,
)

from .lifecycle_kit import changed, in_order, run

# What a broken embedder of dimension 8 may answer for n texts: no vectors, one too few, zeros, no list at all, vectors
# of another dimension, of a dimension each.
USELESS: Any = [
    lambda count: None,
    lambda count: np.ones((count - 1, 8)),
    lambda count: np.zeros((count, 8)),
    np.ones,
    lambda count: np.ones((count, 7)),
    lambda count: [np.ones(n + 1) for n in range(count)],
]


class TestEmbedder:
    async def test_vectors_for_memories_without_one(self, repository: Any, lab: Any) -> None:
        texts = {"a": "one text", "b": "One text", "c": "else", "d": "  "}
        await repository.create_many([lab.memory(name, text) for name, text in texts.items()])

        class Same(lab.HashEmbedder):
            def embed(self, texts: Any, progress: object = None) -> Any:
                return super().embed([text.lower() for text in texts])

        before = await lab.everything(repository)
        report = await run(lab, lab.jobs(repository, embedder=Same()), DeduplicationJob(dry_run=True))
        assert changed(report) == {"merged": 1}
        assert report["counts"]["embedded"] == 3
        assert await lab.everything(repository) == before

    async def test_a_failing_embedder_is_an_error_not_the_end(self, repository: Any, lab: Any) -> None:
        class Broken(lab.HashEmbedder):
            def embed(self, texts: Any, progress: object = None) -> Any:
                raise RuntimeError("no model")

        await repository.create_many([lab.memory("a", "same"), lab.memory("b", "same")])
        report = await run(lab, lab.jobs(repository, embedder=Broken()), DeduplicationJob())
        assert report["errors"] == [
            {"where": "a", "field": "embedder", "reason": "2 memories: RuntimeError: no model"}
        ]
        assert changed(report) == {"merged": 1}

    async def test_a_summary_is_embedded_by_the_model_of_its_sources(self, repository: Any, lab: Any) -> None:
        embedder = lab.HashEmbedder()
        rows = [
            lab.memory(n, f"Text {n}.", tier="short_term", embedding=[1.0] * 8, model_id="hash-8")
            for n in "ab"
        ]
        rows += [
            lab.memory(n, f"Text {n}.", tier="short_term", embedding=[1.0] * 8, model_id="other")
            for n in "cd"
        ]
        await repository.create_many(rows)
        await run(lab, lab.jobs(repository, embedder=embedder), ConsolidationJob())
        made = {m.model_id: m for m in await repository.list_page() if m.consolidated_from}
        assert made["hash-8"].metadata == {"embedding_source": "model"}
        assert (
            made["hash-8"].embedding.tolist()
            == lab.HashEmbedder().embed([made["hash-8"].content])[0].tolist()
        )
        assert made["other"].metadata == {"embedding_source": "mean of the sources"}
        assert embedder.texts == [made["hash-8"].content]

    @pytest.mark.parametrize("answer", USELESS)
    async def test_useless_vectors_are_an_error_not_the_end(
        self, repository: Any, lab: Any, answer: Any
    ) -> None:
        class Useless(lab.HashEmbedder):
            def embed(self, texts: Any, progress: object = None) -> Any:
                return answer(len(texts))

        await repository.create_many([lab.memory("a", "same"), lab.memory("b", "same")])
        report = await run(lab, lab.jobs(repository, embedder=Useless()), DeduplicationJob())
        assert [(error["where"], error["field"]) for error in report["errors"]] == [("a", "embedder")]
        assert changed(report) == {"merged": 1}

    @pytest.mark.parametrize("known", [True, False])
    async def test_vectors_of_many_dimensions_keep_no_equal_texts_apart(
        self, repository: Any, lab: Any, known: bool
    ) -> None:
        class Varying:
            model_id = "varying"

            def embed(self, texts: Any, progress: object = None) -> Any:
                return [np.ones(n + 1) for n in range(len(texts))]

        embedder = Varying()
        if known:
            embedder.dim = 3
        texts = {"a1": "one", "a2": "other", "b1": "one", "b2": "other"}
        await repository.create_many([lab.memory(name, text) for name, text in texts.items()])
        report = await run(lab, lab.jobs(repository, embedder=embedder), DeduplicationJob())
        assert changed(report) == {"merged": 2}
        assert report["counts"]["embedded"] == 0
        (error,) = report["errors"]
        assert error["reason"].startswith("4 memories: InvalidArgument: embedder: gave a vector of ")

    @pytest.mark.parametrize("answer", [None, *USELESS])
    async def test_if_that_fails_it_gets_the_mean(self, repository: Any, lab: Any, answer: Any) -> None:
        class Broken(lab.HashEmbedder):
            def embed(self, texts: Any, progress: object = None) -> Any:
                if answer is None:
                    raise RuntimeError("no model")
                return answer(len(texts))

        rows = [lab.memory(n, tier="short_term", embedding=[1.0] * 8, model_id="hash-8") for n in "ab"]
        await repository.create_many(rows)
        await run(lab, lab.jobs(repository, embedder=Broken()), ConsolidationJob())
        (made,) = [m for m in await repository.list_page() if m.consolidated_from]
        assert made.metadata == {"embedding_source": "mean of the sources"}


class Writer:
    """A summarizer that keeps count and can fail."""

    def __init__(self, fails_on: str = "") -> None:
        self.asked: list[list[str]] = []
        self.fails_on = fails_on

    async def summarize(self, contents: Any) -> Any:
        self.asked.append(list(contents))
        await asyncio.sleep(0)
        if self.fails_on and any(self.fails_on in text for text in contents):
            raise RuntimeError("the model is out")
        return "A summary."


class TestSummarizer:
    def rows(self, lab: Any) -> list[Any]:
        return [
            lab.memory(
                f"{n}{k}", f"{n} has port {k}.", tier="short_term", embedding=lab.unit(angle + 0.01 * k)
            )
            for n, angle in (("x", 0.0), ("y", 1.5))
            for k in (1, 2)
        ]

    async def test_its_text_is_completed(self, repository: Any, lab: Any) -> None:
        await repository.create_many(self.rows(lab))
        report = await run(lab, lab.jobs(repository, summarizer=Writer()), ConsolidationJob())
        assert changed(report) == {"consolidated": 2}
        assert report["consolidated"][0]["content"].startswith("A summary.\n")
        contents = {m.content for m in await repository.list_page() if m.consolidated_from}
        assert contents == {
            "A summary.\nx has port 1.\nx has port 2.",
            "A summary.\ny has port 1.\ny has port 2.",
        }

    async def test_one_failure_leaves_that_cluster_alone(self, repository: Any, lab: Any) -> None:
        await repository.create_many(self.rows(lab))
        report = await run(lab, lab.jobs(repository, summarizer=Writer("x has")), ConsolidationJob())
        assert changed(report) == {"consolidated": 1}
        assert report["errors"][0]["reason"] == "RuntimeError: the model is out (2 memories left as they are)"
        assert not (await repository.get_by_id("x1")).archived

    @pytest.mark.parametrize("text", ["", "  ", None, 5])
    async def test_no_text_is_a_failure(self, repository: Any, lab: Any, text: Any) -> None:
        class Silent:
            async def summarize(self, contents: Any) -> Any:
                return text

        await repository.create_many(self.rows(lab))
        report = await run(lab, lab.jobs(repository, summarizer=Silent()), ConsolidationJob())
        assert changed(report) == {}
        assert report["failures"] == 2
        assert "returned no text" in report["errors"][0]["reason"]

    async def test_a_report_that_is_too_large_for_a_result_is_cut_and_says_so(
        self, repository: Any, lab: Any
    ) -> None:
        class Verbose:
            async def summarize(self, contents: Any) -> Any:
                return "so much to say " * 50_000

        await repository.create_many(self.rows(lab))
        jobs = lab.jobs(repository, summarizer=Verbose())
        report = await run(lab, jobs, ConsolidationJob())
        assert report["counts"]["consolidated"] == 2
        assert [(cut["what"], cut["kept"], cut["total"]) for cut in report["truncated"]] == [
            ("consolidated", 1, 2)
        ]
        assert len((await jobs.report(report["run_id"]))["consolidated"]) == 2

    async def test_half_a_character_is_a_failure_of_its_cluster(self, repository: Any, lab: Any) -> None:
        class CutOff:
            async def summarize(self, contents: Any) -> Any:
                return "cut \ud83d" if contents[0].startswith("x") else "whole"

        await repository.create_many(self.rows(lab))
        report = await run(lab, lab.jobs(repository, summarizer=CutOff()), ConsolidationJob())
        assert changed(report) == {"consolidated": 1}
        assert "UnicodeEncodeError" in report["errors"][0]["reason"]

    async def test_a_dry_run_asks_nobody(self, repository: Any, lab: Any) -> None:
        await repository.create_many(self.rows(lab))
        writer = Writer()
        report = await run(lab, lab.jobs(repository, summarizer=writer), ConsolidationJob(dry_run=True))
        assert writer.asked == []
        wet = await run(lab, lab.jobs(repository, summarizer=writer), ConsolidationJob())
        assert report["counts"]["consolidated"] == report["counts"]["clusters"] == 2
        unknown = {"content": None, "appended": None}
        expected = [{**entry, **unknown} for entry in wet["consolidated"]]
        assert sorted(report["consolidated"], key=in_order) == sorted(expected, key=in_order)

    async def test_a_dry_run_asks_the_summarizer_of_the_project(self, repository: Any, lab: Any) -> None:
        await repository.create_many(self.rows(lab))
        embedder = lab.HashEmbedder()
        dry = await run(lab, lab.jobs(repository, embedder=embedder), ConsolidationJob(dry_run=True))
        wet = await run(lab, lab.jobs(repository, embedder=embedder), ConsolidationJob())
        assert all(entry["content"] for entry in dry["consolidated"])
        assert dry["plan_hash"] == wet["plan_hash"]

    async def test_summaries_paid_for_are_not_paid_for_again(self, repository: Any, lab: Any) -> None:
        await repository.create_many(self.rows(lab))
        stored = asyncio.Event()
        save_draft = repository.save_draft

        async def save(*arguments: Any) -> None:
            await save_draft(*arguments)
            stored.set()

        class Hanging(Writer):
            async def summarize(self, contents: Any) -> Any:
                if "y has" in contents[0]:
                    await asyncio.Event().wait()
                return await super().summarize(contents)

        repository.save_draft = save
        hanging = lab.jobs(repository, summarizer=Hanging())
        first = asyncio.create_task(run(lab, hanging, ConsolidationJob(run_id="r")))
        async with asyncio.timeout(60):
            await stored.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = Writer()
        report = await run(lab, lab.jobs(repository, summarizer=second), ConsolidationJob(run_id="r"))
        assert changed(report) == {"consolidated": 2}
        assert [contents[0][0] for contents in second.asked] == ["y"]


async def test_summaries_of_other_models_are_not_embedded(repository: Any, lab: Any) -> None:
    rows = [lab.memory(n, tier="short_term", embedding=[1.0] * 8, model_id="other") for n in "ab"]
    await repository.create_many(rows)
    embedder = lab.HashEmbedder()
    await run(lab, lab.jobs(repository, embedder=embedder), ConsolidationJob())
    assert embedder.texts == []


async def test_a_failing_embedder_while_consolidating_is_said(repository: Any, lab: Any) -> None:
    class Broken(lab.HashEmbedder):
        def embed(self, texts: Any, progress: object = None) -> Any:
            raise RuntimeError("no model")

    await repository.create(lab.memory("a", tier="short_term"))
    report = await run(lab, lab.jobs(repository, embedder=Broken()), ConsolidationJob())
    assert report["errors"][0]["reason"] == "1 memories: RuntimeError: no model"

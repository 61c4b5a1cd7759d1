from __future__ import annotations

from typing import Any

import pytest

from khala_jobs import InvalidArgument, JobProcessor
from khala_jobs.settings import check_url, load


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("BG_JOBS_"):
            monkeypatch.delenv(name)


def test_defaults() -> None:
    settings = load()
    assert (settings.url, settings.max_concurrent, settings.enabled) == ("sqlite:///khala_jobs.db", 4, True)
    assert (settings.queue_size, settings.history_retention, settings.lease) == (0, 30, 15)


def test_the_environment_fills_what_code_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "URL": "memory://",
        "ENABLED": "false",
        "MAX_CONCURRENT": "7",
        "QUEUE_SIZE": "100",
        "HISTORY_RETENTION": "3",
        "LEASE": "20s",
        "GRACE": "1m",
        "LOG_RATE": "5",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"BG_JOBS_{name}", value)
    jobs = JobProcessor()
    settings = jobs.settings
    assert (jobs.url, settings.enabled, settings.max_concurrent) == ("memory://", False, 7)
    assert (settings.queue_size, settings.history_retention) == (100, 3)
    assert (settings.lease, settings.grace, settings.log_rate) == (20, 60, 5)
    assert JobProcessor("sqlite:///other.db", workers=2).settings.max_concurrent == 2
    assert JobProcessor("sqlite:///other.db").url == "sqlite:///other.db"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("BG_JOBS_MAX_CONCURENT", "5", ["BG_JOBS_MAX_CONCURENT", "did you mean BG_JOBS_MAX_CONCURRENT"]),
        ("BG_JOBS_URI", "memory://", ["BG_JOBS_URI", "did you mean BG_JOBS_URL"]),
        ("BG_JOBS_XYZZY", "1", ["BG_JOBS_XYZZY", "no setting"]),
        ("BG_JOBS_MAX_CONCURRENT", "many", ["BG_JOBS_MAX_CONCURRENT", "many"]),
        ("BG_JOBS_MAX_CONCURRENT", "0", ["BG_JOBS_MAX_CONCURRENT", "greater than or equal to 1"]),
        ("BG_JOBS_QUEUE_SIZE", "9" * 23, ["BG_JOBS_QUEUE_SIZE", "less than or equal to 2147483647"]),
        ("BG_JOBS_LOG_RATE", "9" * 400, ["BG_JOBS_LOG_RATE", "less than or equal to 2147483647"]),
        ("BG_JOBS_MAX_CONCURRENT", "9" * 23, ["BG_JOBS_MAX_CONCURRENT", "less than or equal to 10000"]),
        ("BG_JOBS_MAX_CRASHES", "9" * 23, ["BG_JOBS_MAX_CRASHES", "less than or equal to 100"]),
        ("BG_JOBS_WORKERS", "3", ["BG_JOBS_WORKERS", "did you mean BG_JOBS_MAX_CONCURRENT?"]),
        ("BG_JOBS_RETENTION", "3", ["BG_JOBS_RETENTION", "did you mean BG_JOBS_HISTORY_RETENTION?"]),
        ("BG_JOBS_GRACE", "-1", ["BG_JOBS_GRACE", "-1.0 is negative"]),
        ("BG_JOBS_GRACE", "-5m", ["BG_JOBS_GRACE", "'-5m' is negative"]),
        ("BG_JOBS_HISTORY_RETENTION", "-1d", ["BG_JOBS_HISTORY_RETENTION", "'-1d' is negative"]),
        ("BG_JOBS_HISTORY_RETENTION", "-1", ["BG_JOBS_HISTORY_RETENTION", "greater than or equal to 0"]),
        ("BG_JOBS_HISTORY_RETENTION", "7 years", ["BG_JOBS_HISTORY_RETENTION", "'7 years' is no duration"]),
        ("BG_JOBS_LEASE", "long", ["BG_JOBS_LEASE", "long"]),
        ("BG_JOBS_LEASE", "0.01", ["BG_JOBS_LEASE", "0.3"]),
        ("BG_JOBS_URL", "sqlit:///x.db", ["BG_JOBS_URL", "did you mean sqlite"]),
        ("BG_JOBS_SUSPECTS", "all", ["BG_JOBS_SUSPECTS", "none"]),
    ],
)
def test_a_wrong_variable_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: list[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidArgument) as caught:
        JobProcessor()
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text


def test_variables_of_what_is_not_there_yet_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BG_JOBS_SCHEDULER_INTERVAL", "60")
    with pytest.warns(UserWarning, match="no scheduler in this version"):
        load()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("jobs.db", "sqlite:///jobs.db"),
        ("sqlite://jobs.db", "lacks a slash"),
        ("sqlite://", "lacks a slash"),
        ("sqllite:///jobs.db", "did you mean sqlite"),
        ("memroy://", "did you mean memory"),
        ("reddis://localhost:6379/1", "did you mean redis"),
        ("postgresql://x", "no store for postgresql"),
        ("", "no URL"),
        ("sqlite:////path/x.db#frag", "write %23"),
        ("sqlite:///C#/x.db?synchronous=normal", "write %23"),
    ],
)
def test_a_wrong_url_says_what_to_write(url: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words) as caught:
        check_url(url)
    assert caught.value.field == "url"
    with pytest.raises(InvalidArgument):
        JobProcessor(url)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"workers": 0}, "workers"),
        ({"workers": "many"}, "workers"),
        ({"retention": "20y"}, "retention"),
        ({"retention": 3650 * 86_400 + 1}, "retention"),
        ({"lease": "long"}, "lease"),
        ({"grace": -1}, "grace"),
        ({"retention": "for ever"}, "retention"),
        ({"queue_size": -1}, "queue_size"),
        ({"queue_size": 2**31}, "queue_size"),
        ({"log_rate": 10**400}, "log_rate"),
        ({"queues": {"mail": 10**30}}, "queue mail: concurrency"),
        ({"retry": "often"}, "retry"),
        ({"queues": "mail"}, "queues"),
        ({"timeout": []}, "timeout"),
    ],
)
def test_wrong_arguments_are_refused_by_name(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        JobProcessor("memory://", **arguments)
    assert caught.value.field == field


def test_retention_is_a_duration_in_code() -> None:
    assert JobProcessor("memory://", retention="12h").settings.history_retention == 0.5
    assert JobProcessor("memory://", retention=86_400).settings.history_retention == 1


@pytest.mark.parametrize(
    ("text", "days"), [("7d", 7), ("12h", 0.5), ("1w", 7), ("3", 3), ("0.5", 0.5), (" 3 ", 3), ("0", 0)]
)
def test_retention_in_the_environment_is_days_or_has_a_unit(
    monkeypatch: pytest.MonkeyPatch, text: str, days: float
) -> None:
    monkeypatch.setenv("BG_JOBS_HISTORY_RETENTION", text)
    assert load().history_retention == days


def test_a_worker_is_configured_before_it_runs() -> None:
    jobs = JobProcessor("memory://")
    jobs.configure_worker(url="sqlite:///x.db", workers=9, suspects="only", supervised_fd=5)
    assert (jobs.url, jobs.settings.max_concurrent, jobs.settings.suspects) == ("sqlite:///x.db", 9, "only")
    with pytest.raises(InvalidArgument):
        jobs.configure_worker(url="x.db")
    for wrong in ({"workers": 0}, {"workers": 10**30}, {"workers": "many"}, {"suspects": "all"}):
        with pytest.raises(InvalidArgument) as caught:
            jobs.configure_worker(**wrong)  # type: ignore[arg-type]
        assert caught.value.field in wrong
    assert (jobs.settings.max_concurrent, jobs.settings.suspects) == (9, "only")


def test_a_worker_is_configured_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = JobProcessor("memory://", lease=20)
    monkeypatch.setenv("BG_JOBS_LEASE", "50")
    jobs.configure_worker(workers=3)
    assert (jobs.settings.max_concurrent, jobs.settings.lease) == (3, 20)


@pytest.mark.parametrize("url", ["sqlite:///a\x00.db", "sqlite:///\udcff.db", "redis://host\n/1"])
def test_a_url_with_what_no_name_has_is_refused_for_that(url: str) -> None:
    with pytest.raises(InvalidArgument, match="has a character that no file name") as caught:
        JobProcessor(url)
    assert caught.value.field == "url"


@pytest.mark.parametrize("queues", [5, None])
def test_queues_that_are_no_list_are_refused(queues: Any) -> None:
    with pytest.raises(InvalidArgument, match="queues: expected a list of names"):
        JobProcessor("memory://", queues=queues)

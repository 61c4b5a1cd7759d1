"""Producing, asking and managing through the bare engine, on both stores."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from engine_caller import CANCEL, DONE, FAIL, RELEASE, RETRY, SNOOZE, Caller, core

from khala_jobs.errors import Closed, InvalidArgument, NotFound


def test_a_job_from_enqueue_to_result(caller: Caller) -> None:
    (job_id,) = caller.enqueue(b'["m1"]', priority=8, correlation_id="c1", headers=b'{"a":"b"}')
    caller.work()
    lease = caller.lease()
    assert (lease.id, lease.queue, lease.task, lease.payload) == (job_id, "q", "t", b'["m1"]')
    assert (lease.priority, lease.correlation_id, lease.headers) == (8, "c1", b'{"a":"b"}')
    assert (lease.attempt, lease.failures, lease.crashes, lease.suspect) == (1, 0, 0, False)
    assert lease.fence > 0
    assert 0 < lease.enqueued_at <= lease.started_at
    assert job_id in repr(lease)
    assert lease.start()
    assert not lease.start()
    ticket = 900
    caller.engine.watch(caller.port, ticket, [job_id])
    caller.engine.settle([(lease, DONE, b'{"topics":3}', None)])
    row = caller.reply(ticket)
    assert (row["state"], row["result"], row["attempt"]) == ("completed", b'{"topics":3}', 1)
    assert row == caller.row(job_id) | {"history": []}
    assert caller.row(job_id)["history"][0]["outcome"] == "completed"


def test_every_outcome(caller: Caller) -> None:
    retry = '{"kind":"fixed","max":5,"base_ms":60000}'
    ids = caller.enqueue(
        *[b"[]"] * 6, ids=["done", "fail", "retry", "snooze", "cancel", "release"], retry=retry
    )
    caller.work(6)
    outcomes: dict[str, tuple[Any, ...]] = {
        "done": (DONE, b"null", None),
        "fail": (FAIL, (["ValueError", "Exception"], b'{"type":"ValueError"}'), False),
        "retry": (RETRY, 120_000, "rate limited"),
        "snooze": (SNOOZE, 60_000, "not yet"),
        "cancel": (CANCEL, "nothing to do", None),
        "release": (RELEASE, "shutting down", None),
    }
    leases = [caller.started() for _ in ids]
    caller.engine.pause_claims()
    caller.engine.settle([(lease, *outcomes[lease.id], 7) for lease in leases])
    states = {job_id: caller.row(job_id) for job_id in ids}
    assert {job_id: row["state"] for job_id, row in states.items()} == {
        "done": "completed",
        "fail": "scheduled",
        "retry": "scheduled",
        "snooze": "scheduled",
        "cancel": "cancelled",
        "release": "ready",
    }
    assert [states[name]["failures"] for name in ("fail", "retry", "snooze")] == [1, 1, 0]
    assert states["snooze"]["attempt"] == 0
    assert json.loads(states["fail"]["error"])["type"] == "ValueError"
    assert states["done"]["history"][0]["cpu_ms"] == 7
    assert caller.engine.stats["settles"] == 6


@pytest.mark.parametrize(
    ("outcome", "field"),
    [
        ((DONE, b"{", None), "outcomes[1].result"),
        ((DONE, "text", None), "outcomes[1].result"),
        ((DONE, b'"' + b"x" * (1 << 20) + b'"', None), "outcomes[1].result"),
        ((FAIL, b"{}", False), "outcomes[1].error"),
        ((FAIL, (["E"], b"nonsense"), False), "outcomes[1].error"),
        ((FAIL, ([1], b"{}"), False), "outcomes[1].error"),
        ((FAIL, (["E"], b'"' + b"x" * (1 << 14) + b'"'), False), "outcomes[1].error"),
        ((RETRY, "soon", ""), "outcomes[1].delay_ms"),
        ((RETRY, -2, ""), "outcomes[1].delay_ms"),
        ((RETRY, 2**70, ""), "outcomes[1].delay_ms"),
        ((SNOOZE, -1, ""), "outcomes[1].delay_ms"),
        ((SNOOZE, 1, "x" * 2000), "outcomes[1].reason"),
        ((CANCEL, "\ud800", None), "outcomes[1].reason"),
        ((RELEASE, "x" * 2000, None), "outcomes[1].reason"),
        ((9, None, None), "outcomes[1].kind"),
        (("done", None, None), "outcomes[1].kind"),
        ((DONE, b"1"), "outcomes[1]"),
    ],
)
def test_a_bad_outcome_settles_nothing(
    open_caller: Callable[..., Caller], outcome: tuple[Any, ...], field: str
) -> None:
    caller = open_caller("memory://")
    ids = caller.enqueue(b"[]", b"[]")
    caller.work(2)
    leases = [caller.started(), caller.started()]
    with pytest.raises(InvalidArgument) as caught:
        caller.engine.settle([(leases[0], DONE, b"1", None), (leases[1], *outcome)])
    assert caught.value.field == field
    assert [caller.state(job_id) for job_id in ids] == ["running", "running"]


def test_settle_takes_leases_only(open_caller: Callable[..., Caller]) -> None:
    caller = open_caller("memory://")
    for wrong in ([("lease", DONE, b"1", None)], ["x"], [()]):
        with pytest.raises(InvalidArgument):
            caller.engine.settle(wrong)
    with pytest.raises(InvalidArgument, match="lease"):
        caller.engine.progress("lease", 1, 2, "")
    with pytest.raises(TypeError):
        core.Lease()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"queue": ""}, "queue"),
        ({"queue": "a\nb"}, "queue"),
        ({"task": "x" * 129}, "task"),
        ({"priority": 256}, "priority"),
        ({"priority": -1}, "priority"),
        ({"delay_ms": -1}, "delay_ms"),
        ({"expires_ms": 2**60}, "expires_ms"),
        ({"run_at": -5}, "run_at"),
        ({"soft_timeout_ms": -1}, "soft_timeout_ms"),
        ({"retry": "{"}, "retry"),
        ({"retry": '{"kind":"sometimes"}'}, "retry"),
        ({"headers": b"[]"}, "headers"),
        ({"correlation_id": "x" * 129}, "correlation_id"),
        ({"max_payload_bytes": 0}, "max_payload_bytes"),
        ({"max_payload_bytes": 17 << 20}, "max_payload_bytes"),
    ],
)
def test_options_are_checked_when_they_are_made(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        core.JobOptions(**({"queue": "q", "task": "t"} | options))
    assert caught.value.field.startswith(field)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (b"", "payload[1]"),
        (b"{", "payload[1]"),
        (b"3", "payload[1]"),
        (b" \n3", "payload[1]"),
        (b'["\xff"]', "payload[1]"),
        (b"[NaN]", "payload[1]"),
        (b"[" * 129 + b"]" * 129, "payload[1]"),
        (b'["' + b"x" * (1 << 20) + b'"]', "payload[1]"),
        ("[]", "payload[1]"),
    ],
)
def test_a_bad_payload_stores_nothing(open_caller: Callable[..., Caller], payload: Any, field: str) -> None:
    caller = open_caller("memory://")
    with pytest.raises(InvalidArgument) as caught:
        caller.engine.enqueue(caller.port, 1, core.JobOptions(queue="q", task="t"), [b"[]", payload])
    assert caught.value.field == field
    assert caller.ask("counts") == []


def test_limits_of_one_call(open_caller: Callable[..., Caller]) -> None:
    caller = open_caller("memory://")
    options = core.JobOptions(queue="q", task="t")
    with pytest.raises(InvalidArgument, match="10000 is the limit"):
        caller.engine.enqueue(caller.port, 1, options, [b"[]"] * 10_001)
    big = b'["' + b"x" * ((1 << 20) - 10) + b'"]'
    with pytest.raises(InvalidArgument, match="bytes in one call"):
        caller.engine.enqueue(caller.port, 1, options, [big] * 17)
    with pytest.raises(InvalidArgument, match="empty"):
        caller.engine.enqueue(caller.port, 1, options, [])
    with pytest.raises(InvalidArgument, match="1 entries for 2 payloads"):
        caller.engine.enqueue(caller.port, 1, options, [b"[]", b"[]"], ["a"])
    with pytest.raises(InvalidArgument) as caught:
        caller.engine.enqueue(caller.port, 1, options, [b"[]", b"[]"], ["a", ""])
    assert caught.value.field == "id[1]"


def test_an_id_exists_once(caller: Caller) -> None:
    options = core.JobOptions(queue="q", task="t")
    assert caller.ask("enqueue", options, [b"[1]"], ["same"]) == b"\x00"
    assert caller.ask("enqueue", options, [b"[2]"], ["same"]) == b"\x01"
    assert caller.row("same")["payload"] == b"[1]"


def test_many_options_in_one_group(caller: Caller) -> None:
    low = core.JobOptions(queue="q", task="t", priority=1)
    high = core.JobOptions(queue="q", task="t", priority=9)
    codes = caller.ask("enqueue_many", [(low, [b"[1]"], ["low"]), (high, [b"[2]", b"[3]"], None)])
    assert codes == bytes(3)
    caller.work(1)
    assert caller.lease().priority == 9


def test_a_full_queue_refuses_the_whole_group(caller: Caller) -> None:
    caller.ask("change_queue", "q", max_length=2)
    options = core.JobOptions(queue="q", task="t")
    assert caller.ask("enqueue", options, [b"[]"] * 3) == b"\x03\x03\x02"
    assert caller.ask("enqueue", options, [b"[]"] * 2) == b"\x00\x00"


def test_whoever_waits_for_space_is_never_refused(open_caller: Callable[..., Caller]) -> None:
    caller = open_caller("memory://", inbox_jobs=10)
    options = core.JobOptions(queue="q", task="t")
    waits = 0
    for ticket in range(1_000, 1_500):
        while caller.engine.inbox_full:
            waits += 1
            assert caller.ask("wait_space") is None
        caller.engine.enqueue(caller.port, ticket, options, [b"[]"] * 10)
    caller.until(lambda: all(ticket in caller.replies for ticket in range(1_000, 1_500)))
    assert waits > 0
    assert caller.engine.stats["inserted"] == 5_000


def test_reading(caller: Caller) -> None:
    ids = caller.enqueue(*[b"[]"] * 5)
    page, cursor = caller.ask("list", {"limit": 2, "order": "newest_first"})
    assert [row["id"] for row in page] == [ids[4], ids[3]]
    page, cursor = caller.ask("list", {"limit": 3, "order": "newest_first", "cursor": cursor})
    assert [row["id"] for row in page] == [ids[2], ids[1], ids[0]]
    (counts,) = caller.ask("counts", "q")
    assert counts["by_state"]["ready"] == 5
    assert not counts["paused"]
    assert caller.ask("get", ["nobody", ids[0]])[0] is None
    assert caller.ask("task_counters") == []
    caller.work()
    caller.lease()
    (worker,) = caller.ask("workers")
    assert (worker["id"], worker["queues"], worker["tasks"], worker["slots"]) == ("w", ["q"], ["t"], 4)
    assert caller.ask("check") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"states": ["waiting"]}, "states"),
        ({"order": "x"}, "order"),
        ({"nope": 1}, "nope"),
    ],
)
def test_a_bad_query(caller: Caller, query: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        caller.ask("list", query)
    assert caught.value.field == field


def test_a_query_of_the_wrong_type(caller: Caller) -> None:
    with pytest.raises(InvalidArgument) as caught:
        caller.ask("list", {"limit": "ten"})
    assert caught.value.field == "limit"


def test_management(caller: Caller) -> None:
    ids = caller.enqueue(b"[]", b"[]", b"[]")
    assert caller.ask("manage", "cancel", [ids[0], "nobody"], "not needed", "ops") == ["done", "missing"]
    assert "not needed" in caller.row(ids[0])["reason"]
    assert caller.ask("manage", "requeue", [ids[0]]) == ["done"]
    assert caller.state(ids[0]) == "ready"
    assert caller.ask("manage", "remove", ids) == ["done"] * 3
    with pytest.raises(NotFound):
        caller.ask("watch", [ids[0]])
    with pytest.raises(InvalidArgument, match="verb"):
        caller.ask("manage", "obliterate", ids)
    events = caller.ask("events", "q")
    assert [event["name"] for event in events] == ["cancel", "requeue", "remove", "remove", "remove"]
    assert events[0]["actor"] == "ops"


def test_queue_settings(caller: Caller) -> None:
    caller.ask("change_queue", "q", paused=True, ageing_ms=1000, defaults=b'{"attempts":3}', actor="ops")
    (counts,) = caller.ask("counts", "q")
    assert counts["paused"]
    assert counts["ageing_ms"] == 1000
    assert counts["defaults"] == b'{"attempts":3}'
    with pytest.raises(InvalidArgument):
        caller.ask("change_queue", "q", max_length=-1)


def test_pruning(caller: Caller) -> None:
    ids = caller.enqueue(b"[]", b"[]", b"[]")
    caller.ask("manage", "cancel", ids)
    assert caller.ask("prune", states=["cancelled"], keep_count=1) == 2
    with pytest.raises(InvalidArgument):
        caller.ask("prune", states=["running"])


def test_rows_move_between_stores(caller: Caller, open_caller: Callable[..., Caller]) -> None:
    caller.enqueue(b'["a"]', ids=["open"], correlation_id="c")
    caller.enqueue(b'["b"]', ids=["closed"])
    caller.work(1, queues=[("q", 1)])
    first = caller.started()
    caller.engine.settle([(first, FAIL, (["E"], b'{"type":"E"}'), False)])
    caller.until(lambda: caller.engine.stats["settles"] == 1)
    caller.engine.stop_worker()
    rows = [caller.row(job_id) for job_id in ("open", "closed")]
    rows = [row for row in rows if row["state"] != "running"]
    other = open_caller("memory://")
    assert other.ask("import_rows", rows, "mover") == bytes(len(rows))
    for row in rows:
        copy = other.row(row["id"])
        same = set(row) - {"order_key", "lease_until", "cancel_requested"}
        assert {key: copy[key] for key in same} == {key: row[key] for key in same}
    with pytest.raises(InvalidArgument, match="no state"):
        other.ask("import_rows", [rows[0] | {"id": "x", "state": "odd"}])
    with pytest.raises(InvalidArgument):
        other.ask("import_rows", [rows[0] | {"id": ""}])


def test_urls_and_options() -> None:
    with pytest.raises(InvalidArgument, match="names no store"):
        core.Engine.open("postgresql://localhost")
    with pytest.raises(InvalidArgument):
        core.Engine.open("sqlite:///x.db?synchronous=maybe")
    with pytest.raises(InvalidArgument, match="lease_ms"):
        core.Engine.open("memory://", lease_ms=1)


def test_info(caller: Caller, url: str) -> None:
    info = caller.engine.info
    assert info["kind"] == url.split(":", maxsplit=1)[0]
    assert info["durability"] == ("memory" if info["kind"] == "memory" else "disk")
    assert set(info) == {
        "kind",
        "durability",
        "location",
        "engine_version",
        "bundled",
        "schema_version",
        "identity",
        "details",
    }


def test_a_closed_engine_says_so(url: str) -> None:
    engine = core.Engine.open(url)
    port = core.Port()
    assert engine.close()
    assert engine.close()
    with pytest.raises(Closed):
        engine.get(port, 1, ["x"])
    with pytest.raises(Closed):
        engine.settle([])
    port.close()


def test_native_tasks(caller: Caller) -> None:
    assert {"khala.echo", "khala.checksum", "khala.sleep"} <= set(core.native_tasks())
    (job_id,) = caller.enqueue(b"[1,2]", task="khala.echo")
    caller.work(2, tasks=["t", "khala.echo"])
    assert caller.ask("watch", [job_id])["result"] == b"[1,2]"
    assert not caller.leases


def test_plain_functions() -> None:
    assert len({core.next_uuid7() for _ in range(1000)}) == 1000
    assert core.diagram().startswith("stateDiagram-v2")
    assert ("ready", "running", "claim") in core.transitions()
    core.check_json(b"[1]", "x")
    with pytest.raises(InvalidArgument, match="x"):
        core.check_json(b"[1", "x")
    with pytest.raises(InvalidArgument):
        core.check_json(b"[[1]]", "x", depth=1)
    assert core.backoff_preview('{"kind":"delays","delays_ms":[60,300]}', 3) == [60, 300, 300]
    assert not core.explain_death("/nonexistent/jobs.db", 1)


def test_failpoints_exist_where_the_tests_need_them(
    open_caller: Callable[..., Caller], failpoints: Callable[[str], None]
) -> None:
    failpoints("never=off")
    caller = open_caller("memory://", lease_ms=300)
    caller.enqueue(b"[]")
    caller.work(1)
    lease = caller.started()
    caller.until(lambda: caller.engine.stats["renewals"] > 0)
    caller.engine.settle([(lease, DONE, b"1", None)])
    caller.until(lambda: caller.engine.stats["settles"])
    caller.engine.close()
    expected = {
        "dispatch",
        "settle.received",
        "hb.before",
        "hb.after",
        "ack.before_send",
        "shutdown.draining",
        "shutdown.released",
    }
    assert expected <= set(core.failpoint_hits())

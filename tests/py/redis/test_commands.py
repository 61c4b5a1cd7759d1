"""What an administrator types: rights and the function library."""

from __future__ import annotations

import json
from collections.abc import Callable

from ..redis_server import Server
from .command_line import cli
from .conftest import Work

NewServer = Callable[..., Server]


def test_the_acl_line_is_one_and_least(new_server: NewServer) -> None:
    line = cli("redis-acl", "--user", "worker", "--prefix", "mine").strip()
    assert "\n" not in line
    assert line.startswith(
        "ACL SETUSER worker on >PASSWORD resetkeys resetchannels -@all ~{mine}:* &{mine}:* +"
    )
    assert "eval" not in line
    assert "function" not in line
    assert "+function|load" in cli("redis-acl", "--load")
    assert "+config|get" in cli("redis-acl", "--config")
    assert json.loads(cli("redis-acl", "--user", "worker", "--prefix", "mine", "--json"))["command"] == line
    assert "letters" in cli("redis-acl", "--prefix", "a b", status=2)
    server = new_server()
    assert server.command(line.replace("PASSWORD", "secret")) == b"OK"
    name = server.call("FUNCTION", "LOAD", cli("redis-library"))
    assert name.startswith(b"khala_")


async def test_the_least_user_can_do_everything_a_worker_does(
    new_server: NewServer, new_work: Callable[..., Work]
) -> None:
    server = new_server()
    server.command(cli("redis-acl", "--user", "worker").strip().replace("PASSWORD", "secret"))
    server.call("FUNCTION", "LOAD", cli("redis-library"))
    work = new_work(server.url(user="worker:secret"))
    await work.jobs.start()
    assert await (await work.note.enqueue(1)).result(timeout=30) == 1
    await work.jobs.queues.pause("default")
    await work.jobs.queues.resume("default")
    await work.check_each_once(1)


def test_doctor_names_foreign_keys(new_server: NewServer) -> None:
    server = new_server()
    assert "schema 3" in cli("doctor", "--url", server.url())
    server.call("SADD", "{khala}:queues", "default")
    server.call("SET", "{khala}:idle:default", "x")
    assert "invariants BROKEN" in cli("doctor", "--url", server.url(), status=1)
    report = json.loads(cli("doctor", "--url", server.url(), "--json", status=1))
    assert len(report["violations"]) == 1
    assert "{khala}:idle:default should hold a set" in report["violations"][0]


def test_doctor_says_that_the_server_is_full(new_server: NewServer) -> None:
    server = new_server()
    assert not any("maxmemory" in line for line in _advice(server.url()))
    used = next(
        int(line.partition(":")[2])
        for line in server.call("INFO", "memory").decode().splitlines()
        if line.startswith("used_memory:")
    )
    server.call("CONFIG", "SET", "maxmemory", str(used * 21 // 20))
    assert any("new jobs are refused when the server gets there" in line for line in _advice(server.url()))
    server.call("CONFIG", "SET", "maxmemory", str(used // 2))
    assert any("the server is at its maxmemory" in line for line in _advice(server.url()))


def _advice(url: str) -> list[str]:
    advice: list[str] = json.loads(cli("doctor", "--url", url, "--json"))["advice"]
    return advice


def test_doctor_says_how_durable_a_server_is(new_server: NewServer) -> None:
    server = new_server()
    text = cli("doctor", "--url", server.url())
    assert "durability memory" in text
    assert "appendonly yes" in text, "and what to do about it"
    report = json.loads(cli("doctor", "--url", server.url(), "--json"))
    assert report["store"]["durability"] == "memory"
    assert report["store"]["details"]["maxmemory_policy"] == "noeviction"

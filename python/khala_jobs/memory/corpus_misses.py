"""Pairs that look like duplicates and are not, by family: what a guard has to stop.

``first | second``; slots as in corpus_kinds.py, and ``{new:slot}`` in the second is another value of that slot. The
kind of a family is what a person would say of its pairs.
"""

# A pair is one line, however long.
# ruff: noqa: E501
from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["MISSES", "MissFamily"]


@dataclass(frozen=True, slots=True)
class MissFamily:
    """One way to differ.

    Attributes:
        name: For the truth file.
        kind: "conflict", "update" or "distinct".
        pairs: Wordings of the two memories.
    """

    name: str
    kind: Literal["conflict", "update", "distinct"]
    pairs: tuple[tuple[str, str], ...]


def _family(name: str, kind: Literal["conflict", "update", "distinct"], text: str) -> MissFamily:
    pairs = []
    for line in text.strip().splitlines():
        first, _, second = line.partition(" | ")
        pairs.append((first.strip(), second.strip()))
    return MissFamily(name, kind, tuple(pairs))


MISSES: Final[tuple[MissFamily, ...]] = (
    _family(
        "negation",
        "conflict",
        """
        {S} likes {dish} with extra garlic | {S} does not like {dish} with extra garlic
        {S} wants to visit {country} again | {S} doesn't want to visit {country} again
        {S} has a driving license for a {vehicle} | {S} has no driving license for a {vehicle}
        {S} is comfortable speaking {language} | {S} isn't comfortable speaking {language}
        The {service} of {repo} supports retries | The {service} of {repo} does not support retries
        {S} drinks coffee with milk | {S} drinks coffee without milk
        {S} was at {event} in {month} | {S} wasn't at {event} in {month}""",
    ),
    _family(
        "always_never",
        "conflict",
        """
        Always rebase {branch} before merging in {repo} | Never rebase {branch} before merging in {repo}
        {S} always takes the train to {city} | {S} never takes the train to {city}
        Always ask {S} before deploying {repo} | Never ask {S} before deploying {repo}
        {S} always reads {genre} on flights | {S} rarely reads {genre} on flights""",
    ),
    _family(
        "antonym",
        "conflict",
        """
        {S} likes {hobby} with friends | {S} dislikes {hobby} with friends
        {S} loves the food in {city} | {S} hates the food in {city}
        The {service} of {repo} is enabled in staging | The {service} of {repo} is disabled in staging
        {S} found {event} boring | {S} found {event} interesting
        {S} accepted the job offer from {company} | {S} declined the job offer from {company}
        Sales at {company} increased in {month} | Sales at {company} decreased in {month}
        {S} prefers early meetings with {team} | {S} prefers late meetings with {team}
        {S} is happy with the apartment in {city} | {S} is unhappy with the apartment in {city}""",
    ),
    _family(
        "number",
        "update",
        """
        {S} has {n2to5} cousins in {city} | {S} has {new:n2to5} cousins in {city}
        {S} visited {country} {n2to5} times | {S} visited {country} {new:n2to5} times
        The {service} of {repo} runs {n2to9} replicas | The {service} of {repo} runs {new:n2to9} replicas
        {S} owns {n20to90} books about {topic} | {S} owns {new:n20to90} books about {topic}
        {team} has {n5to60} open tickets for {project} | {team} has {new:n5to60} open tickets for {project}""",
    ),
    _family(
        "date",
        "update",
        """
        {S} will fly to {city} on {month} {day} | {S} will fly to {city} on {month} {new:day}
        The audit of {company} is on {day} {month} | The audit of {company} is on {new:day} {month}
        {S's} lease in {city} ends in {month} | {S's} lease in {city} ends in {new:month}
        {S} has therapy on {weekday} afternoons | {S} has therapy on {new:weekday} afternoons
        The release of {repo} is planned for 2024-0{h5to8}-{day2} | The release of {repo} is planned for 2024-0{h5to8}-{new:day2}""",
    ),
    _family(
        "time",
        "update",
        """
        {S} takes the medication at {h5to8} am | {S} takes the medication at {h5to8} pm
        The nightly job of {repo} starts at 0{h1to4}:{m} | The nightly job of {repo} starts at 0{new:h1to4}:{m}
        {S} picks up the kids at {h1to4}:{m} pm | {S} picks up the kids at {h1to4}:{new:m} pm""",
    ),
    _family(
        "money",
        "update",
        """
        {S} pays ${n2to9}50 a month for parking in {city} | {S} pays ${new:n2to9}50 a month for parking in {city}
        The license for {tool} costs {n20to90} dollars a seat | The license for {tool} costs {n20to90} euros a seat
        {S} earns {n20to90},000 euros at {company} | {S} earns {new:n20to90},000 euros at {company}""",
    ),
    _family(
        "unit",
        "update",
        """
        {S} cycled {n20to90} kilometers to {city} | {S} cycled {n20to90} miles to {city}
        The cache of the {service} expires after {n5to60} seconds | The cache of the {service} expires after {n5to60} minutes
        The {service} of {repo} may use {n2to9} GB of memory | The {service} of {repo} may use {n2to9} MB of memory""",
    ),
    _family(
        "percent",
        "update",
        """
        Code coverage of {repo} is {n20to90}% | Code coverage of {repo} is {new:n20to90}%
        {S} gets a discount of {n5to60} percent at {store} | {S} gets a discount of {new:n5to60} percent at {store}""",
    ),
    _family(
        "version",
        "update",
        """
        {repo} is built with {lang} {major}.{minor} | {repo} is built with {lang} {major}.{new:minor}
        {team} runs {tool} v{major}.{minor}.2 in production | {team} runs {tool} v{major}.{minor}.3 in production""",
    ),
    _family(
        "port",
        "update",
        """
        The debug console of {repo} is on port {port} | The debug console of {repo} is on port {new:port}
        {tool} listens on port {port} on the build server | {tool} listens on port {new:port} on the build server""",
    ),
    _family(
        "identifier",
        "distinct",
        """
        {S's} work email is {login}@{domain} | {S's} work email is {new:login}@{domain}
        The runbook for the {service} is at https://wiki.{domain}/{slug} | The runbook for the {service} is at https://wiki.{domain}/{new:slug}
        The config of {repo} is in /etc/{slug}/app.yaml | The config of {repo} is in /etc/{new:slug}/app.yaml
        {S} is assigned to ticket OPS-{port} in {project} | {S} is assigned to ticket OPS-{new:port} in {project}
        The feature flag for {project} is {slug}_enabled | The feature flag for {project} is {new:slug}_enabled""",
    ),
    _family(
        "name",
        "distinct",
        """
        {S} went to {event} with {other} | {S} went to {event} with {new:other}
        {S} comes from a small town near {city} | {S} comes from a small town near {new:city}
        {S} interviewed at {company} in {month} | {S} interviewed at {new:company} in {month}
        {S} takes {language} lessons from {other} | {other2} takes {language} lessons from {other}""",
    ),
    _family(
        "attribute",
        "distinct",
        """
        {S's} front door is painted {color} | {S's} front door is painted {new:color}
        {S's} {relative} collects stamps from {country} | {S's} {new:relative} collects stamps from {country}
        {S} wants to get a {pet} in {month} | {S} wants to get a {new:pet} in {month}
        The {service} of {repo} is written in {lang} | The {service} of {repo} is written in {new:lang}
        {S} practices the {instrument} every evening | {S} practices the {new:instrument} every evening
        Logs of the {service} are stored in {database} | Logs of the {service} are stored in {new:database}""",
    ),
    _family(
        "quantifier",
        "conflict",
        """
        All servers of {company} are in {city} | Some servers of {company} are in {city}
        Every member of {team} can deploy {repo} | Most members of {team} can deploy {repo}
        {S} has read all books about {topic} | {S} has read some books about {topic}
        None of the tests of {repo} are flaky | All of the tests of {repo} are flaky
        {S} invites everyone to {event} | {S} invites nobody to {event}""",
    ),
    _family(
        "tense",
        "update",
        """
        {S's} {relative} lives in {city} | {S's} {relative} used to live in {city}
        {S} is the treasurer of {sport_team} | {S} was the treasurer of {sport_team}
        {S} will present {project} to {team} | {S} presented {project} to {team}
        {S} works night shifts at {company} | {S} worked night shifts at {company}
        {S} is a member of {team} | {S} is a former member of {team}
        {S} subscribes to a newsletter about {topic} | {S} no longer subscribes to a newsletter about {topic}""",
    ),
    _family(
        "modality",
        "conflict",
        """
        {S} must approve changes to {repo} | {S} may approve changes to {repo}
        {S} is moving to {city} in {month} | {S} might move to {city} in {month}
        {S} bought a house in {city} | {S} wants to buy a house in {city}
        {team} has to review {project} in {month} | {team} should review {project} in {month}
        {S} finished the marathon in {city} | {S} tried to finish the marathon in {city}""",
    ),
    _family(
        "roles",
        "conflict",
        """
        {S} manages {other} at {company} | {other} manages {S} at {company}
        {S} lent {other} money for {furniture} | {other} lent {S} money for {furniture}
        {S} is {other's} supervisor at {company} | {other} is {S's} supervisor at {company}
        {S} was hired by {other} at {company} | {other} was hired by {S} at {company}
        {S} is older than {other} | {other} is older than {S}
        {S} introduced {other} to {other2} at {event} | {S} introduced {other2} to {other} at {event}""",
    ),
    _family(
        "direction",
        "conflict",
        """
        {S} moved from {city} to {country} | {S} moved from {country} to {city}
        {S} prefers {dish} over {new:dish} | {S} prefers {new:dish} over {dish}
        {repo} was migrated from {database} to {new:database} | {repo} was migrated from {new:database} to {database}
        {S} goes running before breakfast in {city} | {S} goes running after breakfast in {city}
        {S} voted for the {city} proposal | {S} voted against the {city} proposal""",
    ),
    _family(
        "comparison",
        "conflict",
        """
        The build of {repo} takes more than {n5to60} minutes | The build of {repo} takes less than {n5to60} minutes
        {S} wants at least {n2to9} days off in {month} | {S} wants at most {n2to9} days off in {month}
        {city} is more expensive than {new:city} for {S} | {city} is less expensive than {new:city} for {S}
        Parcels under {n5to60} kilograms go to {city} | Parcels over {n5to60} kilograms go to {city}""",
    ),
    _family(
        "environment",
        "distinct",
        """
        The database of {repo} is down in production | The database of {repo} is down in staging
        The {service} test account on {cloud} was deleted | The {service} admin account on {cloud} was deleted
        The primary node of the {service} is in {city} | The backup node of the {service} is in {city}
        {S} has access to the staging cluster on {cloud} | {S} has access to the cluster on {cloud}""",
    ),
    _family(
        "frequency",
        "update",
        """
        {S} gets a haircut in {city} every month | {S} gets a haircut in {city} every week
        Backups of {repo} run daily | Backups of {repo} run weekly
        {S} visits {poss} {relative} twice a year | {S} visits {poss} {relative} twice a month""",
    ),
    _family(
        "condition",
        "conflict",
        """
        {S} drives to {city} when it rains | {S} drives to {city} unless it rains
        {team} deploys {repo} if the tests pass | {team} deploys {repo} if the tests fail
        {S} can join {event} with {other} or {other2} | {S} can join {event} with {other} and {other2}""",
    ),
)

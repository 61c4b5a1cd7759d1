"""Kinds of facts that the corpus is made of, each with several wordings that say the same.

In a wording ``{S}`` is whom it is about and ``{S's}`` the possessive, ``{poss}`` "her", "his" or "their";
``{other}`` is somebody else; other names in braces are slots of corpus_words.py or drawn numbers
(corpus_slots.py). All wordings of a kind state the same fact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["FACTS", "FactKind"]


@dataclass(frozen=True, slots=True)
class FactKind:
    """One kind of fact.

    Attributes:
        name: For the truth file.
        wordings: At least three ways to say it.
        updates: Ways to say that it has changed, with ``{old:slot}`` for the former value; empty if it
            cannot.
        personal: Whether ``{S}`` occurs.
    """

    name: str
    wordings: tuple[str, ...]
    updates: tuple[str, ...] = ()

    @property
    def personal(self) -> bool:
        """Whether the fact is about a person."""
        return "{S" in self.wordings[0]


def _kind(name: str, text: str) -> FactKind:
    lines = [line.strip() for line in text.strip().splitlines()]
    return FactKind(
        name,
        tuple(line for line in lines if not line.startswith("->")),
        tuple(line.removeprefix("->").strip() for line in lines if line.startswith("->")),
    )


FACTS: Final[tuple[FactKind, ...]] = (
    _kind(
        "residence",
        """
        {S} lives in {city} with {n2to5} roommates
        {S} resides in {city} with {n2to5} roommates
        {S} lives with {n2to5} roommates in {city}
        {S} is living in {city} with {n2to5} roommates
        -> {S} moved from {old:city} to {city} and now lives alone
        -> {S} has left {old:city} and lives in {city} these days""",
    ),
    _kind(
        "employer",
        """
        {S} works as a {job} at {company}
        {S} is a {job} at {company}
        {S} works at {company} as a {job}
        At {company}, {S} works as a {job}
        -> {S} quit {old:company} and now works as a {job} at {company}
        -> {S} changed jobs from {old:company} to {company}""",
    ),
    _kind(
        "hobby",
        """
        {S} enjoys {hobby} on weekends
        {S} likes {hobby} on weekends
        {S} loves {hobby} on weekends
        On weekends {S} enjoys {hobby}
        {S} really enjoys {hobby} on the weekend
        -> {S} gave up {old:hobby} and took up {hobby}""",
    ),
    _kind(
        "dish",
        """
        {S's} favorite dish is {dish}
        The favorite dish of {S} is {dish}
        {dish} is {S's} favorite dish
        {S's} favourite dish is {dish}
        -> {S's} favorite dish used to be {old:dish} but now it is {dish}""",
    ),
    _kind(
        "allergy",
        """
        {S} is allergic to {allergen}
        {S} has an allergy to {allergen}
        {S} suffers from an allergy to {allergen}
        {S} is someone who is allergic to {allergen}""",
    ),
    _kind(
        "pet",
        """
        {S} has a {pet} named {pet_name}
        {S} has a {pet} called {pet_name}
        {S's} {pet} is named {pet_name}
        {S's} {pet} is called {pet_name}
        {S} owns a {pet} named {pet_name}""",
    ),
    _kind(
        "birthday",
        """
        {S's} birthday is on {month} {day}
        {S's} birthday is on {day} {month}
        {S's} birthday is {month} {dayth}
        {S} has {poss} birthday on {month} {day}""",
    ),
    _kind(
        "birthplace",
        """
        {S} was born in {city} and grew up in {country}
        {S} grew up in {country} and was born in {city}
        {S} was born in {city} but raised in {country}""",
    ),
    _kind(
        "instrument",
        """
        {S} plays the {instrument} in a local band
        {S} is playing the {instrument} in a local band
        In a local band {S} plays the {instrument}
        {S} plays the {instrument} in a band that is local""",
    ),
    _kind(
        "learning",
        """
        {S} is learning {language} with an evening class
        {S} is studying {language} with an evening class
        With an evening class, {S} is learning {language}
        -> {S} stopped learning {old:language} and is learning {language} instead""",
    ),
    _kind(
        "reading",
        """
        {S} likes to read {genre} before bed
        {S} enjoys reading {genre} before bed
        Before bed {S} likes to read {genre}
        {S} loves reading {genre} before bed""",
    ),
    _kind(
        "concert",
        """
        {S} saw {musician} live in {city}
        In {city}, {S} saw {musician} live
        {S} saw {musician} in {city} live
        {S} watched {musician} live in {city}""",
    ),
    _kind(
        "team",
        """
        {S} is a fan of {sport_team}
        {S} is a big fan of {sport_team}
        {S} is a huge fan of {sport_team}
        -> {S} no longer supports {old:sport_team} and is a fan of {sport_team} now""",
    ),
    _kind(
        "degree",
        """
        {S} studied {subject} at {university}
        At {university}, {S} studied {subject}
        {S} has studied {subject} at {university}
        {subject} is what {S} studied at {university}""",
    ),
    _kind(
        "commute",
        """
        {S} drives a {color} {vehicle} to work
        {S} goes to work in a {color} {vehicle}
        {S} drives to work in a {color} {vehicle}
        To get to work, {S} drives a {color} {vehicle}
        -> {S} sold the {old:color} {old:vehicle} and now drives a {color} {vehicle} to work""",
    ),
    _kind(
        "running",
        """
        {S} runs {n3to15} kilometers every {weekday}
        Every {weekday} {S} runs {n3to15} kilometers
        {S} runs {n3to15} km every {weekday}
        {S} runs {n3to15} km each {weekday}
        -> {S} has increased {poss} {weekday} run from {old:n3to15} to {n3to15} kilometers""",
    ),
    _kind(
        "wakeup",
        """
        {S} wakes up at {h5to8}:{m} am on workdays
        On workdays {S} wakes up at {h5to8}:{m} am
        {S} gets up at {h5to8}:{m} am on workdays
        {S} wakes up at 0{h5to8}:{m} on workdays
        -> {S} now wakes up at {h5to8}:{m} am on workdays instead of {old:h5to8}:{old:m} am""",
    ),
    _kind(
        "event",
        """
        {S} attended {event} in {month} and felt {feeling}
        In {month}, {S} attended {event} and felt {feeling}
        {S} went to {event} in {month} and felt {feeling}
        {S} felt {feeling} after attending {event} in {month}""",
    ),
    _kind(
        "trip",
        """
        {S} is planning a trip to {country} in {month}
        {S} plans a trip to {country} in {month}
        In {month} {S} is planning a trip to {country}
        {S} is planning to travel to {country} in {month}
        -> {S} changed the plan and will travel to {country} instead of {old:country} in {month}""",
    ),
    _kind(
        "injury",
        """
        {S} injured {poss} {body} while doing {hobby}
        While doing {hobby}, {S} injured {poss} {body}
        {S} hurt {poss} {body} while doing {hobby}""",
    ),
    _kind(
        "relative",
        """
        {S's} {relative} lives near {city} and works as a {job}
        {S's} {relative} works as a {job} and lives near {city}
        {S's} {relative} resides near {city} and works as a {job}
        {S's} {relative} is a {job} and lives near {city}""",
    ),
    _kind(
        "purchase",
        """
        {S} bought {furniture} for {n2to9}00 dollars
        {S} purchased {furniture} for {n2to9}00 dollars
        {S} bought {furniture} for ${n2to9}00
        For {n2to9}00 dollars {S} bought {furniture}""",
    ),
    _kind(
        "garden",
        """
        {S} grows {plant} on the balcony
        On the balcony {S} grows {plant}
        {S} is growing {plant} on the balcony
        -> {S} replaced the {old:plant} on the balcony with {plant}""",
    ),
    _kind(
        "meeting",
        """
        {S} has a meeting with {other} on {weekday} at {h9to11} am
        On {weekday} at {h9to11} am {S} has a meeting with {other}
        {S} has an appointment with {other} on {weekday} at {h9to11} am
        {S} is meeting {other} on {weekday} at {h9to11} am
        -> {S's} meeting with {other} was moved from {old:weekday} to {weekday} at {h9to11} am""",
    ),
    _kind(
        "gift",
        """
        {S} gave {other} tickets to {event}
        {S} gave tickets to {event} to {other}
        {other} was given tickets to {event} by {S}""",
    ),
    _kind(
        "weekly_call",
        """
        {S} calls {poss} {relative} every {weekday} evening
        Every {weekday} evening {S} calls {poss} {relative}
        {S} calls {poss} {relative} each {weekday} evening
        {S} phones {poss} {relative} every {weekday} evening""",
    ),
    _kind(
        "salary_goal",
        """
        {S} wants to save {n2to9}000 euros for a trip to {country}
        {S} would like to save {n2to9}000 euros for a trip to {country}
        {S} wants to save {n2to9},000 euros for a trip to {country}
        For a trip to {country}, {S} wants to save {n2to9}000 euros""",
    ),
    _kind(
        "shopping",
        """
        {S} buys groceries at {store} every {weekday}
        Every {weekday} {S} buys groceries at {store}
        {S} purchases groceries at {store} every {weekday}
        {S} buys groceries at {store} each {weekday}""",
    ),
    _kind(
        "mentor",
        """
        {S} mentors {other} in {lang}
        {other} is mentored by {S} in {lang}
        {S} is mentoring {other} in {lang}
        {S} is {other's} mentor in {lang}""",
    ),
    _kind(
        "report_to",
        """
        {S} reports to {other} at {company}
        At {company} {S} reports to {other}
        {S} is reporting to {other} at {company}""",
    ),
    _kind(
        "editor",
        """
        {S} writes {lang} in {editor} for {project}
        For {project}, {S} writes {lang} in {editor}
        {S} is writing {lang} in {editor} for {project}
        -> {S} switched from {old:editor} to {editor} for writing {lang} in {project}""",
    ),
    _kind(
        "answer_format",
        """
        {S} prefers answers in {format} when asking about {topic}
        When asking about {topic}, {S} prefers answers in {format}
        {S} likes answers in {format} when asking about {topic}
        {S} would rather get answers in {format} when asking about {topic}""",
    ),
    _kind(
        "asked_about",
        """
        {S} asked for advice about {topic} in {month}
        In {month} {S} asked for advice about {topic}
        {S} requested advice about {topic} in {month}""",
    ),
    _kind(
        "owner",
        """
        {S} leads {team} on {project}
        {S} is leading {team} on {project}
        {team} is led by {S} on {project}
        On {project}, {S} leads {team}
        -> {S} handed over {team} and now leads it no longer on {project}""",
    ),
    _kind(
        "port",
        """
        The {service} of {repo} listens on port {port}
        The {service} of {repo} is listening on port {port}
        On port {port} the {service} of {repo} is listening
        {repo}: the {service} listens on port {port}
        -> The {service} of {repo} was moved from port {old:port} to port {port}""",
    ),
    _kind(
        "storage",
        """
        The {service} stores its data in {database} on {cloud}
        The {service} keeps its data in {database} on {cloud}
        On {cloud}, the {service} stores its data in {database}
        The {service's} data is stored in {database} on {cloud}
        -> The {service} was migrated from {old:database} to {database} on {cloud}""",
    ),
    _kind(
        "version",
        """
        {repo} requires {tool} version {major}.{minor}
        {tool} version {major}.{minor} is required by {repo}
        {repo} needs {tool} version {major}.{minor}
        Version {major}.{minor} of {tool} is required by {repo}
        -> {repo} was upgraded from {tool} version {old:major}.{old:minor} to {major}.{minor}""",
    ),
    _kind(
        "deploy",
        """
        {repo} is deployed from the {branch} branch every {weekday} by {team}
        Every {weekday} {repo} is deployed from the {branch} branch by {team}
        {team} deploys {repo} from the {branch} branch every {weekday}
        {repo} gets deployed from the {branch} branch each {weekday} by {team}
        -> {team} now deploys {repo} on {weekday} instead of {old:weekday}, from the {branch} branch""",
    ),
    _kind(
        "deadline",
        """
        The deadline for {project} is {month} {day}
        The deadline of {project} is {day} {month}
        {project} is due on {month} {day}
        {project's} deadline is {month} {day}
        -> The deadline for {project} was moved from {old:month} {old:day} to {month} {day}""",
    ),
    _kind(
        "budget",
        """
        The budget of {project} is {n2to9}0,000 dollars
        {project} has a budget of ${n2to9}0,000
        The budget for {project} is {n2to9}0 thousand dollars
        {project} has a budget of {n2to9}0,000 dollars
        -> The budget of {project} was raised from {old:n2to9}0,000 to {n2to9}0,000 dollars""",
    ),
    _kind(
        "monitoring",
        """
        {team} uses {tool} to monitor the {service}
        To monitor the {service}, {team} uses {tool}
        The {service} is monitored by {team} with {tool}
        {team} is using {tool} to monitor the {service}
        -> {team} replaced {old:tool} with {tool} to monitor the {service}""",
    ),
    _kind(
        "retention",
        """
        Backups of the {service} on {cloud} are kept for {n7to90} days
        The {service} on {cloud} keeps its backups for {n7to90} days
        For {n7to90} days the backups of the {service} on {cloud} are kept
        Backups of the {service} on {cloud} are retained for {n7to90} days
        -> Backups of the {service} on {cloud} are now kept for {n7to90} days, no longer {old:n7to90}""",
    ),
    _kind(
        "timeout",
        """
        Requests to the {service} of {repo} time out after {n5to60} seconds
        After {n5to60} seconds, requests to the {service} of {repo} time out
        Requests to the {service} of {repo} time out after {n5to60} s
        -> The timeout of the {service} of {repo} was changed from {old:n5to60} to {n5to60} seconds""",
    ),
    _kind(
        "rewrite",
        """
        {team} rewrote the {service} of {repo} in {lang}
        The {service} of {repo} was rewritten in {lang} by {team}
        {team} has rewritten the {service} of {repo} in {lang}""",
    ),
    _kind(
        "office",
        """
        {company} has an office in {city} with {n20to90} employees
        In {city}, {company} has an office with {n20to90} employees
        {company} has an office with {n20to90} employees in {city}
        {company's} office in {city} has {n20to90} employees
        -> {company's} office in {city} grew from {old:n20to90} to {n20to90} employees""",
    ),
    _kind(
        "standup",
        """
        The standup of {team} starts at {h9to11}:{m} am
        {team} starts its standup at {h9to11}:{m} am
        The standup of {team} begins at {h9to11}:{m} am
        {team} has its standup at {h9to11}:{m} am
        -> The standup of {team} was moved from {old:h9to11}:{old:m} am to {h9to11}:{m} am""",
    ),
)

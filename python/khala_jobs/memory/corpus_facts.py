"""Kinds of facts that the corpus is made of, each with several wordings that say the same.

Here are those about people; those about their projects are in corpus_projects.py, and how to read a wording is in
corpus_kinds.py.
"""

from __future__ import annotations

from typing import Final

from .corpus_kinds import FactKind, kind
from .corpus_projects import PROJECT_FACTS

__all__ = ["FACTS"]

FACTS: Final[tuple[FactKind, ...]] = (
    kind(
        "residence",
        """
        {S} lives in {city} with {n2to5} roommates
        {S} resides in {city} with {n2to5} roommates
        {S} lives with {n2to5} roommates in {city}
        {S} is living in {city} with {n2to5} roommates
        -> {S} moved from {old:city} to {city} and now lives alone
        -> {S} has left {old:city} and lives in {city} these days""",
    ),
    kind(
        "employer",
        """
        {S} works as a {job} at {company}
        {S} is a {job} at {company}
        {S} works at {company} as a {job}
        At {company}, {S} works as a {job}
        -> {S} quit {old:company} and now works as a {job} at {company}
        -> {S} changed jobs from {old:company} to {company}""",
    ),
    kind(
        "hobby",
        """
        {S} enjoys {hobby} on weekends
        {S} likes {hobby} on weekends
        {S} loves {hobby} on weekends
        On weekends {S} enjoys {hobby}
        {S} really enjoys {hobby} on the weekend
        -> {S} gave up {old:hobby} and took up {hobby}""",
    ),
    kind(
        "dish",
        """
        {S's} favorite dish is {dish}
        The favorite dish of {S} is {dish}
        {dish} is {S's} favorite dish
        {S's} favourite dish is {dish}
        -> {S's} favorite dish used to be {old:dish} but now it is {dish}""",
    ),
    kind(
        "allergy",
        """
        {S} is allergic to {allergen}
        {S} has an allergy to {allergen}
        {S} suffers from an allergy to {allergen}
        {S} is someone who is allergic to {allergen}""",
    ),
    kind(
        "pet",
        """
        {S} has a {pet} named {pet_name}
        {S} has a {pet} called {pet_name}
        {S's} {pet} is named {pet_name}
        {S's} {pet} is called {pet_name}
        {S} owns a {pet} named {pet_name}""",
    ),
    kind(
        "birthday",
        """
        {S's} birthday is on {month} {day}
        {S's} birthday is on {day} {month}
        {S's} birthday is {month} {dayth}
        {S} has {poss} birthday on {month} {day}""",
    ),
    kind(
        "birthplace",
        """
        {S} was born in {city} and grew up in {country}
        {S} grew up in {country} and was born in {city}
        {S} was born in {city} but raised in {country}""",
    ),
    kind(
        "instrument",
        """
        {S} plays the {instrument} in a local band
        {S} is playing the {instrument} in a local band
        In a local band {S} plays the {instrument}
        {S} plays the {instrument} in a band that is local""",
    ),
    kind(
        "learning",
        """
        {S} is learning {language} with an evening class
        {S} is studying {language} with an evening class
        With an evening class, {S} is learning {language}
        -> {S} stopped learning {old:language} and is learning {language} instead""",
    ),
    kind(
        "reading",
        """
        {S} likes to read {genre} before bed
        {S} enjoys reading {genre} before bed
        Before bed {S} likes to read {genre}
        {S} loves reading {genre} before bed""",
    ),
    kind(
        "concert",
        """
        {S} saw {musician} live in {city}
        In {city}, {S} saw {musician} live
        {S} saw {musician} in {city} live
        {S} watched {musician} live in {city}""",
    ),
    kind(
        "team",
        """
        {S} is a fan of {sport_team}
        {S} is a big fan of {sport_team}
        {S} is a huge fan of {sport_team}
        -> {S} no longer supports {old:sport_team} and is a fan of {sport_team} now""",
    ),
    kind(
        "degree",
        """
        {S} studied {subject} at {university}
        At {university}, {S} studied {subject}
        {S} has studied {subject} at {university}
        {subject} is what {S} studied at {university}""",
    ),
    kind(
        "commute",
        """
        {S} drives a {color} {vehicle} to work
        {S} goes to work in a {color} {vehicle}
        {S} drives to work in a {color} {vehicle}
        To get to work, {S} drives a {color} {vehicle}
        -> {S} sold the {old:color} {old:vehicle} and now drives a {color} {vehicle} to work""",
    ),
    kind(
        "running",
        """
        {S} runs {n3to15} kilometers every {weekday}
        Every {weekday} {S} runs {n3to15} kilometers
        {S} runs {n3to15} km every {weekday}
        {S} runs {n3to15} km each {weekday}
        -> {S} has increased {poss} {weekday} run from {old:n3to15} to {n3to15} kilometers""",
    ),
    kind(
        "wakeup",
        """
        {S} wakes up at {h5to8}:{m} am on workdays
        On workdays {S} wakes up at {h5to8}:{m} am
        {S} gets up at {h5to8}:{m} am on workdays
        {S} wakes up at 0{h5to8}:{m} on workdays
        -> {S} now wakes up at {h5to8}:{m} am on workdays instead of {old:h5to8}:{old:m} am""",
    ),
    kind(
        "event",
        """
        {S} attended {event} in {month} and felt {feeling}
        In {month}, {S} attended {event} and felt {feeling}
        {S} went to {event} in {month} and felt {feeling}
        {S} felt {feeling} after attending {event} in {month}""",
    ),
    kind(
        "trip",
        """
        {S} is planning a trip to {country} in {month}
        {S} plans a trip to {country} in {month}
        In {month} {S} is planning a trip to {country}
        {S} is planning to travel to {country} in {month}
        -> {S} changed the plan and will travel to {country} instead of {old:country} in {month}""",
    ),
    kind(
        "injury",
        """
        {S} injured {poss} {body} while doing {hobby}
        While doing {hobby}, {S} injured {poss} {body}
        {S} hurt {poss} {body} while doing {hobby}""",
    ),
    kind(
        "relative",
        """
        {S's} {relative} lives near {city} and works as a {job}
        {S's} {relative} works as a {job} and lives near {city}
        {S's} {relative} resides near {city} and works as a {job}
        {S's} {relative} is a {job} and lives near {city}""",
    ),
    kind(
        "purchase",
        """
        {S} bought {furniture} for {n2to9}00 dollars
        {S} purchased {furniture} for {n2to9}00 dollars
        {S} bought {furniture} for ${n2to9}00
        For {n2to9}00 dollars {S} bought {furniture}""",
    ),
    kind(
        "garden",
        """
        {S} grows {plant} on the balcony
        On the balcony {S} grows {plant}
        {S} is growing {plant} on the balcony
        -> {S} replaced the {old:plant} on the balcony with {plant}""",
    ),
    kind(
        "meeting",
        """
        {S} has a meeting with {other} on {weekday} at {h9to11} am
        On {weekday} at {h9to11} am {S} has a meeting with {other}
        {S} has an appointment with {other} on {weekday} at {h9to11} am
        {S} is meeting {other} on {weekday} at {h9to11} am
        -> {S's} meeting with {other} was moved from {old:weekday} to {weekday} at {h9to11} am""",
    ),
    kind(
        "gift",
        """
        {S} gave {other} tickets to {event}
        {S} gave tickets to {event} to {other}
        {other} was given tickets to {event} by {S}""",
    ),
    kind(
        "weekly_call",
        """
        {S} calls {poss} {relative} every {weekday} evening
        Every {weekday} evening {S} calls {poss} {relative}
        {S} calls {poss} {relative} each {weekday} evening
        {S} phones {poss} {relative} every {weekday} evening""",
    ),
    kind(
        "salary_goal",
        """
        {S} wants to save {n2to9}000 euros for a trip to {country}
        {S} would like to save {n2to9}000 euros for a trip to {country}
        {S} wants to save {n2to9},000 euros for a trip to {country}
        For a trip to {country}, {S} wants to save {n2to9}000 euros""",
    ),
    kind(
        "shopping",
        """
        {S} buys groceries at {store} every {weekday}
        Every {weekday} {S} buys groceries at {store}
        {S} purchases groceries at {store} every {weekday}
        {S} buys groceries at {store} each {weekday}""",
    ),
    kind(
        "mentor",
        """
        {S} mentors {other} in {lang}
        {other} is mentored by {S} in {lang}
        {S} is mentoring {other} in {lang}
        {S} is {other's} mentor in {lang}""",
    ),
    kind(
        "report_to",
        """
        {S} reports to {other} at {company}
        At {company} {S} reports to {other}
        {S} is reporting to {other} at {company}""",
    ),
    kind(
        "editor",
        """
        {S} writes {lang} in {editor} for {project}
        For {project}, {S} writes {lang} in {editor}
        {S} is writing {lang} in {editor} for {project}
        -> {S} switched from {old:editor} to {editor} for writing {lang} in {project}""",
    ),
    kind(
        "answer_format",
        """
        {S} prefers answers in {format} when asking about {topic}
        When asking about {topic}, {S} prefers answers in {format}
        {S} likes answers in {format} when asking about {topic}
        {S} would rather get answers in {format} when asking about {topic}""",
    ),
    kind(
        "asked_about",
        """
        {S} asked for advice about {topic} in {month}
        In {month} {S} asked for advice about {topic}
        {S} requested advice about {topic} in {month}""",
    ),
    kind(
        "owner",
        """
        {S} leads {team} on {project}
        {S} is leading {team} on {project}
        {team} is led by {S} on {project}
        On {project}, {S} leads {team}
        -> {S} handed over {team} and now leads it no longer on {project}""",
    ),
    *PROJECT_FACTS,  # last: the order of the kinds decides what a seed gives
)

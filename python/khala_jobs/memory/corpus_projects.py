"""Kinds of facts about services, repositories, projects and companies; those about people are in corpus_facts.py."""

from __future__ import annotations

from typing import Final

from .corpus_kinds import FactKind, kind

__all__ = ["PROJECT_FACTS"]

PROJECT_FACTS: Final[tuple[FactKind, ...]] = (
    kind(
        "port",
        """
        The {service} of {repo} listens on port {port}
        The {service} of {repo} is listening on port {port}
        On port {port} the {service} of {repo} is listening
        {repo}: the {service} listens on port {port}
        -> The {service} of {repo} was moved from port {old:port} to port {port}""",
    ),
    kind(
        "storage",
        """
        The {service} stores its data in {database} on {cloud}
        The {service} keeps its data in {database} on {cloud}
        On {cloud}, the {service} stores its data in {database}
        The {service's} data is stored in {database} on {cloud}
        -> The {service} was migrated from {old:database} to {database} on {cloud}""",
    ),
    kind(
        "version",
        """
        {repo} requires {tool} version {major}.{minor}
        {tool} version {major}.{minor} is required by {repo}
        {repo} needs {tool} version {major}.{minor}
        Version {major}.{minor} of {tool} is required by {repo}
        -> {repo} was upgraded from {tool} version {old:major}.{old:minor} to {major}.{minor}""",
    ),
    kind(
        "deploy",
        """
        {repo} is deployed from the {branch} branch every {weekday} by {team}
        Every {weekday} {repo} is deployed from the {branch} branch by {team}
        {team} deploys {repo} from the {branch} branch every {weekday}
        {repo} gets deployed from the {branch} branch each {weekday} by {team}
        -> {team} now deploys {repo} on {weekday} instead of {old:weekday}, from the {branch} branch""",
    ),
    kind(
        "deadline",
        """
        The deadline for {project} is {month} {day}
        The deadline of {project} is {day} {month}
        {project} is due on {month} {day}
        {project's} deadline is {month} {day}
        -> The deadline for {project} was moved from {old:month} {old:day} to {month} {day}""",
    ),
    kind(
        "budget",
        """
        The budget of {project} is {n2to9}0,000 dollars
        {project} has a budget of ${n2to9}0,000
        The budget for {project} is {n2to9}0 thousand dollars
        {project} has a budget of {n2to9}0,000 dollars
        -> The budget of {project} was raised from {old:n2to9}0,000 to {n2to9}0,000 dollars""",
    ),
    kind(
        "monitoring",
        """
        {team} uses {tool} to monitor the {service}
        To monitor the {service}, {team} uses {tool}
        The {service} is monitored by {team} with {tool}
        {team} is using {tool} to monitor the {service}
        -> {team} replaced {old:tool} with {tool} to monitor the {service}""",
    ),
    kind(
        "retention",
        """
        Backups of the {service} on {cloud} are kept for {n7to90} days
        The {service} on {cloud} keeps its backups for {n7to90} days
        For {n7to90} days the backups of the {service} on {cloud} are kept
        Backups of the {service} on {cloud} are retained for {n7to90} days
        -> Backups of the {service} on {cloud} are now kept for {n7to90} days, no longer {old:n7to90}""",
    ),
    kind(
        "timeout",
        """
        Requests to the {service} of {repo} time out after {n5to60} seconds
        After {n5to60} seconds, requests to the {service} of {repo} time out
        Requests to the {service} of {repo} time out after {n5to60} s
        -> The timeout of the {service} of {repo} was changed from {old:n5to60} to {n5to60} seconds""",
    ),
    kind(
        "rewrite",
        """
        {team} rewrote the {service} of {repo} in {lang}
        The {service} of {repo} was rewritten in {lang} by {team}
        {team} has rewritten the {service} of {repo} in {lang}""",
    ),
    kind(
        "office",
        """
        {company} has an office in {city} with {n20to90} employees
        In {city}, {company} has an office with {n20to90} employees
        {company} has an office with {n20to90} employees in {city}
        {company's} office in {city} has {n20to90} employees
        -> {company's} office in {city} grew from {old:n20to90} to {n20to90} employees""",
    ),
    kind(
        "standup",
        """
        The standup of {team} starts at {h9to11}:{m} am
        {team} starts its standup at {h9to11}:{m} am
        The standup of {team} begins at {h9to11}:{m} am
        {team} has its standup at {h9to11}:{m} am
        -> The standup of {team} was moved from {old:h9to11}:{old:m} am to {h9to11}:{m} am""",
    ),
)

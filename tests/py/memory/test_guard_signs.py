"""Pairs that differ in a sign, in case or in one small word, and their neighbours that differ in nothing."""

from __future__ import annotations

import pytest

from khala_jobs.memory.guard import judge

COSINE = 0.99


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # Operators.
        ("Retry when code == 0", "Retry when code != 0"),
        ("We skip if a=b", "We skip if a!=b"),
        ("Return early if !done", "Return early if done"),
        ("Return early if (!done)", "Return early if (done)"),
        ("Stop when A && B", "Stop when A || B"),
        ("Run the job if x < 5", "Run the job if x >= 5"),
        ("Run the job if x < y", "Run the job if x > y"),
        ("Run the job if x <= y", "Run the job if x < y"),
        ("Run the job if x<y", "Run the job if x>y"),
        # Case in what is no word.
        ("The token is AbC123xYz", "The token is aBc123XyZ"),
        ("My password is hunter2", "My password is Hunter2"),
        ("The code is at https://github.com/Foo/Bar", "The code is at https://github.com/foo/bar"),
        ("The code is at github.com/Foo/Bar", "The code is at github.com/foo/bar"),
        ("See www.example.com/Foo", "See www.example.com/foo"),
        ("Connect to https://Ada:x@a.example/b", "Connect to https://ada:x@a.example/b"),
        ("My password: Hunter2", "My password: hunter2"),
        # Case in units.
        ("The link does 1 Mb", "The link does 1 MB"),
        ("The image has 512 Kb", "The image has 512 KB"),
        ("The link does 5 Mbps", "The link does 5 MBps"),
        ("The laser has 10 mW", "The laser has 10 MW"),
        ("The laser has 10mW", "The laser has 10MW"),
        # Grades, scores.
        ("My grade is A+", "My grade is A"),
        ("My grade is A-", "My grade is A"),
        ("My blood type is O+", "My blood type is O-"),
        ("We won 3-1", "We won 1-3"),
        ("The match ended 3-1", "The match ended 3-2"),
        # Small words.
        ("Sales grew by 20%", "Sales grew to 20%"),
        ("Rates rose by 5 percent", "Rates rose to 5 percent"),
        ("The call is in 2 days", "The call is 2 days ago"),
        ("I am too tired to work", "I am tired to work"),
        ("Too late to apply", "Late to apply"),
        ("The item is out of stock", "The item is in stock"),
        ("Out of stock", "Stock"),
        ("The book was written by Ada", "The book was written for Ada"),
        ("The gift is for Ada", "The gift is from Ada"),
        ("Bob works for Google", "Bob works with Google"),
        ("He stopped to eat", "He stopped eating"),
    ],
)
def test_a_small_difference_that_counts_is_stopped(a: str, b: str) -> None:
    assert not judge(a, b, COSINE).is_duplicate
    assert not judge(b, a, COSINE).is_duplicate


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # Signs.
        ("Stop if x \u2265 5", "Stop if x >= 5"),
        ("Stop if x!=5", "Stop if x != 5"),
        ("Stop if !done", "Stop if not done"),
        ("Great work! Thanks", "Great work, thanks"),
        ("Wow!!! I like it", "Wow! I like it"),
        # Names, and the first word of a sentence.
        ("I use an iPhone", "I use an iphone"),
        ("We host it on GitHub", "We host it on Github"),
        ("We use Python3 here", "We use python3 here"),
        ("We use OAuth2", "We use oauth2"),
        ("Run it on K8s", "Run it on k8s"),
        ("Send it as MP3", "Send it as Mp3"),
        ("Hunter2 is my password", "hunter2 is my password"),
        ("The commit is 3FA9C21", "The commit is 3fa9c21"),
        ("See https://GitHub.com/foo", "See https://github.com/foo"),
        ("See GitHub.com/foo", "See github.com/foo"),
        ("We use ASP.NET", "We use asp.net"),
        # Units.
        ("The image has 5 KB", "The image has 5 kb"),
        ("The image has 5MB", "The image has 5 megabytes"),
        ("The image has 512 Kb", "The image has 512 kilobits"),
        ("The link does 5 Mbps", "The link does 5 mbps"),
        ("The plant has 10 MW", "The plant has 10 megawatts"),
        # Ranges, dashes.
        ("It takes 3-5 days", "It takes 3 to 5 days"),
        ("We won 3-1", "We won 3\u20131"),
        ("Install C++ and C#", "Install C# and C++"),
        # Small words.
        ("Prices rose 5 percent", "Prices rose by 5%"),
        ("Sales have grown to 5 million", "Sales grew to 5 million"),
        ("Sales rose from 3 to 5 percent", "Sales rose to 5 percent from 3"),
        ("The file has up to 10 GB", "The file has at most 10 GB"),
        ("It is too cold", "It is overly cold"),
        ("I like tea too", "I also like tea"),
        ("9 out of 10 people like it", "9 in 10 people like it"),
        ("Ada wrote the song", "The song was written by Ada"),
        ("The song was written for Ada", "The song was composed for Ada"),
        ("Bob works for Google", "Bob works at Google"),
        ("I have worked with Ada", "I worked with Ada"),
        ("She started to smoke", "She started smoking"),
    ],
)
def test_a_small_difference_that_does_not_count_passes(a: str, b: str) -> None:
    assert judge(a, b, COSINE).is_duplicate, judge(a, b, COSINE)
    assert judge(b, a, COSINE).is_duplicate

// Marks: which of the word lists a word is in, one bit for each list that is nothing but a set.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace khala::text {

enum class Mark : std::uint8_t {
    article,     // a, an
    attaching,   // before a noun that hangs on the one before it
    be,          // forms of "be"
    big,         // hundred, thousand ...
    change,      // tells that something became something else
    clause_end,  // and, or, but, comma
    content,     // every word of which the lists know a meaning
    determiner,  // words after which "one" is a pronoun
    due,         // due, deadline
    effect,      // the clause behind it follows from the one before: so, therefore
    english,     // words by which a text is known to be English
    firm_place,  // relations of place that are never mere style
    firm_time,   // the same of time
    fixed,       // looks like a form of another word, and is not
    get,         // forms of "get"
    given,       // the clause behind it comes first: because, if
    graded,      // adjectives that take -er, -est, -ly
    has,         // has, have, having
    have,        // forms of "have"
    hearsay,     // who is told of by these words says it; it may not be so
    helper,      // takes an infinitive
    in_names,    // light words that are part of names
    invariant,   // verbs whose past looks like their base
    kept,        // attributes that tell things apart
    light,       // carries no fact
    light_base,  // base forms of light verbs
    limit,       // what can be kept or gone beyond: budget, schedule
    listing,     // and, or, comma ...
    month_cue,   // before a month that is also a word
    month_word,  // such months
    mutual,      // holds between two, whichever is named first: border, war
    negation,
    no_ly,        // ends in -ly and has no base
    not_plain,    // may mean another thing than it says: contractions, acronyms, months
    noun_cue,     // a noun follows
    number,       // number words below a hundred
    owning,       // 's, of
    own,          // own, possess ...
    pivot,        // light verbs that somebody does to somebody
    place,        // relations of place
    place_value,  // relations before a value that replaces another
    possessive,
    relation,
    relative_day,
    replaced,   // attributes of which a thing has one value at a time
    replacing,  // verbs that put what stands behind "with" into something
    reporting,  // say, tell ...
    second,     // puts what follows second: to, over, than
    symmetric,  // verbs and nouns that hold both ways
    time,       // relations of time
    title,      // mr, mrs
    unit,       // units of two letters or more
    verb,
    count,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Mark::count)> kMarkNames{
    "article",     "attaching",  "be",       "big",          "change",    "clause_end", "content",   "determiner",
    "due",         "effect",     "english",  "firm_place",   "firm_time", "fixed",      "get",       "given",
    "graded",      "has",        "have",     "hearsay",      "helper",    "in_names",   "invariant", "kept",
    "light",       "light_base", "limit",    "listing",      "month_cue", "month_word", "mutual",    "negation",
    "no_ly",       "not_plain",  "noun_cue", "number",       "owning",    "own",        "pivot",     "place",
    "place_value", "possessive", "relation", "relative_day", "replaced",  "replacing",  "reporting", "second",
    "symmetric",   "time",       "title",    "unit",         "verb",
};

class Marks {
public:
    [[nodiscard]] bool has(Mark mark) const noexcept { return bits_[static_cast<std::size_t>(mark)]; }
    void set(Mark mark) noexcept { bits_[static_cast<std::size_t>(mark)] = true; }

private:
    std::bitset<static_cast<std::size_t>(Mark::count)> bits_;
};

}  // namespace khala::text

// As much grammar as the guard needs: verbs and their time, told from a word and the small words before it.
//
// There is no parser here. A few looks to the left and one to the right decide whether a word is used as a verb,
// whether it is passive and whether it puts the statement in the past; where they do not suffice the answer is "not
// told", and the detectors make nothing of that.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/word.hpp"

namespace khala::text {

using Before = std::span<const Word* const>;  // the small words since the last item

// What the small words between two items say.
struct SmallWords {
    std::vector<TermRef> links;
    std::string quantity;              // tag of the last quantity among them, or empty
    Time auxiliary = Time::none;       // when they say it is, before a participle
    Time auxiliary_else = Time::none;  // the same before any other word
    bool noun_follows = false;
    bool has_be = false;  // "be" or "get"
    bool has_have = false;
    bool has_now = false;  // "has", "have" or "having"
    bool has_helper = false;
    bool has_article = false;
};

[[nodiscard]] std::vector<TermRef> links_of(Before before);

// There is at least one word.
[[nodiscard]] SmallWords small_words(Before before);

struct VerbUse {
    bool is_verb = false;
    Time tense = Time::none;
    bool is_passive = false;
};

// Whether a content word is a verb here, and when.
//   before         the small words since the item before; null if there are none
//   is_before_by   whether the next word is "by"
//   previous       kind of the item before, if there is one
[[nodiscard]] VerbUse verb_use(const Word& word, const SmallWords* before, bool is_before_by,
                               std::optional<Kind> previous);

// When a light verb ("went", "takes") says it is; none for "be", "have" and who told it ("said").
[[nodiscard]] Time light_tense(const Word& word, Before before, std::optional<Kind> previous);

[[nodiscard]] bool any_marked(Before before, Mark mark);

}  // namespace khala::text

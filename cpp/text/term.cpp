#include "text/term.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <utility>

#include "text/utf8.hpp"

namespace khala::text {
namespace {

using Tail = std::pair<std::string_view, std::string_view>;

// What two forms of one word may have behind what they share.
constexpr std::array kTails{
    Tail{"", "s"},        Tail{"", "es"},     Tail{"", "ed"},    Tail{"", "ing"},      Tail{"", "d"},
    Tail{"", "ly"},       Tail{"", "al"},     Tail{"e", "ing"},  Tail{"e", "ed"},      Tail{"e", "es"},
    Tail{"y", "ies"},     Tail{"y", "ied"},   Tail{"y", "ily"},  Tail{"s", "ed"},      Tail{"s", "ing"},
    Tail{"ed", "ing"},    Tail{"es", "ing"},  Tail{"es", "ed"},  Tail{"ies", "ied"},   Tail{"ies", "ying"},
    Tail{"e", "ation"},   Tail{"e", "ion"},   Tail{"", "ation"}, Tail{"", "ment"},     Tail{"al", "ally"},
    Tail{"ing", "ment"},  Tail{"ed", "ment"}, Tail{"s", "ment"}, Tail{"e", "able"},    Tail{"", "able"},
    Tail{"ed", "ion"},    Tail{"ing", "ion"}, Tail{"es", "ion"}, Tail{"ing", "ation"}, Tail{"ed", "ation"},
    Tail{"er", "ers"},    Tail{"or", "ors"},  Tail{"t", "ce"},   Tail{"ion", "ions"},  Tail{"ment", "ments"},
    Tail{"able", "ably"}, Tail{"", "'s"},     Tail{"y", "ier"},  Tail{"y", "iest"},    Tail{"", "er's"},
};
constexpr std::size_t kLeastStem = 4;

constexpr std::array<std::string_view, 10> kPrefixes{"un", "dis", "in", "im", "ir", "il", "non", "mis", "de", "anti"};
constexpr std::size_t kLeastPrefixed = 3;

bool are_tails(std::string_view one, std::string_view other) noexcept {
    return std::ranges::any_of(kTails, [&](const Tail& tail) {
        return (tail.first == one && tail.second == other) || (tail.first == other && tail.second == one);
    });
}

bool is_continued(std::string_view word, std::size_t at) noexcept {
    return at < word.size() && is_continuation(word[at]);
}

// Bytes of the characters that both words begin with.
std::size_t shared_bytes(std::string_view one, std::string_view other) noexcept {
    const auto [end, _] = std::ranges::mismatch(one, other);
    auto shared = static_cast<std::size_t>(end - one.begin());
    while (shared > 0 && (is_continued(one, shared) || is_continued(other, shared))) {
        --shared;
    }
    return shared;
}

bool is_prefixed(std::string_view one, std::string_view other) {
    return std::ranges::any_of(kPrefixes, [&](std::string_view prefix) {
        if (!one.starts_with(prefix)) {
            return false;
        }
        const std::string_view stem = one.substr(prefix.size());
        return length(stem) >= kLeastPrefixed && (stem == other || same_stem(stem, other));
    });
}

}  // namespace

std::uint64_t hash_of(std::string_view key) noexcept {
    return std::hash<std::string_view>{}(key);
}

TermRef plain_term(std::string key) {
    auto term = std::make_shared<Term>();
    term->hash = hash_of(key);
    term->key = std::move(key);
    return term;
}

bool same(const Term& one, const Term& other) {
    const auto is_shared = [&](std::uint32_t group) { return std::ranges::binary_search(other.synonyms, group); };
    if (std::ranges::any_of(one.synonyms, is_shared)) {
        return true;
    }
    return same_stem(one.key, other.key) && !opposite(one, other);
}

bool opposite(const Term& one, const Term& other) {
    return std::ranges::find(one.opposites, other.key) != one.opposites.end() || is_prefixed(one.key, other.key) ||
           is_prefixed(other.key, one.key);
}

const Attribute* shared_attribute(const Term& one, const Term& other) {
    const auto is_shared = [&](const Attribute& attribute) {
        return std::ranges::binary_search(other.attributes, attribute);
    };
    const auto found = std::ranges::find_if(one.attributes, is_shared);
    return found == one.attributes.end() ? nullptr : &*found;
}

bool same_stem(std::string_view one, std::string_view other) {
    const std::size_t shared = shared_bytes(one, other);
    const std::size_t stem = length(one.substr(0, shared));
    if (stem < kLeastStem) {
        return false;
    }
    if (are_tails(one.substr(shared), other.substr(shared))) {
        return true;
    }
    // A doubled consonant or a final e may sit on either side of the cut: try both cuts.
    if (stem - 1 < kLeastStem) {
        return false;
    }
    const std::size_t earlier = shared - last_character(one.substr(0, shared)).size();
    return are_tails(one.substr(earlier), other.substr(earlier));
}

bool is_agent(std::string_view noun, std::string_view verb) {
    if (!noun.ends_with('r')) {
        return false;
    }
    const std::string said{verb};
    const std::string last{last_character(verb)};
    return noun == said + "er" || noun == said + "r" || noun == said + last + "er" || noun == said + "or" ||
           noun == said.substr(0, said.size() - last.size()) + "or";
}

}  // namespace khala::text

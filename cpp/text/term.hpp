// A term is what is compared: a base form, the key of a value, a small word. How two different terms relate is told by
// lists (synonyms, opposites, values of one attribute) and by the endings and prefixes of English.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/mark.hpp"

namespace khala::text {

// Of which a word is a value: "color", "status".
struct Attribute {
    std::string name;
    bool is_replaced = false;  // a thing has one value at a time
    bool is_kept = false;      // tells things apart

    friend bool operator==(const Attribute&, const Attribute&) = default;
    friend auto operator<=>(const Attribute&, const Attribute&) = default;
};

struct Term {
    std::string key;
    std::uint64_t hash = 0;
    Marks marks;
    std::vector<std::uint32_t> synonyms;  // numbers of the groups it is in, ascending
    std::vector<std::string> opposites;   // keys
    std::vector<Attribute> attributes;    // ascending by name
    std::vector<std::string> hollow;      // light verbs that say as much in its place
    char comparator = 0;                  // '+' more, '-' less, 0 neither
};

// Shared: texts that are kept hold the terms they were read with, also when the lexicon has forgotten them.
using TermRef = std::shared_ptr<const Term>;

[[nodiscard]] std::uint64_t hash_of(std::string_view key) noexcept;

// A term of which nothing is known: of a number, a date, an address.
[[nodiscard]] TermRef plain_term(std::string key);

[[nodiscard]] inline bool equal(const Term& one, const Term& other) noexcept {
    return &one == &other || (one.hash == other.hash && one.key == other.key);
}

// Any total order, quick to tell.
[[nodiscard]] inline bool before(const Term& one, const Term& other) noexcept {
    return one.hash != other.hash ? one.hash < other.hash : one.key < other.key;
}

// Synonyms, or forms of one word that the rules did not unite.
[[nodiscard]] bool same(const Term& one, const Term& other);

// Listed opposites, or one is the other with a negating prefix.
[[nodiscard]] bool opposite(const Term& one, const Term& other);

// The first attribute that both are values of; null if there is none.
[[nodiscard]] const Attribute* shared_attribute(const Term& one, const Term& other);

// Whether two unequal words are forms of one word by their endings.
[[nodiscard]] bool same_stem(std::string_view one, std::string_view other);

// Whether `noun` is who does `verb`: "player" and "play".
[[nodiscard]] bool is_agent(std::string_view noun, std::string_view verb);

}  // namespace khala::text

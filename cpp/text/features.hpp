// What is remembered of one text: enough to judge it against any other without reading it again.
//
// A text becomes a row of items, the words and values that carry facts, each with the small words (links) before it.
// What the small words say about the statement as a whole, that it is denied, past, possible or limited, is gathered
// beside the row. reader.hpp makes these values; comparison.hpp and the detectors use them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/term.hpp"
#include "text/word.hpp"

namespace khala::text {

enum class Amount : std::uint8_t { none, one, many };

// One word or value that carries a fact.
struct Item {
    TermRef term;         // what is compared
    std::string surface;  // what stood in the text
    Kind kind = Kind::word;
    std::vector<TermRef> links;    // relations, negations, forms of "be" (as "be") and "'s" since the item before
    bool is_verb = false;          // a verb that has a doer ("calls", "was called"; not "calling" or "to call")
    Time tense = Time::none;       // of a verb: past, present or maybe_present
    bool is_passive = false;       // a participle after "be" or before "by"
    bool is_joined = false;        // follows the item before with no word between
    Amount amount = Amount::none;  // one: behind "a"; many: a plural that nothing counts
    Time auxiliary = Time::none;   // when the small verbs before it say it is
    std::string quantity;          // tag of the quantity right before it, or empty
    char tie = 0;                  // the sign that alone joins it to the item before (tokens.hpp)
    std::uint32_t occurrence = 0;  // how many items of the same term, pronouns aside, stand before it
};

// Equal in all that was read, wherever they stand.
[[nodiscard]] bool equal(const Item& one, const Item& other);

struct Tag {
    std::string name;
    std::string surface;  // a word that says so
};

// A term and which of its occurrences this is.
struct Counted {
    const Term* term = nullptr;
    std::uint32_t occurrence = 0;
};

// Ascending by term and occurrence.
using Bag = std::vector<Counted>;

struct Features {
    std::string text;  // normalised; as given if it is too long
    std::vector<Item> items;
    std::vector<TermRef> last_links;     // behind the last item
    std::vector<const Term*> keys;       // of all items, each once, in the order of `before`
    Bag bag;                             // of all items but pronouns
    Bag links;                           // of all items and behind them
    std::vector<std::string> negations;  // as they stood
    std::vector<Tag> quantifiers;        // each tag once, in the order they were met
    std::vector<Tag> modals;
    std::vector<Tag> tenses;
    std::vector<std::string> persons;      // of the pronouns, ascending; "user" where the user is spoken of
    std::vector<std::string> owners;       // of the possessive ones
    std::vector<std::string> light_verbs;  // base forms that occur, ascending
    std::string hearsay;                   // a word that tells that somebody says so ("claims"), or empty
    bool is_from_others = false;           // somebody other than the user does
    bool is_question = false;
    bool is_english = true;    // whether the word lists apply
    bool is_too_long = false;  // then there is nothing but the text
};

// Fills what is counted of the items (`keys`, `bag`, `links`), once all are there.
void count_items(Features& features);

// Whether the text has an item of the same term.
[[nodiscard]] bool has_term(const Features& features, const Term& term);
// How often, pronouns aside.
[[nodiscard]] std::size_t count_of(const Bag& bag, const Term& term);
[[nodiscard]] bool equal(const Bag& one, const Bag& other);

[[nodiscard]] bool has_kind(const Features& features, Kind kind);
[[nodiscard]] bool has_link(const std::vector<TermRef>& links, std::string_view key);
[[nodiscard]] bool has_marked(const std::vector<TermRef>& links, Mark mark);
[[nodiscard]] bool equal(const std::vector<TermRef>& one, const std::vector<TermRef>& other);
[[nodiscard]] bool contains(const std::vector<std::string>& sorted, std::string_view name);
[[nodiscard]] const Tag* find_tag(const std::vector<Tag>& tags, std::string_view name);

}  // namespace khala::text

#include "text/clauses.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace khala::text {
namespace {

using Row = std::span<const Item>;
using Parties = std::optional<std::pair<std::string, std::string>>;

struct Said {
    const Term* term;  // as the first text says it
    const Item* item;
};

struct Clauses {
    std::vector<Said> given;    // words of what comes first
    std::vector<Said> follows;  // of what follows from it
};

bool tells_order(const Item& item) {
    return has_marked(item.links, Mark::given) || has_marked(item.links, Mark::effect);
}

bool begins_clause(const Item& item) {
    return has_marked(item.links, Mark::clause_end);
}

bool is_predicate(const Item& item) {
    return item.is_verb || has_link(item.links, "be");
}

// Behind the clause that begins at a place: "if it rains he stays", "if Ann calls Bob goes", "if it rains, he stays".
std::size_t clause_end(Row row, std::size_t at) {
    const bool is_set_off = at == 0 || has_link(row[at].links, ",");
    if (!is_set_off) {
        return row.size();
    }
    // The last comma: those before it may list.
    for (std::size_t end = row.size() - 1; end > at; --end) {
        if (has_link(row[end].links, ",")) {
            return end;
        }
    }
    if (at > 0) {
        return row.size();
    }
    bool has_word = false;
    for (std::size_t next = 0; next < row.size(); ++next) {
        const bool is_subject = row[next].kind == Kind::pronoun || row[next].kind == Kind::name;
        if (has_word && is_subject && row[next].links.empty()) {
            return next;
        }
        if (is_predicate(row[next])) {
            return next + 1;
        }
        has_word = has_word || !is_subject;
    }
    return row.size();
}

bool holds(const std::vector<Said>& words, const Said& word) {
    return std::ranges::any_of(words, [&](const Said& one) { return equal(*one.term, *word.term); });
}

// What both clauses name is of no use: "Ann left because Ann was ill".
void remove_shared(Clauses& clauses) {
    const std::vector<Said> given = clauses.given;
    std::erase_if(clauses.given, [&](const Said& word) { return holds(clauses.follows, word); });
    std::erase_if(clauses.follows, [&](const Said& word) { return holds(given, word); });
}

// Nothing if no small word cuts the text in two, or several do.
std::optional<Clauses> clauses_of(Row row, const std::vector<ItemPair>& same) {
    const auto first = std::ranges::find_if(row, tells_order);
    if (first == row.end() || std::any_of(std::next(first), row.end(), tells_order)) {
        return std::nullopt;
    }
    const auto at = static_cast<std::size_t>(first - row.begin());
    const bool is_effect = has_marked(first->links, Mark::effect);
    if (is_effect && !begins_clause(*first)) {
        return std::nullopt;  // "so tired"
    }
    const std::size_t end = is_effect ? row.size() : clause_end(row, at);
    Clauses found;
    for (std::size_t place = 0; place < row.size(); ++place) {
        if (row[place].kind != Kind::pronoun) {
            const bool is_given = (place >= at && place < end) != is_effect;
            (is_given ? found.given : found.follows).push_back({&renamed(same, *row[place].term), &row[place]});
        }
    }
    remove_shared(found);
    return found;
}

// Whether there are words, all of which the others have.
bool are_among(const std::vector<Said>& words, const std::vector<Said>& others) {
    return !words.empty() && std::ranges::all_of(words, [&](const Said& word) { return holds(others, word); });
}

}  // namespace

Parties turned(const Comparison& comparison) {
    const std::optional<Clauses> a = clauses_of(comparison.a->items, {});
    const std::optional<Clauses> b = a ? clauses_of(comparison.b->items, comparison.same) : std::nullopt;
    if (!a || !b || !are_among(a->given, b->follows) || !are_among(b->given, a->follows)) {
        return std::nullopt;
    }
    return std::pair{a->given.front().item->surface, a->follows.front().item->surface};
}

}  // namespace khala::text

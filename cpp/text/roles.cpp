#include "text/roles.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace khala::text {
namespace {

constexpr std::size_t kLongestExchange = 32;  // items between which exchanged blocks are looked for
constexpr std::size_t kLeastItems = 2;

using Row = std::span<const Item>;
using Terms = std::vector<const Term*>;
using Span = std::span<const Term* const>;
using Parties = std::optional<std::pair<std::string, std::string>>;

struct Rows {
    Row a;
    Row b;
    Terms terms_a;
    Terms terms_b;  // as `a` says it

    [[nodiscard]] Rows from_b() const { return {b, a, terms_b, terms_a}; }
};

bool equal_terms(Span one, Span other) {
    return std::ranges::equal(one, other, [](const Term* a, const Term* b) { return equal(*a, *b); });
}

bool holds(Span terms, const Term& term) {
    return std::ranges::any_of(terms, [&](const Term* other) { return equal(*other, term); });
}

bool any_symmetric(Span terms) {
    return std::ranges::any_of(terms, [](const Term* term) { return term->marks.has(Mark::symmetric); });
}

bool all_listing(const std::vector<TermRef>& links) {
    return std::ranges::all_of(links, [](const TermRef& link) { return link->marks.has(Mark::listing); });
}

// "Mr" goes with the name wherever that stands.
std::vector<TermRef> untitled(std::vector<TermRef> links) {
    std::erase_if(links, [](const TermRef& link) { return link->marks.has(Mark::title); });
    return links;
}

// Where the term stands if it does so once.
std::optional<std::size_t> only_place(Span terms, const Term& term) {
    const auto is_term = [&](const Term* other) { return equal(*other, term); };
    const auto first = std::ranges::find_if(terms, is_term);
    if (first == terms.end() || std::any_of(std::next(first), terms.end(), is_term)) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(first - terms.begin());
}

// After "by"; nobody when not told.
std::vector<std::size_t> passive_doers(Row row, std::size_t verb) {
    std::size_t after = verb + 1;
    const auto is_by = [](const TermRef& link) { return link->key == "by"; };
    if (after == row.size() || std::ranges::none_of(row[after].links, is_by)) {
        return {};
    }
    while (after + 1 < row.size() && row[after + 1].is_joined) {
        ++after;  // "by a young woman"
    }
    return {after};
}

// Places of who does a verb: the nearest noun with all it is listed with; empty when not told.
std::vector<std::size_t> doers_of(Row row, std::size_t verb) {
    if (row[verb].is_passive) {
        return passive_doers(row, verb);
    }
    if (has_marked(row[verb].links, Mark::clause_end) && !has_link(row[verb].links, "who")) {
        // "is a nurse and lives": the nurse is not who lives
        return {};
    }
    std::size_t end = verb;  // behind the noun that is looked at
    while (end > 0) {
        std::size_t start = end - 1;
        if (row[start].is_verb) {
            return {};
        }
        while (row[start].is_joined && start > 0) {
            --start;
        }
        if (!has_marked(row[start].links, Mark::attaching)) {
            break;
        }
        end = start;  // "the dog of Alice": Alice does not bark
    }
    std::vector<std::size_t> found;
    while (end > 0) {
        --end;
        found.push_back(end);
        if (row[end].links.empty() || !all_listing(row[end].links)) {
            break;
        }
    }
    return found;
}

Terms at_places(Span terms, const std::vector<std::size_t>& places) {
    Terms found;
    std::ranges::transform(places, std::back_inserter(found), [&](std::size_t at) { return terms[at]; });
    return found;
}

// Rule 1.
Parties other_doer(const Rows& rows) {
    for (std::size_t at = 0; at < rows.a.size(); ++at) {
        const Item& item = rows.a[at];
        if (!item.is_verb || item.term->marks.has(Mark::symmetric) || only_place(rows.terms_a, *item.term) != at) {
            continue;
        }
        const std::optional<std::size_t> there = only_place(rows.terms_b, *item.term);
        if (!there || !rows.b[*there].is_verb) {
            continue;
        }
        const auto doers_a = doers_of(rows.a, at);
        const auto doers_b = doers_of(rows.b, *there);
        const Terms names_a = at_places(rows.terms_a, doers_a);
        const Terms names_b = at_places(rows.terms_b, doers_b);
        const auto in = [](Span terms) { return [terms](const Term* term) { return holds(terms, *term); }; };
        if (!names_a.empty() && !names_b.empty() && std::ranges::none_of(names_a, in(names_b)) &&
            std::ranges::all_of(names_a, in(rows.terms_b)) && std::ranges::all_of(names_b, in(rows.terms_a))) {
            return std::pair{rows.a[doers_a.front()].surface, rows.b[doers_b.front()].surface};
        }
    }
    return std::nullopt;
}

// What an active verb is done to: the noun right behind it with all it is listed with.
std::vector<std::size_t> things_of(Row row, std::size_t verb) {
    std::vector<std::size_t> found;
    std::size_t at = verb + 1;
    if (row[verb].is_passive || at == row.size() || !row[at].links.empty()) {
        return found;
    }
    for (; at < row.size() && !row[at].is_verb; ++at) {
        const bool is_and = !row[at].links.empty() && row[at].links.back()->key == "and" && all_listing(row[at].links);
        if (at != verb + 1 && !is_and && !row[at].is_joined) {
            return found;
        }
        found.push_back(at);
    }
    if (at < row.size()) {
        found.clear();  // "called Bob and Carl wrote": the list may be two clauses
    }
    return found;
}

// Also the bare verb behind names: "Ann and Bob invite".
bool is_verb_at(Row row, std::size_t at) {
    const bool is_behind_list = at > 1 && row[at].is_joined && row[at - 1].kind == Kind::name &&
                                !row[at - 1].links.empty() && all_listing(row[at - 1].links);
    return row[at].is_verb || (is_behind_list && row[at].term->marks.has(Mark::verb));
}

// Rule 1 for one of several: "Ann invited Bob and Carl", "Ann and Bob invited Carl".
Parties joined_doer(Row row, Span terms, Row others, Span other_terms) {
    for (std::size_t at = 0; at < row.size(); ++at) {
        const bool counts = row[at].is_verb && !row[at].term->marks.has(Mark::symmetric);
        if (!counts || only_place(terms, *terms[at]) != at) {
            continue;
        }
        const std::optional<std::size_t> there = only_place(other_terms, *terms[at]);
        if (!there || !is_verb_at(others, *there) || others[*there].is_passive) {
            continue;
        }
        const std::vector<std::size_t> places = doers_of(row, at);
        const Terms doers = at_places(terms, places);
        const Terms other_doers = at_places(other_terms, doers_of(others, *there));
        const Terms other_things = at_places(other_terms, things_of(others, *there));
        for (const std::size_t thing : things_of(row, at)) {
            const Term& term = *terms[thing];
            const bool is_moved = holds(other_doers, term) && !holds(doers, term) && !holds(other_things, term);
            if (is_moved && !doers.empty() && holds(other_doers, *doers.front())) {
                return std::pair{row[places.front()].surface, row[thing].surface};
            }
        }
    }
    return std::nullopt;
}

// Lengths (x, y) such that `a` is X M Y and `b` is Y M X.
std::optional<std::pair<std::size_t, std::size_t>> blocks_of(Span a, Span b) {
    const std::size_t size = a.size();
    if (size < 2 || size > kLongestExchange) {
        return std::nullopt;
    }
    for (std::size_t first = 1; first < size; ++first) {
        if (!equal_terms(a.first(first), b.last(first))) {
            continue;
        }
        for (std::size_t last = 1; last <= size - first; ++last) {
            const std::size_t middle = size - first - last;
            if (equal_terms(a.last(last), b.first(last)) &&
                equal_terms(a.subspan(first, middle), b.subspan(last, middle))) {
                return std::pair{first, last};
            }
        }
    }
    return std::nullopt;
}

// Where the two exchanged blocks stand.
struct Exchange {
    std::size_t start;     // of the first block, in both rows
    std::size_t end;       // behind the second
    std::size_t first;     // length of the first block in `a`, the second in `b`
    std::size_t last;      // length of the other
    std::size_t second_a;  // where the second block begins
    std::size_t second_b;
};

std::optional<Exchange> exchange_of(const Rows& rows) {
    if (rows.terms_a.size() != rows.terms_b.size()) {
        return std::nullopt;
    }
    const auto is_same = [&](std::size_t at) { return equal(*rows.terms_a[at], *rows.terms_b[at]); };
    std::size_t start = 0;
    std::size_t end = rows.terms_a.size();
    while (start < end && is_same(start)) {
        ++start;
    }
    while (start < end && is_same(end - 1)) {
        --end;
    }
    const auto blocks =
        blocks_of(Span{rows.terms_a}.subspan(start, end - start), Span{rows.terms_b}.subspan(start, end - start));
    if (!blocks) {
        return std::nullopt;
    }
    const auto [first, last] = *blocks;
    return Exchange{start, end, first, last, end - last, end - first};
}

// "to", "over" and "rather than" all put an item second ("books to films", "books over films").
bool equal_roles(const Item& one, const Item& other) {
    return std::ranges::equal(untitled(one.links), untitled(other.links), [](const TermRef& a, const TermRef& b) {
        return equal(*a, *b) || (a->marks.has(Mark::second) && b->marks.has(Mark::second));
    });
}

// Whether each place of the sentence keeps its small words although what fills it has changed.
bool small_words_stay(const Rows& rows, const Exchange& exchange) {
    const auto& [start, end, first, last, second_a, second_b] = exchange;
    if (!equal(untitled(rows.a[start].links), untitled(rows.b[start].links)) ||
        !equal_roles(rows.a[second_a], rows.b[second_b])) {
        return false;
    }
    for (std::size_t at = 0; start + first + at < second_a; ++at) {
        if (!equal(rows.a[start + first + at].links, rows.b[start + last + at].links)) {
            return false;
        }
    }
    return true;
}

// "Ann, Bob's boss, resigned", "Bob, Ann's boss, resigned": the name behind the comma owns what the first one is.
bool is_apposition(const Rows& rows, const Exchange& exchange) {
    const auto is_owned = [&](Row row) {
        return exchange.end < row.size() && !row[exchange.end].links.empty() &&
               row[exchange.end].links.front()->key == "'s";
    };
    const auto& links = rows.a[exchange.second_a].links;
    const bool is_behind_comma = std::ranges::all_of(links, [](const TermRef& link) { return link->key == ","; });
    return exchange.second_a == exchange.start + exchange.first && is_behind_comma && is_owned(rows.a) &&
           is_owned(rows.b) && rows.a.size() > exchange.end - exchange.start + 1;
}

// "Tea with milk" lists; "replace tea with milk" does not.
bool are_listed(Row row, const Exchange& exchange) {
    const auto is_replacing = [](const Item& item) { return item.term->marks.has(Mark::replacing); };
    if (std::ranges::any_of(row.first(exchange.start), is_replacing) &&
        std::ranges::any_of(row[exchange.second_a].links, [](const TermRef& link) { return link->key == "with"; })) {
        return false;
    }
    for (std::size_t at = exchange.start + exchange.first; at <= exchange.second_a; ++at) {
        if (row[at].links.empty() || !all_listing(row[at].links)) {
            return false;
        }
    }
    return true;
}

// Whether the exchanged blocks are whole statements side by side: "I like tea and I play chess".
bool are_clauses(Row row, const Exchange& exchange) {
    const auto has_verb = [&](std::size_t from, std::size_t to) {
        return std::ranges::any_of(row.subspan(from, to - from), [](const Item& item) { return item.is_verb; });
    };
    const std::size_t first_end = exchange.start + exchange.first;
    return has_verb(exchange.start, first_end) && has_verb(exchange.second_a, exchange.end) &&
           has_marked(row[first_end].links, Mark::clause_end);
}

// Nothing but "X is Y": said of each other either way.
bool are_equated(Row row, const Exchange& exchange) {
    const auto& links = row[exchange.second_a].links;
    return exchange.start == 0 && exchange.end == row.size() && exchange.second_a == exchange.first &&
           links.size() == 1 && links[0]->key == "be";
}

// Whether some small verb stands between the two: "Tim advised John", "A man uses a saw".
bool has_verb_between(const Item& second_a, const Item& second_b, const Item& first_a) {
    if (first_a.kind == Kind::name && second_a.kind == Kind::name && !second_a.is_joined) {
        return true;
    }
    return second_a.auxiliary != Time::none && second_b.auxiliary != Time::none;
}

// Whether what holds of both alike stands around or between the exchanged: "Ada is a friend of Bob". Exchanged itself
// it says nothing: "the son of Ada's friend", "the friend of Ada's son".
bool is_mutual(const Rows& rows, const Exchange& exchange) {
    const Span terms{rows.terms_a};
    const std::size_t from = exchange.start > 0 ? exchange.start - 1 : 0;
    const std::size_t first_end = exchange.start + exchange.first;
    const std::size_t to = std::min(exchange.end + 1, terms.size());
    const auto middle = rows.a.subspan(first_end, exchange.second_a - first_end);
    const auto is_one_way = [](const Item& item) { return item.is_verb && !item.term->marks.has(Mark::symmetric); };
    const auto is_mutual_verb = [](const Item& item) { return item.is_verb && item.term->marks.has(Mark::symmetric); };
    const bool goes_one_way = std::ranges::any_of(middle, is_one_way);
    // "The man Ann married hates Ben", "my friend Ann hates Ben": there is a verb that does not hold of both alike.
    if (goes_one_way && (std::ranges::any_of(middle, is_mutual_verb) || exchange.start > from)) {
        return any_symmetric(terms.subspan(exchange.end, to - exchange.end));
    }
    return any_symmetric(terms.subspan(from, exchange.start - from)) ||
           any_symmetric(terms.subspan(first_end, exchange.second_a - first_end)) ||
           any_symmetric(terms.subspan(exchange.end, to - exchange.end));
}

// Rule 2; the two exchanged may be several words each ("dim sum over biryani").
Parties exchanged(const Rows& rows) {
    const std::optional<Exchange> exchange = exchange_of(rows);
    if (!exchange) {
        return std::nullopt;
    }
    if (is_apposition(rows, *exchange)) {
        return std::pair{rows.a[exchange->start].surface, rows.a[exchange->second_a].surface};
    }
    if (is_mutual(rows, *exchange) || !small_words_stay(rows, *exchange) || are_listed(rows.a, *exchange) ||
        are_clauses(rows.a, *exchange) || are_equated(rows.a, *exchange)) {
        return std::nullopt;
    }
    const Item& first = rows.a[exchange->start];
    const Item& second = rows.a[exchange->second_a];
    const bool is_adjacent = exchange->second_a == exchange->start + exchange->first;
    const bool is_tied = !second.links.empty() || has_verb_between(second, rows.b[exchange->second_b], first);
    if (is_adjacent && !is_tied) {
        return std::nullopt;  // "every morning I run", "I run every morning": nothing ties one to the other
    }
    return std::pair{first.surface, second.surface};
}

}  // namespace

Parties swapped(const Comparison& comparison, const ItemPair* extra) {
    Rows rows{comparison.a->items, comparison.b->items, {}, {}};
    if (rows.a.size() < kLeastItems || rows.b.size() < kLeastItems) {
        return std::nullopt;
    }
    for (const Item& item : rows.a) {
        rows.terms_a.push_back(item.term.get());
    }
    for (const Item& item : rows.b) {
        const bool is_extra = extra != nullptr && equal(*extra->second->term, *item.term);
        rows.terms_b.push_back(is_extra ? extra->first->term.get() : &renamed(comparison.same, *item.term));
    }
    if (equal_terms(rows.terms_a, rows.terms_b) &&
        std::ranges::equal(rows.a, rows.b, {}, &Item::is_passive, &Item::is_passive)) {
        return std::nullopt;
    }
    Parties parties = other_doer(rows);
    if (!parties) {
        parties = joined_doer(rows.a, rows.terms_a, rows.b, rows.terms_b);
    }
    if (!parties) {
        parties = joined_doer(rows.b, rows.terms_b, rows.a, rows.terms_a);
    }
    if (!parties) {
        parties = exchanged(rows);
    }
    return parties ? parties : exchanged(rows.from_b());  // what lists or ties is asked of one side at a time
}

bool in_order(const Features& a, const Features& b) {
    return std::ranges::equal(a.items, b.items,
                              [](const Item& one, const Item& other) { return equal(*one.term, *other.term); });
}

}  // namespace khala::text

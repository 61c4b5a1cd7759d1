// Detector of when and how often, where the small word before a span or a point of time tells it.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "text/detectors.hpp"

namespace khala::text {
namespace {

// How a span or a point of time is meant: "every 2 hours", "for 2 hours", "in 2 hours"; "by Friday", "on Friday".
enum class Timing : std::uint8_t { untold, every, lasting, after, until, at };

Timing timing_of(const Item& item) {
    const auto has = [&](std::string_view key) { return has_link(item.links, key); };
    if (item.kind == Kind::number && item.term->key.starts_with("duration:")) {
        if (item.quantity == "all") {
            return Timing::every;
        }
        if (has("for")) {
            return Timing::lasting;
        }
        return has("in") || has("within") || has("after") || has("ago") ? Timing::after : Timing::untold;
    }
    if (item.kind == Kind::date || item.kind == Kind::time) {
        if (item.quantity == "all") {
            return Timing::every;
        }
        if (item.surface.ends_with('s')) {
            return Timing::untold;  // "on Fridays" is as well "every Friday"
        }
        if (has("by")) {
            return Timing::until;
        }
        return has("on") || has("at") || has("in") ? Timing::at : Timing::untold;
    }
    return Timing::untold;
}

bool tells_due(const Features& features) {
    return std::ranges::any_of(features.keys, [](const Term* key) { return key->marks.has(Mark::due); });
}

bool are_other_timings(Timing one, Timing other, const Comparison& comparison) {
    const auto [first, second] = std::minmax(one, other);
    if (first == second || first == Timing::untold) {
        return false;
    }
    if (first == Timing::lasting && second == Timing::after) {  // "has not slept for 2 days", "... in 2 days"
        return comparison.a->negations.empty() && comparison.b->negations.empty();
    }
    const bool is_of_date = first == Timing::until && second == Timing::at;
    return !is_of_date || !(tells_due(*comparison.a) || tells_due(*comparison.b));
}

std::string shown(const Item& item) {
    if (timing_of(item) == Timing::every) {
        return "every " + item.surface;
    }
    return (item.links.empty() ? "" : item.links.back()->key + " ") + item.surface;
}

}  // namespace

void find_timing(const Comparison& comparison, Reasons& reasons) {
    for (const Item& one : comparison.a->items) {
        const Timing timing = timing_of(one);
        if (timing == Timing::untold) {
            continue;
        }
        const auto other =
            std::ranges::find_if(comparison.b->items, [&](const Item& item) { return equal(*item.term, *one.term); });
        if (other != comparison.b->items.end() && are_other_timings(timing, timing_of(*other), comparison)) {
            reasons.push_back(said("relation", Judgement::conflict, "time", shown(one), shown(*other)));
            return;
        }
    }
}

}  // namespace khala::text

#include "text/judge.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "text/detectors.hpp"
#include "text/lists.hpp"

namespace khala::text {
namespace {

using Detector = void (*)(const Comparison&, Reasons&);

// In the order in which reasons are listed.
constexpr std::array<Detector, 18> kDetectors{
    find_polarity,   find_quantifiers, find_modality,  find_tense,   find_values,   find_bounds,
    find_counts,     find_counted,     find_relations, find_timing,  find_roles,    find_persons,
    find_attributes, find_change,      find_names,     find_wording, find_question, find_language,
};

std::string shown(double number, int decimals) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.*f", decimals, number);
    return text.data();
}

// Reasons that leave nothing to compare.
std::optional<Reason> unreadable(const Features& a, const Features& b, double cosine) {
    const auto because = [](std::string code, std::string sentence) {
        return Reason{std::move(code), Judgement::distinct, std::move(sentence), {}};
    };
    if (a.is_too_long || b.is_too_long) {
        return because("too_long", "not equal, and longer than " + std::to_string(kMaxChars) + " characters or " +
                                       std::to_string(kMaxItems) + " words");
    }
    if (a.items.empty() && b.items.empty()) {
        return equal(a.links, b.links) ? std::nullopt : std::optional{because("empty", "nothing to compare")};
    }
    if (a.items.empty() || b.items.empty()) {
        return because("empty", "one text states nothing");
    }
    if (cosine < kSimilarityFloor) {
        return because("similarity", "cosine " + shown(cosine, 3) + " is below " + shown(kSimilarityFloor, 1));
    }
    return std::nullopt;
}

// A told change is an update; else contradiction outweighs difference, new value and mere detail.
Judgement kind_of(const Reasons& reasons) {
    if (std::ranges::any_of(reasons, [](const Reason& reason) { return reason.code == "change"; })) {
        return Judgement::update;
    }
    for (const Judgement kind : {Judgement::conflict, Judgement::distinct, Judgement::update}) {
        if (std::ranges::any_of(
                reasons, [kind](const Reason& reason) { return reason.kind == kind && reason.code != "detail"; })) {
            return kind;
        }
    }
    return Judgement::distinct;
}

std::vector<std::string> extras_of(const Leftovers& words, const Leftovers& values) {
    std::vector<std::string> extras;
    for (const Leftovers* side : {&words, &values}) {
        for (const Item* item : *side) {
            if (item->kind != Kind::symbol) {
                extras.push_back(item->surface);
            }
        }
    }
    return extras;
}

}  // namespace

Verdict judge(const Features& a, const Features& b, double cosine) {
    Verdict verdict;
    if (a.text == b.text) {
        return verdict;
    }
    if (auto reason = unreadable(a, b, cosine)) {
        verdict.kind = Judgement::distinct;
        verdict.reasons.push_back(*std::move(reason));
        return verdict;
    }
    const Comparison comparison = compare(a, b);
    for (const Detector find : kDetectors) {
        find(comparison, verdict.reasons);
    }
    if (!verdict.reasons.empty()) {
        verdict.kind = kind_of(verdict.reasons);
    } else if (comparison.is_restated) {
        verdict.extra_a = extras_of(comparison.rest_a, comparison.values_a);
        verdict.extra_b = extras_of(comparison.rest_b, comparison.values_b);
    }
    return verdict;
}

}  // namespace khala::text

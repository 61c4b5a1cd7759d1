// Lexicon: base forms by the endings of English.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "text/lexicon.hpp"
#include "text/utf8.hpp"

namespace khala::text {
namespace {

constexpr std::string_view kVowels = "aeiou";

bool is_one_of(char letter, std::string_view letters) noexcept {
    return letters.find(letter) != std::string_view::npos;
}

bool ends_with_any(std::string_view word, std::initializer_list<std::string_view> endings) noexcept {
    return std::ranges::any_of(endings, [&](std::string_view ending) { return word.ends_with(ending); });
}

std::string_view shorter(std::string_view word, std::size_t letters) noexcept {
    return word.substr(0, word.size() - letters);
}

std::string joined(std::string_view stem, std::string_view ending) {
    return std::string{stem}.append(ending);
}

// Consonants, one vowel, one consonant that a final e may follow: "hik", "us".
bool is_one_syllable(std::string_view stem) noexcept {
    const auto vowel = stem.find_first_of(kVowels);
    return vowel != std::string_view::npos && vowel + 2 == stem.size() && !is_one_of(stem.back(), "aeiouwxy");
}

bool has_silent_e(std::string_view stem) noexcept {
    return is_one_of(stem.back(), "vczu") || ends_with_any(stem, {"dg", "at", "iz"}) ||
           (stem.back() == 'l' && is_one_of(stem[stem.size() - 2], "bcdfgkptz")) || is_one_syllable(stem);
}

}  // namespace

Lexicon::Reduced Lexicon::base_of(std::string_view lower) const {
    if (is(lower, Mark::fixed) || !is_ascii(lower)) {
        return {std::string{lower}, Form::none};
    }
    const auto irregular = irregular_.find(lower);
    if (irregular != irregular_.end()) {
        return irregular->second;
    }
    // A form of a known verb is that verb; any other listed word is itself, whatever its ending looks like.
    Reduced reduced;
    if (reduce(lower, reduced) &&
        (is(reduced.base, Mark::verb) || (!is(lower, Mark::content) && !is(lower, Mark::graded)))) {
        return reduced;
    }
    return {std::string{lower}, Form::none};
}

// The first ending that leaves something like a word.
bool Lexicon::reduce(std::string_view word, Reduced& reduced) const {
    constexpr std::size_t kLeast = 4;
    if (word.size() < kLeast) {
        return false;
    }
    const auto take = [&](std::string base, Form form) {
        reduced = {std::move(base), form};
        return !reduced.base.empty();
    };
    if (word.ends_with("ies")) {
        const bool is_plain = word.size() <= kLeast || is(shorter(word, 1), Mark::content);
        return take(is_plain ? std::string{shorter(word, 1)} : joined(shorter(word, 3), "y"), Form::s);
    }
    if (word.ends_with("es")) {
        return take(without_es(word), Form::s);
    }
    if (word.ends_with('s') && !ends_with_any(word, {"ss", "us", "is", "news"})) {
        return take(std::string{shorter(word, 1)}, Form::s);
    }
    if (word.ends_with("ied")) {
        return take(joined(shorter(word, 3), "y"), Form::both);
    }
    return (word.ends_with("ed") && take(stem_of(shorter(word, 2)), Form::both)) ||
           (word.ends_with("ing") && take(stem_of(shorter(word, 3)), Form::ing)) ||
           (word.ends_with("ly") && take(without_ly(word), Form::none)) ||
           (word.ends_with("er") && take(graded(shorter(word, 2)), Form::er)) ||
           (word.ends_with("est") && take(graded(shorter(word, 3)), Form::est));
}

std::string Lexicon::without_es(std::string_view word) const {
    const std::string_view stem = shorter(word, 2);
    if (!is(shorter(word, 1), Mark::content) && ends_with_any(stem, {"s", "x", "z", "ch", "sh", "o"})) {
        return std::string{stem};
    }
    return std::string{shorter(word, 1)};
}

std::string Lexicon::without_ly(std::string_view word) const {
    if (is(word, Mark::no_ly)) {
        return {};
    }
    const std::array<std::string, 3> stems{
        std::string{shorter(word, 2)},
        word.ends_with("ily") ? joined(shorter(word, 3), "y") : std::string{},
        word.ends_with("bly") ? joined(shorter(word, 1), "e") : std::string{},
    };
    const auto* found = std::ranges::find_if(
        stems, [&](const std::string& stem) { return is(stem, Mark::content) || is(stem, Mark::graded); });
    return found == stems.end() ? std::string{} : *found;
}

std::string Lexicon::graded(std::string_view stem) const {
    const std::string_view last_off = shorter(stem, std::min<std::size_t>(1, stem.size()));
    const std::array<std::string, 4> bases{
        std::string{stem},
        joined(stem, "e"),
        stem.ends_with('i') ? joined(last_off, "y") : std::string{},
        std::string{last_off},
    };
    const auto* found = std::ranges::find_if(bases, [&](const std::string& base) { return is(base, Mark::graded); });
    return found == bases.end() ? std::string{} : *found;
}

// Base form behind -ed or -ing; empty when nothing like a word is left.
std::string Lexicon::stem_of(std::string_view stem) const {
    if (stem.size() < 2 || stem.find_first_of("aeiouy") == std::string_view::npos) {
        return {};
    }
    const bool doubled = stem.size() > 2 && stem.back() == stem[stem.size() - 2] && !is_one_of(stem.back(), kVowels);
    const std::array<std::string, 3> bases{
        std::string{stem},
        joined(stem, "e"),
        doubled ? std::string{shorter(stem, 1)} : std::string{},
    };
    const auto* known = std::ranges::find_if(
        bases, [&](const std::string& base) { return is(base, Mark::content) || is(base, Mark::light); });
    if (known != bases.end()) {
        return *known;
    }
    if (doubled && !is_one_of(stem.back(), "lsz")) {
        return std::string{shorter(stem, 1)};
    }
    return has_silent_e(stem) ? joined(stem, "e") : std::string{stem};
}

}  // namespace khala::text

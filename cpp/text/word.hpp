// What is known about a word by itself, before anything is known about where it stands.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/mark.hpp"
#include "text/term.hpp"

namespace khala::text {

// Of English words. "both": past or participle, the two look alike.
enum class Form : std::uint8_t { none, s, past, participle, both, ing, er, est };

// Independent of the tags of a word.
enum class Role : std::uint8_t { light, negation, pronoun, content };

// When something is, as far as one word tells. "maybe_present": a word in -s that may be a plural, which says something
// only beside the past of the same word.
enum class Time : std::uint8_t { none, past, present, perfect, pluperfect, former, future, maybe_present };

// How items and tokens look. A mark is punctuation and never becomes an item.
enum class Kind : std::uint8_t { word, name, pronoun, symbol, number, date, time, identifier, mark };

// Of a word that may be a value by itself ("two", "monday", "may").
enum class Value : std::uint8_t { none, number, fixed, month };

// What a small word does to the time of what follows it.
enum class Auxiliary : std::uint8_t { none, had, has, past, present, have_to };

struct Word {
    std::string spelled;  // lower case, as in the text
    std::uint64_t hash = 0;
    TermRef base;  // American spelling
    Form form = Form::none;
    Role role = Role::content;
    std::string person;      // of a pronoun
    std::string quantifier;  // tag, as the next ones
    std::string modal;
    Time tense = Time::none;
    std::string quantity;    // tag of the quantity that it gives to what follows
    std::string light_verb;  // base of a verb that carries little meaning of its own
    TermRef link;            // how it is compared as a small word; null: mere style
    Auxiliary auxiliary = Auxiliary::none;
    Marks marks;
    Value value = Value::none;
    Kind value_kind = Kind::word;
    TermRef value_term;
    bool is_known = false;    // some list has it or its base
    bool is_style = false;    // waits for the next item, and that is all
    bool is_marking = false;  // does something to the statement as a whole
    bool is_infinitive = false;
    std::vector<std::uint8_t> phrase_lengths;  // of the phrases that begin with it, longest first
};

using WordRef = std::shared_ptr<const Word>;

[[nodiscard]] constexpr bool is_participle(Form form) noexcept {
    return form == Form::both || form == Form::participle;
}
[[nodiscard]] constexpr bool is_grade(Form form) noexcept {
    return form == Form::er || form == Form::est;
}

// Kinds of which each occurrence counts and none may be missing.
[[nodiscard]] constexpr bool is_value(Kind kind) noexcept {
    return kind == Kind::number || kind == Kind::date || kind == Kind::time || kind == Kind::identifier;
}

// As the word lists and the reasons spell them: "past", "present?".
[[nodiscard]] std::string_view name(Time time) noexcept;

}  // namespace khala::text

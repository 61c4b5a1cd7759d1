// The word lists, ready to be asked. Words are reduced to base forms by irregular lists, known words and the rules of
// English endings. Exactness matters less than agreement: the two texts of a pair are folded by the same rules, and
// what the rules tear apart ("migrated" and an unknown base) same_stem still recognises.
//
// Words are remembered: a lexicon grows with what it is asked, up to a limit at which it forgets all of it. Not
// thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "text/lists.hpp"
#include "text/term.hpp"
#include "text/word.hpp"

namespace khala::text {

// The lists that give a word a tag.
enum class TagList : std::uint8_t {
    person,
    quantifier,
    modal,
    tense,
    quantity,    // of what stands right before an item
    auxiliary,   // small verbs that say when
    spelling,    // British spelling, abbreviation -> the form the other lists use
    comparator,  // "+" or "-"
    hollow,      // verb -> the light verbs that say as much, separated by blanks
    count,
};

struct StringHash {
    using is_transparent = void;
    [[nodiscard]] std::size_t operator()(std::string_view text) const noexcept { return hash_of(text); }
};
template <typename T>
using StringMap = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;

class Lexicon {
public:
    static constexpr std::size_t kRememberedWords = std::size_t{1} << 16U;

    // invalid_argument: a list is missing, unknown, or says what no list of its kind can say.
    [[nodiscard]] static base::Result<std::unique_ptr<Lexicon>> make(Lists lists);

    // Looks a folded, lower-case word up.
    [[nodiscard]] WordRef word(std::string_view lower);

    [[nodiscard]] TermRef term(std::string_view key) const;
    [[nodiscard]] const WordRef& comma() const noexcept { return comma_; }
    [[nodiscard]] const WordRef& colon() const noexcept { return colon_; }

    // What the words mean together: the words of the meaning, or null if they are no phrase.
    [[nodiscard]] const Words* phrase(std::span<const Word* const> words) const;

private:
    struct Reduced {
        std::string base;
        Form form = Form::none;
    };
    struct Phrase {
        Words said;
        Words meant;
    };

    Lexicon() = default;

    base::Result<void> take_sets(const Lists& lists);
    base::Result<void> take_tagged(Lists& lists);
    base::Result<void> take_forms(const Lists& lists);
    base::Result<void> take_values(const Lists& lists);
    base::Result<void> take_phrases(Lists& lists);
    void take_meanings(const Lists& lists);

    [[nodiscard]] Marks marks_of(std::string_view word) const;
    [[nodiscard]] bool is(std::string_view word, Mark mark) const { return marks_of(word).has(mark); }
    [[nodiscard]] std::string_view tag(TagList list, std::string_view word) const;
    [[nodiscard]] Term& meaning(const std::string& listed);
    [[nodiscard]] Term& listed_term(const std::string& key);
    [[nodiscard]] std::shared_ptr<Term> make_term(std::string_view key) const;
    [[nodiscard]] std::shared_ptr<Word> look_up(std::string_view lower) const;
    void look_up_uses(Word& word) const;
    [[nodiscard]] TermRef link_of(const Word& word) const;
    [[nodiscard]] Auxiliary auxiliary_of(std::string_view word) const;

    // Endings (endings.cpp).
    [[nodiscard]] Reduced base_of(std::string_view lower) const;
    [[nodiscard]] bool reduce(std::string_view word, Reduced& reduced) const;
    [[nodiscard]] std::string stem_of(std::string_view stem) const;
    [[nodiscard]] std::string without_es(std::string_view word) const;
    [[nodiscard]] std::string without_ly(std::string_view word) const;
    [[nodiscard]] std::string graded(std::string_view stem) const;

    StringMap<Marks> marks_;
    std::array<StringMap<std::string>, static_cast<std::size_t>(TagList::count)> tags_;
    StringMap<Reduced> irregular_;
    struct ListedValue {
        Value value = Value::none;
        Kind kind = Kind::word;
        TermRef term;
    };
    StringMap<ListedValue> values_;
    std::unordered_map<std::uint64_t, std::vector<Phrase>> phrases_;
    StringMap<std::vector<std::uint8_t>> phrase_lengths_;
    StringMap<std::shared_ptr<Term>> terms_;
    StringMap<WordRef> words_;
    WordRef comma_;
    WordRef colon_;
};

}  // namespace khala::text

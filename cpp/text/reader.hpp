// Reading a text into features: the half of a judgement that depends on one text alone, so a batch reads each text
// once.
//
// Reading is one walk over the tokens; small words wait until the next item takes them as its links.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/features.hpp"
#include "text/grammar.hpp"
#include "text/lexicon.hpp"
#include "text/tokens.hpp"

namespace khala::text {

// Reads a normalised text of at most kMaxChars characters; `shouts`: it is in capitals. A text of more than kMaxItems
// items is marked as too long and has nothing but its text.
[[nodiscard]] Features read_text(std::string_view text, bool shouts, Lexicon& lexicon, Pieces& pieces,
                                 Scanner& scanner);

// Walks over the tokens of one text once.
class Reader {
public:
    Reader(const std::vector<const Token*>& tokens, bool shouts, Lexicon& lexicon, Scanner& scanner);

    [[nodiscard]] Features read();

private:
    using Index = std::size_t;  // of a token

    struct Uses {  // of a word, which its place may change
        Role role = Role::content;
        std::string_view modal;
    };

    void take_item(TermRef term, const std::string& surface, Kind kind, const VerbUse& use = {},
                   Amount amount = Amount::none, SmallWords* before = nullptr);
    [[nodiscard]] Index take_word(const Token& token, Index at);
    void mark_statement(const Token& token, std::string_view modal, Index at);
    void take_small(const Token& token, const Uses& uses, Index at);
    [[nodiscard]] Time time_of_small(const Word& word, Index at) const;
    [[nodiscard]] std::optional<Index> take_value_word(const Token& token, Index at);
    [[nodiscard]] Index take_number_word(const Token& token, Index at);
    [[nodiscard]] Index take_number(const Token& token, std::string key, Index at);
    void take_pronoun(const Token& token, Index at);
    void take_content(const Token& token, Index at);

    [[nodiscard]] const Word* word_at(Index at) const;
    [[nodiscard]] bool is_at(Index at, std::string_view lower) const;
    [[nodiscard]] bool is_marked_at(Index at, Mark mark) const;
    [[nodiscard]] bool is_denying(const Word& word, Index at) const;
    [[nodiscard]] bool is_partitive(const Token& token, Index at) const;
    [[nodiscard]] bool is_counting_one(Index at) const;
    [[nodiscard]] bool is_month(const Token& token, Index at) const;
    [[nodiscard]] bool is_ownable(Index at) const;
    [[nodiscard]] bool is_name(const Token& token) const;
    [[nodiscard]] bool is_letter_name(const Token& token) const;
    [[nodiscard]] bool is_participle_surface(const std::string& surface) const;
    [[nodiscard]] Amount amount_of(const Word& word, const VerbUse& use, const SmallWords* before) const;
    [[nodiscard]] bool is_relative_that() const;
    [[nodiscard]] bool follows_user(Form form) const;
    [[nodiscard]] std::optional<Kind> previous_kind() const;

    const std::vector<const Token*>& tokens_;
    Lexicon& lexicon_;
    Scanner& scanner_;
    bool shouts_ = false;
    bool is_titled_ = false;
    Features features_;
    std::vector<const Word*> before_;  // every word since the last item
    Time time_ = Time::none;           // told by the light verbs since the last item
    char tie_ = 0;                     // of the item that the token makes
    std::size_t word_count_ = 0;
    std::size_t known_count_ = 0;
    bool is_surely_english_ = false;
};

}  // namespace khala::text

// From a text to tokens. Most pieces between two spaces are plain English words, perhaps with a mark behind; those are
// read here. All others, whatever has digits, signs or letters beyond ASCII, are read by a Scanner, and remembered by
// how they are written; what reaches over a space ("3 May", "5 km") is asked for each time. Then listed phrases are
// folded into what they mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/lexicon.hpp"
#include "text/word.hpp"

namespace khala::text {

struct Token {
    Kind kind = Kind::word;
    std::string key;          // what is compared: the folded lower-case word, or the key of the value
    std::string surface;      // what stood in the text
    bool starts = false;      // whether a sentence begins here
    bool is_capital = false;  // of the surface: its first letter is a capital
    bool is_shouted = false;  // all letters are, and there are two characters or more
    bool is_long = false;     // four characters or more
    char tie = 0;             // the sign that joins it to the token before: '-', '/', '~' (a dash between spaces)
    WordRef word;             // of a word, once it was looked up
};

// A token of an ASCII text.
[[nodiscard]] Token ascii_token(Kind kind, std::string key, std::string surface, bool starts);

// What a sentence is like where a piece of it begins.
struct Place {
    bool starts = true;   // a sentence begins here
    bool shouts = false;  // the whole text is in capitals
};

struct Piece {
    std::vector<Token> tokens;
    bool starts = false;  // whether a sentence begins behind it
};

struct Scan {
    Piece piece;
    std::size_t next = 0;  // character of the text where the next piece begins
};

// Knows the shapes of what is no plain word. What it throws passes through the reader, which keeps no half-done state.
class Scanner {
public:
    Scanner() = default;
    Scanner(const Scanner&) = delete;
    Scanner& operator=(const Scanner&) = delete;
    Scanner(Scanner&&) = delete;
    Scanner& operator=(Scanner&&) = delete;
    virtual ~Scanner() = default;

    // Tokens of a text between spaces; nothing if it may reach over the next space.
    [[nodiscard]] virtual std::optional<Piece> piece(std::string_view piece, Place place) = 0;
    // Tokens of the text that is being read, from a character to the first space between two of them.
    [[nodiscard]] virtual Scan scan(std::size_t from, Place place) = 0;
    // The key of a number (its key) with a unit (lower case); empty if the unit stays a word.
    [[nodiscard]] virtual std::string measured(std::string_view number, std::string_view unit) = 0;
    // The key of the number that the words begin with, and the place of its last word.
    [[nodiscard]] virtual std::pair<std::string, std::size_t> spelled(const Words& words) = 0;
};

// Pieces by how they are written; the same rules as for the words of a lexicon hold.
class Pieces {
public:
    static constexpr std::size_t kRemembered = std::size_t{1} << 16U;
    static constexpr std::size_t kLongest = 40;  // characters of a piece that is remembered

    // Null if the piece may reach over the next space.
    [[nodiscard]] std::shared_ptr<const Piece> read(std::string_view piece, Place place, Scanner& scanner,
                                                    Lexicon& lexicon);

private:
    StringMap<std::shared_ptr<const Piece>> pieces_;  // null: may reach over the next space
};

// The tokens of one text, phrases folded.
class Tokens {
public:
    // The text is normalised: single spaces, none at its ends.
    Tokens(std::string_view text, bool shouts, Pieces& pieces, Scanner& scanner, Lexicon& lexicon);

    [[nodiscard]] const std::vector<const Token*>& all() const noexcept { return tokens_; }

private:
    void read(std::string_view text, bool shouts, Pieces& pieces, Scanner& scanner, Lexicon& lexicon);
    void take(std::shared_ptr<const Piece> piece, char tie);
    void fold(Lexicon& lexicon);
    [[nodiscard]] std::size_t fold_at(std::size_t at, std::vector<const Token*>& folded, Lexicon& lexicon);
    void replace(std::size_t at, std::size_t length, const Words& meant, std::vector<const Token*>& folded,
                 Lexicon& lexicon);

    std::vector<std::shared_ptr<const Piece>> pieces_;  // hold the tokens
    std::deque<Token> made_;                            // hold those of phrases
    std::vector<const Token*> tokens_;
};

}  // namespace khala::text

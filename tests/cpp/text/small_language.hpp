// A language of a few words, and a scanner that knows digits: enough to see each rule without the real lists, which are
// Python's and are tested there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/features.hpp"
#include "text/judge.hpp"
#include "text/lexicon.hpp"
#include "text/lists.hpp"
#include "text/reader.hpp"
#include "text/tokens.hpp"

namespace khala::text::testing {

// Every list is there, most of them empty.
[[nodiscard]] Lists small_lists();

// Reads a run of digits as a number and every other byte as a symbol; pieces with digits reach over spaces: "3 x 4" is
// one number. Counts what it is asked.
class DigitScanner : public Scanner {
public:
    explicit DigitScanner(std::string_view text) : text_{text} {}

    std::optional<Piece> piece(std::string_view piece, Place place) override;
    Scan scan(std::size_t from, Place place) override;
    std::string measured(std::string_view number, std::string_view unit) override;
    std::pair<std::string, std::size_t> spelled(const Words& words) override;

    int pieces_asked = 0;
    int scans_asked = 0;

private:
    std::string text_;
};

// Reads and judges texts in the small language.
class SmallLanguage {
public:
    SmallLanguage();

    [[nodiscard]] Features read(std::string_view text);
    [[nodiscard]] Verdict judge(std::string_view a, std::string_view b, double cosine = 0.9);
    [[nodiscard]] std::vector<std::string> tokens(std::string_view text, DigitScanner& scanner);
    [[nodiscard]] Lexicon& lexicon() { return *lexicon_; }
    [[nodiscard]] Pieces& pieces() { return pieces_; }

private:
    std::unique_ptr<Lexicon> lexicon_;
    Pieces pieces_;
};

[[nodiscard]] std::vector<std::string> codes(const Verdict& verdict);

}  // namespace khala::text::testing

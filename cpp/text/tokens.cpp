#include "text/tokens.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "text/utf8.hpp"

namespace khala::text {
namespace {

constexpr std::string_view kPlainMarks = ",;!?.";
constexpr std::string_view kSentenceEnds = "?!.:";

constexpr bool is_letter(char byte) noexcept {
    return is_lower(byte) || is_upper(byte);
}

void look_up_words(Piece& piece, Lexicon& lexicon) {
    for (Token& token : piece.tokens) {
        if (token.kind == Kind::word) {
            token.word = lexicon.word(token.key);
        }
    }
}

// A word of ASCII letters that means what it says, with at most one mark behind it.
std::optional<Piece> plain_piece(std::string_view piece, Place place, Lexicon& lexicon) {
    std::string_view surface = piece;
    const bool is_marked = kPlainMarks.find(surface.back()) != std::string_view::npos;
    if (is_marked) {
        surface.remove_suffix(1);
    }
    if (surface.empty() || !std::ranges::all_of(surface, is_letter)) {
        return std::nullopt;
    }
    // camelCase is a name of something, not a word.
    const bool is_usual =
        std::ranges::all_of(surface, is_lower) || is_upper(surface[0]) || (surface.size() > 1 && is_upper(surface[1]));
    WordRef word = lexicon.word(lower_ascii(surface));
    if (!is_usual || word->marks.has(Mark::not_plain)) {
        return std::nullopt;
    }
    Piece read;
    read.tokens.push_back(ascii_token(Kind::word, word->spelled, std::string{surface}, place.starts));
    read.tokens.back().word = std::move(word);
    if (is_marked) {
        const std::string mark{piece.back()};
        read.tokens.push_back(ascii_token(Kind::mark, mark, mark, false));
        read.starts = kSentenceEnds.find(piece.back()) != std::string_view::npos;
    }
    return read;
}

// Of a piece that is nothing but a sign.
char tie_of(std::string_view piece) noexcept {
    if (piece == "-") {
        return '~';
    }
    return piece == "/" ? '/' : '\0';
}

}  // namespace

Token ascii_token(Kind kind, std::string key, std::string surface, bool starts) {
    constexpr std::size_t kLong = 4;
    Token token;
    token.kind = kind;
    token.key = std::move(key);
    token.surface = std::move(surface);
    token.starts = starts;
    token.is_capital = !token.surface.empty() && is_upper(token.surface[0]);
    // Of the letters beyond ASCII only a small one (ß) can stand in what folds to an ASCII word.
    token.is_shouted = token.surface.size() > 1 && std::ranges::any_of(token.surface, is_upper) &&
                       std::ranges::none_of(token.surface, is_lower) && is_ascii(token.surface);
    token.is_long = token.surface.size() >= kLong;
    return token;
}

std::shared_ptr<const Piece> Pieces::read(std::string_view piece, Place place, Scanner& scanner, Lexicon& lexicon) {
    std::string written{piece};
    written.push_back(static_cast<char>((place.starts ? 1 : 0) + (place.shouts ? 2 : 0)));
    const auto found = pieces_.find(written);
    if (found != pieces_.end()) {
        return found->second;
    }
    std::optional<Piece> read = plain_piece(piece, place, lexicon);
    if (!read) {
        read = scanner.piece(piece, place);
    }
    std::shared_ptr<const Piece> kept;
    if (read) {
        look_up_words(*read, lexicon);
        kept = std::make_shared<const Piece>(*std::move(read));
    }
    if (pieces_.size() >= kRemembered) {
        pieces_.clear();
    }
    pieces_.insert_or_assign(std::move(written), kept);
    return kept;
}

Tokens::Tokens(std::string_view text, bool shouts, Pieces& pieces, Scanner& scanner, Lexicon& lexicon) {
    read(text, shouts, pieces, scanner, lexicon);
    fold(lexicon);
}

void Tokens::read(std::string_view text, bool shouts, Pieces& pieces, Scanner& scanner, Lexicon& lexicon) {
    Place place{true, shouts};
    std::size_t next = 0;   // character where the next piece to be read begins
    std::size_t begin = 0;  // character where this one does
    char tie = '\0';        // the sign that stands alone before the next piece
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string_view piece = text.substr(at, end - at);
        const std::size_t characters = length(piece);
        at = end + 1;
        const std::size_t from = begin;
        begin += characters + 1;
        if (from < next || piece.empty()) {
            continue;  // belonged to what was found before
        }
        std::shared_ptr<const Piece> known;
        if (characters <= Pieces::kLongest) {
            known = pieces.read(piece, place, scanner, lexicon);
        }
        if (known == nullptr) {
            Scan scan = scanner.scan(from, place);
            look_up_words(scan.piece, lexicon);
            next = scan.next;
            known = std::make_shared<const Piece>(std::move(scan.piece));
        }
        const char joint = known->tokens.empty() ? tie_of(piece) : '\0';
        place.starts = known->starts;
        take(std::move(known), std::exchange(tie, joint));
    }
}

void Tokens::take(std::shared_ptr<const Piece> piece, char tie) {
    for (const Token& token : piece->tokens) {
        if (tie != '\0' && &token == &piece->tokens.front()) {
            made_.push_back(token);
            made_.back().tie = tie;
            tokens_.push_back(&made_.back());
        } else {
            tokens_.push_back(&token);
        }
    }
    pieces_.push_back(std::move(piece));
}

// Longest phrases first.
void Tokens::fold(Lexicon& lexicon) {
    const auto begins = [](const Token* token) {
        return token->word != nullptr && !token->word->phrase_lengths.empty();
    };
    if (std::ranges::none_of(tokens_, begins)) {
        return;
    }
    std::vector<const Token*> folded;
    folded.reserve(tokens_.size());
    for (std::size_t at = 0; at < tokens_.size();) {
        const std::size_t used = begins(tokens_[at]) ? fold_at(at, folded, lexicon) : 0;
        if (used == 0) {
            folded.push_back(tokens_[at]);
        }
        at += std::max<std::size_t>(used, 1);
    }
    tokens_ = std::move(folded);
}

// How many tokens the phrase at a place has; 0 if none begins there.
std::size_t Tokens::fold_at(std::size_t at, std::vector<const Token*>& folded, Lexicon& lexicon) {
    std::vector<const Word*> words;
    const std::size_t longest = tokens_[at]->word->phrase_lengths.front();
    for (std::size_t next = at; next < tokens_.size() && next < at + longest && tokens_[next]->word != nullptr;
         ++next) {
        words.push_back(tokens_[next]->word.get());
    }
    // A phrase may ask for the end of a clause by a comma: "ate little." is no "little cake".
    const std::size_t behind = at + words.size();
    if (words.size() < longest && (behind == tokens_.size() || tokens_[behind]->kind == Kind::mark)) {
        words.push_back(lexicon.comma().get());
    }
    for (const std::size_t length : tokens_[at]->word->phrase_lengths) {
        if (length > words.size()) {
            continue;
        }
        const Words* meant = lexicon.phrase(std::span{words}.first(length));
        if (meant != nullptr) {
            const std::size_t used = words[length - 1] == lexicon.comma().get() ? length - 1 : length;
            replace(at, used, *meant, folded, lexicon);
            return used;
        }
    }
    return 0;
}

void Tokens::replace(std::size_t at, std::size_t length, const Words& meant, std::vector<const Token*>& folded,
                     Lexicon& lexicon) {
    std::string surface;
    for (std::size_t next = at; next < at + length; ++next) {
        surface.append(next == at ? "" : " ").append(tokens_[next]->surface);
    }
    for (const std::string& word : meant) {
        const bool is_number = std::ranges::all_of(word, [](char byte) { return byte >= '0' && byte <= '9'; });
        made_.push_back(is_number ? ascii_token(Kind::number, "number:" + word, surface, false)
                                  : ascii_token(Kind::word, word, surface, tokens_[at]->starts));
        made_.back().tie = &word == &meant.front() ? tokens_[at]->tie : '\0';
        if (!is_number) {
            made_.back().word = lexicon.word(word);
        }
        folded.push_back(&made_.back());
    }
}

}  // namespace khala::text

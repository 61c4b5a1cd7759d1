#include "text/small_language.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include "text/mark.hpp"
#include "text/utf8.hpp"

namespace khala::text::testing {
namespace {

Words words(const std::string& text) {
    std::istringstream stream{text};
    Words found;
    for (std::string word; stream >> word;) {
        found.push_back(word);
    }
    return found;
}

bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

bool is_letter(char byte) {
    return is_lower(byte) || is_upper(byte);
}

// Letters with a sign between two of them.
bool is_of_words(std::string_view piece) {
    bool is_joined = false;
    for (std::size_t at = 0; at < piece.size(); ++at) {
        const bool is_sign = std::string_view{"-/'"}.find(piece[at]) != std::string_view::npos;
        const bool is_inside = at > 0 && at + 1 < piece.size() && is_letter(piece[at - 1]) && is_letter(piece[at + 1]);
        const bool is_last_comma = piece[at] == ',' && at + 1 == piece.size();
        if (!is_letter(piece[at]) && !is_last_comma && !(is_sign && is_inside)) {
            return false;
        }
        is_joined = is_joined || is_sign;
    }
    return is_joined;
}

// "Oslo-Rome", "tea/rum", "Bob's", a comma behind or not.
Piece words_of(std::string_view piece) {
    Piece read;
    for (std::size_t at = 0; at < piece.size();) {
        const auto end = static_cast<std::size_t>(
            std::find_if_not(piece.begin() + static_cast<std::ptrdiff_t>(at) + 1, piece.end(), is_letter) -
            piece.begin());
        const char sign = piece[at];
        if (sign == '-' || sign == '/') {
            ++at;
        }
        const std::string surface{piece.substr(at, end - at)};
        const Kind kind = sign == ',' ? Kind::mark : Kind::word;
        read.tokens.push_back(ascii_token(kind, kind == Kind::mark ? surface : lower_ascii(surface), surface, false));
        read.tokens.back().tie = sign == '-' || sign == '/' ? sign : '\0';
        at = end;
    }
    return read;
}

// Bytes of the first so many characters.
std::size_t bytes_of(std::string_view text, std::size_t characters) {
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        if (!is_continuation(text[at]) && characters-- == 0) {
            break;
        }
    }
    return at;
}

}  // namespace

Lists small_lists() {
    Lists lists;
    for (const std::string_view name : kMarkNames) {
        lists.sets[std::string{name}] = {};
    }
    for (const char* name :
         {"person", "quantifier", "modal", "tense", "quantity", "auxiliary", "spelling", "comparator", "hollow"}) {
        lists.tagged[name] = {};
    }
    lists.sets["light"] = words(
        "a the is was be it by to at not than also as dogs_own under over only half has and within because so says "
        "little");
    lists.sets["relation"] = words("to from by before after than at over under and within");
    lists.sets["negation"] = words("not never");
    lists.sets["be"] = words("is was be are");
    lists.sets["article"] = words("a");
    lists.sets["verb"] = words("like manage walk stop migrate visit plan buy");
    lists.sets["content"] = words("like manage walk stop migrate visit plan buy happy dog cat tea red blue tall short");
    lists.sets["graded"] = words("tall happy big short");
    lists.sets["english"] = words("the is");
    lists.sets["listing"] = words("and or ,");
    lists.sets["second"] = words("to over than");
    lists.sets["not_plain"] = words("cannot us may");
    lists.sets["fixed"] = words("bus wedding");
    lists.sets["number"] = words("one two");
    lists.sets["big"] = words("hundred");
    lists.sets["unit"] = words("km");
    lists.sets["place_value"] = words("be at");
    lists.sets["replaced"] = words("color");
    lists.sets["clause_end"] = words("and , :");
    lists.sets["given"] = words("because");
    lists.sets["effect"] = words("so");
    lists.sets["hearsay"] = words("says");
    lists.sets["mutual"] = words("border");
    lists.sets["limit"] = words("budget");
    lists.tagged["comparator"] = {{"over", "+"}, {"under", "-"}};
    lists.tagged["quantity"] = {{"only", "only"}, {"half", "half"}};
    lists.tagged["person"] = {{"she", "3f"}, {"he", "3m"}};
    lists.tagged["tense"] = {{"is", "present"}, {"was", "past"}, {"will", "future"}};
    lists.tagged["auxiliary"] = {{"is", "present"}, {"was", "past"}};
    lists.tagged["quantifier"] = {{"always", "all"}, {"some", "some"}, {"rarely", "few"}};
    lists.tagged["modal"] = {{"must", "must"}, {"may", "may"}};
    lists.tagged["spelling"] = {{"colour", "color"}};
    lists.irregular = {{"bought", {"buy", "both"}}, {"better", {"good", "er"}}};
    lists.values = {{"one", {"number", "number:1"}},        {"two", {"number", "number:2"}},
                    {"hundred", {"number", "number:100"}},  {"monday", {"date", "weekday:monday"}},
                    {"friday", {"date", "weekday:friday"}}, {"march", {"month", "date:?-03-?"}}};
    lists.phrases = {{{"no", "longer"}, {"not"}},
                     {{"no", "longer", "at"}, {"never"}},
                     {{"twice"}, {"2", "times"}},
                     {{"little", ","}, {"rarely"}},
                     {{"of", "course"}, {}}};
    lists.synonyms = {words("like love"), words("big large")};
    lists.opposites = {{words("tall"), words("short")}};
    lists.attributes = {{"color", words("red blue")}};
    return lists;
}

std::optional<Piece> DigitScanner::piece(std::string_view piece, Place /*place*/) {
    ++pieces_asked;
    if (std::ranges::any_of(piece, is_digit)) {
        return std::nullopt;
    }
    if (is_of_words(piece)) {
        return words_of(piece);
    }
    Piece read;
    for (const char byte : piece) {
        const std::string sign{byte};
        read.tokens.push_back(ascii_token(Kind::symbol, sign, sign, false));
    }
    return read;
}

Scan DigitScanner::scan(std::size_t from, Place /*place*/) {
    ++scans_asked;
    const std::size_t begin = bytes_of(text_, from);
    std::size_t end = begin;
    while (end < text_.size() && (is_digit(text_[end]) || text_[end] == 'x' || text_[end] == ' ')) {
        ++end;
    }
    while (end > begin && text_[end - 1] == ' ') {
        --end;
    }
    while (end < text_.size() && text_[end] != ' ') {
        ++end;
    }
    const std::string found = text_.substr(begin, end - begin);
    Scan scan;
    scan.piece.tokens.push_back(ascii_token(Kind::number, "number:" + found, found, false));
    scan.next = from + length(found) + 1;
    return scan;
}

std::string DigitScanner::measured(std::string_view number, std::string_view unit) {
    return number == "number:1" ? "" : std::string{unit} + ":" + std::string{number.substr(number.find(':') + 1)};
}

std::pair<std::string, std::size_t> DigitScanner::spelled(const Words& words) {
    const bool is_pair = words.size() > 1 && words[0] == "two" && words[1] == "hundred";
    return is_pair ? std::pair<std::string, std::size_t>{"number:200", 1}
                   : std::pair<std::string, std::size_t>{"number:?", 0};
}

SmallLanguage::SmallLanguage() : lexicon_{Lexicon::make(small_lists()).value()} {}

Features SmallLanguage::read(std::string_view text) {
    DigitScanner scanner{text};
    return read_text(text, false, *lexicon_, pieces_, scanner);
}

Verdict SmallLanguage::judge(std::string_view a, std::string_view b, double cosine) {
    return text::judge(read(a), read(b), cosine);
}

std::vector<std::string> SmallLanguage::tokens(std::string_view text, DigitScanner& scanner) {
    const Tokens tokens{text, false, pieces_, scanner, *lexicon_};
    std::vector<std::string> keys;
    for (const Token* token : tokens.all()) {
        keys.push_back(token->key);
    }
    return keys;
}

std::vector<std::string> codes(const Verdict& verdict) {
    std::vector<std::string> found;
    for (const Reason& reason : verdict.reasons) {
        found.push_back(reason.code);
    }
    return found;
}

}  // namespace khala::text::testing

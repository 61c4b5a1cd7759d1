#include "text/reader.hpp"

#include <algorithm>
#include <utility>

#include "text/utf8.hpp"

namespace khala::text {
namespace {

constexpr double kEnglishShare = 0.2;  // of words that the lists know
// A headline: this share of at least so many longer words has a capital.
constexpr double kTitleShare = 0.75;
constexpr std::ptrdiff_t kTitleWords = 6;
constexpr std::size_t kLongestNumber = 16;  // words

// Whether the text is a headline, whose capitals say nothing.
bool is_title(const std::vector<const Token*>& tokens) {
    const auto counts = [](const Token* token) {
        return token->kind == Kind::word && token->is_long && token->key != "'s";
    };
    const auto words = std::ranges::count_if(tokens, counts);
    const auto capitals =
        std::ranges::count_if(tokens, [&](const Token* token) { return counts(token) && token->is_capital; });
    return words >= kTitleWords && static_cast<double>(capitals) >= kTitleShare * static_cast<double>(words);
}

void set_default(std::vector<Tag>& tags, std::string_view name, std::string_view surface) {
    if (find_tag(tags, name) == nullptr) {
        tags.push_back({std::string{name}, std::string{surface}});
    }
}

void add(std::vector<std::string>& sorted, std::string_view name) {
    const auto at = std::ranges::lower_bound(sorted, name);
    if (at == sorted.end() || *at != name) {
        sorted.emplace(at, name);
    }
}

}  // namespace

Features read_text(std::string_view text, bool shouts, Lexicon& lexicon, Pieces& pieces, Scanner& scanner) {
    const Tokens tokens{text, shouts, pieces, scanner, lexicon};
    Features features = Reader{tokens.all(), shouts, lexicon, scanner}.read();
    if (features.items.size() > kMaxItems) {
        features = {};
        features.is_too_long = true;
    } else {
        features.is_question = text.ends_with('?');
        count_items(features);
    }
    features.text = text;
    return features;
}

Reader::Reader(const std::vector<const Token*>& tokens, bool shouts, Lexicon& lexicon, Scanner& scanner)
    : tokens_{tokens}, lexicon_{lexicon}, scanner_{scanner}, shouts_{shouts}, is_titled_{is_title(tokens)} {
    features_.items.reserve(tokens.size());
}

Features Reader::read() {
    for (Index at = 0; at < tokens_.size(); ++at) {
        const Token& token = *tokens_[at];
        tie_ = before_.empty() ? token.tie : '\0';
        if (token.kind == Kind::word) {
            at = take_word(token, at);
        } else if (token.kind == Kind::number) {
            at = take_number(token, token.key, at);
        } else if (token.kind != Kind::mark) {
            take_item(plain_term(token.key), token.surface, token.kind);
        } else if (token.key != "(" && token.key != ")") {
            before_.push_back(token.key == ":" ? lexicon_.colon().get() : lexicon_.comma().get());
        }
    }
    features_.last_links = links_of(before_);
    const bool is_known =
        word_count_ == 0 || static_cast<double>(known_count_) / static_cast<double>(word_count_) >= kEnglishShare;
    features_.is_english = is_surely_english_ || is_known;
    return std::move(features_);
}

void Reader::take_item(TermRef term, const std::string& surface, Kind kind, const VerbUse& use, Amount amount,
                       SmallWords* before) {
    Item item;
    item.term = std::move(term);
    item.surface = surface;
    item.kind = kind;
    item.is_verb = use.is_verb;
    item.tense = use.tense;
    item.is_passive = use.is_passive;
    item.amount = amount;
    item.auxiliary = time_;
    item.tie = tie_;
    if (before_.empty()) {
        item.is_joined = !features_.items.empty();
    } else {
        SmallWords small = before != nullptr ? std::move(*before) : small_words(before_);
        const bool differ = small.auxiliary != small.auxiliary_else;
        const Time told = differ && is_participle_surface(surface) ? small.auxiliary : small.auxiliary_else;
        item.auxiliary = told != Time::none ? told : time_;
        item.links = std::move(small.links);
        item.quantity = std::move(small.quantity);
        before_.clear();
    }
    time_ = Time::none;
    features_.items.push_back(std::move(item));
}

// Takes the word at a place and whatever belongs to it; returns the last place used.
Reader::Index Reader::take_word(const Token& token, Index at) {
    const Word& word = *token.word;
    ++word_count_;
    is_surely_english_ = is_surely_english_ || word.marks.has(Mark::english);
    if (word.marks.has(Mark::hearsay)) {
        features_.hearsay = token.surface;
        features_.is_from_others = features_.is_from_others || !follows_user(word.form);
    }
    if (word.is_style && !is_letter_name(token)) {
        ++known_count_;
        before_.push_back(&word);
        return at;
    }
    if (word.value != Value::none) {
        if (const std::optional<Index> last = take_value_word(token, at)) {
            ++known_count_;
            return *last;
        }
    }
    Uses uses{word.role, word.modal};
    if (word.is_marking) {
        if (word.modal == "intend" && word.form == Form::both && any_marked(before_, Mark::be)) {
            uses = {};  // "is planned for Monday" is no wish
        }
        mark_statement(token, uses.modal, at);
    }
    if (uses.role == Role::light && word.marks.has(Mark::in_names) && is_name(token)) {
        uses.role = Role::content;  // "Michigan State"
    }
    if (is_letter_name(token)) {
        uses.role = Role::content;
    }
    if (uses.role == Role::content) {
        known_count_ += word.is_known ? 1 : 0;
        take_content(token, at);
        return at;
    }
    ++known_count_;
    if (uses.role == Role::pronoun) {
        take_pronoun(token, at);
    } else {
        take_small(token, uses, at);
    }
    return at;
}

// Notes what the word does to the statement as a whole.
void Reader::mark_statement(const Token& token, std::string_view modal, Index at) {
    const Word& word = *token.word;
    if (!word.quantifier.empty() && (token.key != "some" || is_partitive(token, at))) {
        set_default(features_.quantifiers, word.quantifier, token.surface);
    }
    if (is_grade(word.form)) {
        set_default(features_.quantifiers, word.form == Form::er ? "er" : "est", token.surface);
    }
    if (!modal.empty()) {
        set_default(features_.modals, modal, token.surface);
    }
    if (word.tense != Time::none) {
        set_default(features_.tenses, name(word.tense), token.surface);
    }
}

void Reader::take_small(const Token& token, const Uses& uses, Index at) {
    const Word& word = *token.word;
    if (!word.light_verb.empty()) {
        add(features_.light_verbs, word.light_verb);
    }
    if (uses.role == Role::negation && is_denying(word, at)) {
        features_.negations.push_back(token.surface);
    }
    const Time time = time_of_small(word, at);
    if (time != Time::none) {
        if (uses.modal.empty()) {
            set_default(features_.tenses, name(time), time == Time::former ? "used to" : token.surface);
        }
        time_ = time;
    }
    before_.push_back(&word);
}

Time Reader::time_of_small(const Word& word, Index at) const {
    const auto is_infinitive_at = [&](Index place) {
        const Word* next = word_at(place);
        return next != nullptr && next->is_infinitive;
    };
    if (word.spelled == "used" && is_at(at + 1, "to") && is_infinitive_at(at + 2)) {
        const bool is_accustomed = !before_.empty() && before_.back()->marks.has(Mark::be);
        return is_accustomed ? Time::none : Time::former;
    }
    if (word.spelled == "going_to" && is_infinitive_at(at + 1)) {
        return Time::future;
    }
    return light_tense(word, before_, previous_kind());
}

// Number words, weekdays, months and days like "tomorrow"; nothing for anything else.
std::optional<Reader::Index> Reader::take_value_word(const Token& token, Index at) {
    const Word& word = *token.word;
    switch (word.value) {
        case Value::none: return std::nullopt;
        case Value::number:
            if (word.spelled == "one" && !is_counting_one(at)) {
                return std::nullopt;
            }
            return take_number_word(token, at);
        case Value::month:
            if (!token.is_capital || !is_month(token, at)) {
                return std::nullopt;
            }
            [[fallthrough]];
        case Value::fixed: take_item(word.value_term, token.surface, word.value_kind); return at;
    }
    return std::nullopt;
}

Reader::Index Reader::take_number_word(const Token& token, Index at) {
    const auto continues = [&] {
        const bool is_hundred = token.word->marks.has(Mark::big);
        return is_marked_at(at + 1, Mark::number) || is_marked_at(at + 1, Mark::big) ||
               (is_hundred && is_at(at + 1, "and"));
    };
    if (!continues()) {
        return take_number(token, token.word->value_term->key, at);
    }
    Words words;
    for (Index next = at; next < std::min(at + kLongestNumber, tokens_.size()); ++next) {
        words.push_back(tokens_[next]->key);
    }
    auto [key, last] = scanner_.spelled(words);
    return take_number(token, std::move(key), at + last);
}

// A number that ends at a place, together with a unit that follows it.
Reader::Index Reader::take_number(const Token& token, std::string key, Index at) {
    if (is_marked_at(at + 1, Mark::unit)) {
        // "one day" and "a day" are the same: a single unit stays a word.
        const std::string measured = scanner_.measured(key, tokens_[at + 1]->key);
        if (!measured.empty()) {
            take_item(plain_term(measured), token.surface + " " + tokens_[at + 1]->surface, Kind::number);
            return at + 1;
        }
    }
    take_item(plain_term(std::move(key)), token.surface, Kind::number);
    return at;
}

void Reader::take_pronoun(const Token& token, Index at) {
    const Word& word = *token.word;
    add(features_.persons, token.key.starts_with("user") ? std::string_view{"user"} : word.person);
    if (word.marks.has(Mark::possessive) && (token.key != "her" || is_ownable(at + 1))) {
        add(features_.owners, word.person);
        before_.push_back(&word);
    } else {
        take_item(plain_term("@" + word.person), token.surface, Kind::pronoun);
    }
}

void Reader::take_content(const Token& token, Index at) {
    const Word& word = *token.word;
    std::optional<SmallWords> small;
    if (!before_.empty()) {
        small = small_words(before_);
        small->noun_follows = small->noun_follows && !is_relative_that();
    }
    SmallWords* before = small ? &*small : nullptr;
    if (before != nullptr && before->has_now && !is_participle(word.form)) {
        set_default(features_.tenses, name(Time::present), "has");
    }
    if (is_name(token)) {
        take_item(word.base, token.surface, Kind::name, {}, Amount::none, before);
        return;
    }
    const VerbUse use = verb_use(word, before, is_at(at + 1, "by"), previous_kind());
    if (use.tense != Time::none && use.tense != Time::maybe_present) {
        set_default(features_.tenses, name(use.tense), token.surface);
    }
    take_item(word.base, token.surface, Kind::word, use, amount_of(word, use, before), before);
}

const Word* Reader::word_at(Index at) const {
    return at < tokens_.size() && tokens_[at]->kind == Kind::word ? tokens_[at]->word.get() : nullptr;
}

bool Reader::is_at(Index at, std::string_view lower) const {
    const Word* word = word_at(at);
    return word != nullptr && word->spelled == lower;
}

bool Reader::is_marked_at(Index at, Mark mark) const {
    const Word* word = word_at(at);
    return word != nullptr && word->marks.has(mark);
}

// "neither A nor B", "not A nor B" deny once; but "nor does he drink" denies anew.
bool Reader::is_denying(const Word& word, Index at) const {
    const bool is_anew = is_marked_at(at + 1, Mark::helper) || is_marked_at(at + 1, Mark::be);
    return word.spelled != "nor" || features_.negations.empty() || is_anew;
}

// Whether "some" takes a part: "some garlic" is just garlic, "some users" are not all.
bool Reader::is_partitive(const Token& token, Index at) const {
    const Word* next = word_at(at + 1);
    return token.surface.ends_with("of") || (next != nullptr && next->spelled.ends_with('s'));
}

// Whether "one" counts: not in "one of", "this one", "no one".
bool Reader::is_counting_one(Index at) const {
    const bool is_chosen = is_at(at + 1, "of") || is_at(at + 1, "'s");
    return !is_chosen && (at == 0 || !is_marked_at(at - 1, Mark::determiner));
}

bool Reader::is_month(const Token& token, Index at) const {
    return !token.word->marks.has(Mark::month_word) || (at > 0 && is_marked_at(at - 1, Mark::month_cue));
}

// Whether "her" before this is a possessive: "her dog", but not "called her yesterday".
bool Reader::is_ownable(Index at) const {
    const Word* word = word_at(at);
    return word != nullptr && !word->spelled.empty() && !word->marks.has(Mark::relative_day) &&
           word->role == Role::content;
}

bool Reader::is_name(const Token& token) const {
    return !is_titled_ && token.is_capital && (token.is_shouted || !token.starts || !token.word->is_known);
}

// "plan A", "from A to B": no article has a capital within a sentence.
bool Reader::is_letter_name(const Token& token) const {
    return token.surface == "A" && !token.starts && !shouts_ && !is_titled_;
}

bool Reader::is_participle_surface(const std::string& surface) const {
    return is_ascii(surface) && is_participle(lexicon_.word(lower_ascii(surface))->form);
}

Amount Reader::amount_of(const Word& word, const VerbUse& use, const SmallWords* before) const {
    const auto& items = features_.items;
    // "a pet turtle": the turtle is one as well.
    const bool is_compound = before == nullptr && !items.empty() && items.back().amount == Amount::one;
    if (is_compound || (before != nullptr && before->has_article)) {
        return Amount::one;
    }
    if (word.form != Form::s || use.is_verb) {
        return Amount::none;
    }
    return items.empty() || items.back().kind != Kind::number ? Amount::many : Amount::none;
}

// "the dog that chased the cat": what chased, and not which chased one.
bool Reader::is_relative_that() const {
    const auto& items = features_.items;
    return before_.size() == 1 && before_.front()->spelled == "that" && !items.empty() && !items.back().is_verb &&
           items.back().kind == Kind::word;
}

// What the user says is not hearsay but what there is to remember; notes begin without him: "Says that ...".
bool Reader::follows_user(Form form) const {
    const auto& items = features_.items;
    return items.empty() ? before_.empty() && form != Form::ing : items.back().term->key == "@1";
}

std::optional<Kind> Reader::previous_kind() const {
    return features_.items.empty() ? std::nullopt : std::optional{features_.items.back().kind};
}

}  // namespace khala::text

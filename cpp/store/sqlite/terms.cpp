#include "store/sqlite/terms.hpp"

namespace khala::store::sqlite {

void Terms::learn(Term number, std::string_view text) {
    // Terms are numbered from 1 without gaps. A damaged file may say otherwise; what it says is then not believed.
    constexpr Term kGapMost = 1 << 20;
    const auto size = static_cast<Term>(texts_.size());
    if (number <= 0 || number > size + kGapMost) {
        return;
    }
    if (number >= size) {
        texts_.resize(static_cast<std::size_t>(number) + 1);
    }
    texts_[static_cast<std::size_t>(number)] = text;
    numbers_.insert_or_assign(std::string{text}, number);
}

Status Terms::catch_up() {
    Rows rows{statements_.read_terms.bind(static_cast<Term>(texts_.size()) - 1)};
    while (rows.next()) {
        learn(statements_.read_terms.integer(0), statements_.read_terms.text(1));
    }
    return rows.finish();
}

Result<Term> Terms::find(std::string_view text) {
    if (text.empty()) {
        return Term{0};
    }
    if (const auto found = numbers_.find(text); found != numbers_.end()) {
        return found->second;
    }
    Term number = 0;
    {
        Rows rows{statements_.find_term.bind(text)};
        if (rows.next()) {
            number = statements_.find_term.integer(0);
        }
        KHALA_TRY(rows.finish());
    }
    if (number != 0) {
        KHALA_TRY(catch_up());
    }
    return number;
}

Result<Term> Terms::intern(std::string_view text) {
    KHALA_TRY_ASSIGN(Term number, find(text));
    if (number != 0 || text.empty()) {
        return number;
    }
    KHALA_TRY(catch_up());  // so that the numbers of others come before the one that is made now
    KHALA_TRY(statements_.insert_term.bind(text).run());
    KHALA_TRY(catch_up());
    const auto found = numbers_.find(text);
    if (found == numbers_.end()) {
        return Error{ErrorCode::corrupt, "term", "the numbers of names are damaged"};
    }
    fresh_.push_back(found->second);
    return found->second;
}

Result<const std::string*> Terms::text(Term number) {
    if (number < 0) {
        return nullptr;
    }
    if (number >= static_cast<Term>(texts_.size())) {
        KHALA_TRY(catch_up());
    }
    if (number >= static_cast<Term>(texts_.size())) {
        return nullptr;
    }
    return &texts_[static_cast<std::size_t>(number)];
}

void Terms::forget() {
    for (const Term number : fresh_) {
        numbers_.erase(texts_[static_cast<std::size_t>(number)]);
    }
    if (!fresh_.empty()) {
        texts_.resize(static_cast<std::size_t>(fresh_.front()));
        fresh_.clear();
    }
}

}  // namespace khala::store::sqlite

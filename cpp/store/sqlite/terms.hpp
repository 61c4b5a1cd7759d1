// Texts that many rows share (queues, tasks, retry policies, workers), as small numbers.
//
// A term is never changed nor removed, so what was read once holds for good, in every process. Number 0 is the empty
// text. What a transaction added is forgotten again when it is rolled back.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "store/sqlite/statements.hpp"

namespace khala::store::sqlite {

using Term = std::int64_t;

class Terms {
public:
    explicit Terms(Statements& statements) noexcept : statements_{statements} {}

    // The number of a text, made if it is new. In a write transaction.
    [[nodiscard]] Result<Term> intern(std::string_view text);
    // The number of a text that may not be there: 0 then (and for the empty text).
    [[nodiscard]] Result<Term> find(std::string_view text);
    // The text of a number; nullptr for one that no row can rightly have. Valid until the next call that is not const.
    [[nodiscard]] Result<const std::string*> text(Term number);

    // Of the transaction that interned since the last of these calls.
    void keep() noexcept { fresh_.clear(); }
    void forget();

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
    };

    void learn(Term number, std::string_view text);
    [[nodiscard]] Status catch_up();

    Statements& statements_;
    std::unordered_map<std::string, Term, Hash, std::equal_to<>> numbers_;
    std::vector<std::string> texts_{std::string{}};  // by number; numbers are dense but for damaged files
    std::vector<Term> fresh_;
};

}  // namespace khala::store::sqlite

// Cause and condition turned round: "she resigned because she was ill", "she was ill because she resigned".
//
// A small word between two clauses says which of them comes first: "because" and "if" stand before it, "so" behind it.
// Where the clauses stand is style ("because she was ill, she resigned"), so a text is cut into the clause that comes
// first and the one that follows from it. If what comes first here follows there, and the other way round, they have
// changed places. Where the cut is cannot always be told; all of one clause must be found in the other, for that.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "text/comparison.hpp"

namespace khala::text {

// A word of each of the two clauses, as the first text says them; nothing if they have not changed places.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> turned(const Comparison& comparison);

}  // namespace khala::text

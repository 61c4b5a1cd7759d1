// Words that a sign joins into one: "the AUD-USD rate", "the Oslo/Bergen train", "an English-French dictionary".
//
// There the order is what is said, with no small word to tell it by: from which to which, what in terms of what. So two
// such rows of the same parts in another order say different things. Not so where the sign only lists:
//
// * "/" between words ("tea/coffee") and behind a whole noun ("speaks French/English"); it counts between names
//   before a noun ("the Oslo/Bergen train"), and between codes of three letters ("EUR/USD").
// * before what holds between two either way ("the Ann-Bob meeting", "the US-China border").
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "text/comparison.hpp"

namespace khala::text {

// The two parts that have changed places, as the texts say them; nothing if none have.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> retied(const Comparison& comparison);

}  // namespace khala::text

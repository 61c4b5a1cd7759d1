// What a small word stands before: "the train from A to B" and "the train from B to A", "only Ada likes tea" and "Ada
// likes only tea".
//
// The order of a sentence is style as long as each small word keeps what it belongs to: "in Paris Ada met Bob" and "Ada
// met Bob in Paris". So a relation, a title or a quantity that both texts have once must stand before the same thing,
// or before one that is listed with it or is another word of the same phrase. If it does not, although both texts have
// both things, they have changed places.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "text/comparison.hpp"

namespace khala::text {

// The two things between which a small word has moved, as the texts say them; nothing if none has.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> rebound(const Comparison& comparison);

}  // namespace khala::text

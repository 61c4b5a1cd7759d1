// Who does what to whom: the same words in another order.
//
// "Alice manages Bob" and "Bob manages Alice" hold the same words, and their vectors are nearer to each other (0.988 on
// MiniLM) than most true paraphrases. But "Bob is managed by Alice" holds the words of the second in the order of the
// second and means the first. So order is compared by role:
//
// 1. A verb both texts have once: whoever does it must be the same. The doer stands before the verb, or after "by" when
//    the verb is passive.
//    Nor may a doer be among those to whom it is done: "Ann invited Bob and Carl", "Ann and Bob invited Carl".
// 2. If the two rows of words differ by exactly one exchange while the small words stay where they were ("from Berlin
//    to Lisbon", "prefers tea over coffee", "two cats and three dogs"), the exchange is a swap of roles, unless the two
//    are merely listed ("tea and coffee") or equated ("Bruce is Batman").
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "text/comparison.hpp"

namespace khala::text {

// The two parties whose roles differ, as they stand in the first text; nothing when order tells nothing. `extra` is a
// pair of words that counts as the same for once.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> swapped(const Comparison& comparison,
                                                                         const ItemPair* extra = nullptr);

// Whether both rows have the same terms in the same order.
[[nodiscard]] bool in_order(const Features& a, const Features& b);

}  // namespace khala::text

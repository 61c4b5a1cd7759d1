// What a pair of texts is, and why.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace khala::text {

// duplicate: may be merged. update: the same fact with another value or at another time, the newer one probably holds.
// conflict: they contradict each other. distinct: two facts.
enum class Judgement : std::uint8_t { duplicate, update, conflict, distinct };

[[nodiscard]] std::string_view name(Judgement judgement) noexcept;

// Why a pair is not a duplicate.
struct Reason {
    std::string code;                      // stable; programs may branch on it
    Judgement kind = Judgement::distinct;  // what this difference by itself makes of the pair
    std::string sentence;                  // for people, "{!r}" where the offending words belong
    std::vector<std::string> words;
};

struct Verdict {
    Judgement kind = Judgement::duplicate;
    std::vector<Reason> reasons;  // none of a duplicate
    // Of a duplicate, what each text says beyond the other.
    std::vector<std::string> extra_a;
    std::vector<std::string> extra_b;
};

// The texts say different things of one matter.
[[nodiscard]] Reason said(std::string_view code, Judgement kind, std::string_view what, std::string_view one,
                          std::string_view other);
// Only one text says it.
[[nodiscard]] Reason one_sided(std::string_view code, Judgement kind, std::string_view what, std::string_view word);

}  // namespace khala::text

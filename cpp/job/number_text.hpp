// Saying what is wrong with a number of a JSON text that did not parse.
#pragma once

#include <string>
#include <string_view>

namespace khala::job {

// The first number outside of strings that is malformed or that 64 bits cannot hold, as the end of a sentence that
// starts with the field's name. The slow path of refusals: one pass, nothing is kept.
[[nodiscard]] std::string explain_bad_number(std::string_view text);

}  // namespace khala::job

// Vectors out of JSON, by simdjson: no Python object a number.
//
// Functions here are thread-safe and copy the text once (simdjson reads a little beyond its end).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "vec/row_builder.hpp"

namespace khala::vec {

// One document: an array of rows, each an array of numbers, or null for a missing one. Anything else in the place of a
// row, or of a number, makes that row not_numbers. Errors: invalid_argument (not JSON, not an array, cut short, more
// after its end), which names `field`.
[[nodiscard]] base::Result<ReadRows> read_json_document(std::string_view text, std::optional<std::size_t> dim,
                                                        std::string_view field);

// One text a row, an array of numbers; one that is not JSON is not_numbers as well. A null pointer is a missing row.
[[nodiscard]] ReadRows read_json_rows(std::span<const std::string_view> texts, std::optional<std::size_t> dim);

}  // namespace khala::vec

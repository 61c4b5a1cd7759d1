// Reading the small documents of this library with simdjson. For .cpp files only: simdjson stays out of other headers.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace khala::job {

[[nodiscard]] inline Result<std::vector<std::string>> string_array(simdjson::dom::element element,
                                                                   std::string_view field) {
    const auto refused = [&] {
        return Error{ErrorCode::invalid_argument, std::string{field}, "must be an array of strings"};
    };
    simdjson::dom::array array;
    if (element.get(array) != simdjson::SUCCESS) {
        return refused();
    }
    std::vector<std::string> strings;
    for (const simdjson::dom::element entry : array) {
        std::string_view text;
        if (entry.get(text) != simdjson::SUCCESS) {
            return refused();
        }
        strings.emplace_back(text);
    }
    return strings;
}

// An integer in [least, most].
[[nodiscard]] inline Result<std::int64_t> integer_within(simdjson::dom::element element, std::string_view field,
                                                         std::int64_t least, std::int64_t most) {
    std::int64_t value = 0;
    if (element.get(value) != simdjson::SUCCESS || value < least || value > most) {
        return Error{ErrorCode::invalid_argument, std::string{field},
                     "must be an integer from " + std::to_string(least) + " to " + std::to_string(most)};
    }
    return value;
}

}  // namespace khala::job

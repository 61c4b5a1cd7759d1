// The error of every kernel that was asked with something it cannot serve.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace khala::vec {

[[nodiscard]] inline base::Error invalid(std::string_view field, std::string message) {
    return {base::ErrorCode::invalid_argument, std::string{field}, std::move(message)};
}

}  // namespace khala::vec

// Planted bugs of the Lua side (base/plant.hpp): a mistake is a small change of the text, made before it is loaded.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/plant.hpp"

namespace khala::store::redis {

struct LuaPlant {
    base::Plant plant;
    std::string_view right;  // occurs in the text exactly once
    std::string_view wrong;
};
[[nodiscard]] std::span<const LuaPlant> lua_plants() noexcept;

// The text with the plant that is active, if any.
[[nodiscard]] std::string planted(std::string text);

}  // namespace khala::store::redis

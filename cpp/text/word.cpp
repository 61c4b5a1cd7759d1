#include "text/word.hpp"

namespace khala::text {

std::string_view name(Time time) noexcept {
    switch (time) {
        case Time::none: return "";
        case Time::past: return "past";
        case Time::present: return "present";
        case Time::perfect: return "perfect";
        case Time::pluperfect: return "pluperfect";
        case Time::former: return "former";
        case Time::future: return "future";
        case Time::maybe_present: return "present?";
    }
    return "";
}

}  // namespace khala::text

#include "text/verdict.hpp"

namespace khala::text {

std::string_view name(Judgement judgement) noexcept {
    switch (judgement) {
        case Judgement::duplicate: return "duplicate";
        case Judgement::update: return "update";
        case Judgement::conflict: return "conflict";
        case Judgement::distinct: return "distinct";
    }
    return "";
}

Reason said(std::string_view code, Judgement kind, std::string_view what, std::string_view one,
            std::string_view other) {
    return {std::string{code}, kind, std::string{what} + ": {!r} against {!r}", {std::string{one}, std::string{other}}};
}

Reason one_sided(std::string_view code, Judgement kind, std::string_view what, std::string_view word) {
    return {std::string{code}, kind, std::string{what} + " in one text only: {!r}", {std::string{word}}};
}

}  // namespace khala::text

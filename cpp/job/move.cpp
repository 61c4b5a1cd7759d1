#include "job/move.hpp"

namespace khala::job {

std::string_view name(Ending ending) noexcept {
    switch (ending) {
        case Ending::none: return "none";
        case Ending::completed: return "completed";
        case Ending::failed: return "failed";
        case Ending::timed_out: return "timed_out";
        case Ending::retried: return "retried";
        case Ending::snoozed: return "snoozed";
        case Ending::cancelled: return "cancelled";
        case Ending::released: return "released";
        case Ending::lapsed: return "lapsed";
        case Ending::crashed: return "crashed";
    }
    return "unknown";
}

}  // namespace khala::job

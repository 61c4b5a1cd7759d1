// Exchanges under way: while the store works on one batch, handlers run what the one before has brought, and the next
// batch is sent before the answer is read. So neither of the two waits for the other.
//
// At most two are with the store at a time, and none stays there while anything but outcomes waits: whatever else the
// engine does finds every answer taken. A batch begun early must be worth it, since each call costs the store the same
// whatever is in it: small ones wait for the answer and grow meanwhile.
#include <utility>

#include "engine/loop.hpp"

namespace khala::engine {

namespace {

constexpr std::size_t kLeastMoves = 16;  // of a batch that may stay under way
constexpr std::size_t kMoreThanRun = 4;  // as many as still run have ended here, so many times over
constexpr Millis kLandMs = 100;          // then the answer is waited for, with the store's own patience

}  // namespace

bool Loop::may_overlap(const Batch& batch) const noexcept {
    return overlap_ != nullptr && batch.groups.empty() && batch.moves.size() >= kLeastMoves;
}

// Most of what this engine holds has ended.
bool Loop::worth_overlapping() const {
    return now_ >= retry_ms_ && moves_.size() >= kLeastMoves && worker_ != nullptr &&
           moves_.size() >= kMoreThanRun * static_cast<std::size_t>(worker_->running());
}

// Nothing waits but outcomes.
bool Loop::calm() const {
    return intake_.commands.empty() && intake_.insertions.empty() && intake_.questions.empty() && insertions_.empty() &&
           questions_.empty() && !watchers_.wanting() && !strays_ && !closing_ && !fatal_ && now_ < next_renew_ms_ &&
           now_ < next_cancel_poll_ms_ && now_ < agenda_.at(agenda_.first()) &&
           (next_due_at_ == 0 || wall_now() < next_due_at_);
}

void Loop::begin(Batch batch) {
    if (batch.claim != nullptr) {
        batch.kept_claim = std::make_unique<const store::Claim>(*batch.claim);
        batch.claim = batch.kept_claim.get();
    }
    UnderWay next{std::move(batch), lease_now()};
    const Status begun = overlap_->begin(next.batch.request());
    land();
    if (!begun) {
        note_call(next.asked, false);
        on_failure(next.batch, begun.error());
        return;
    }
    under_way_ = std::move(next);
}

void Loop::land() {
    if (!under_way_) {
        return;
    }
    UnderWay landed = *std::exchange(under_way_, std::nullopt);
    arrived_ = false;
    auto reply = overlap_->end();
    note_call(landed.asked, reply.ok());
    if (reply) {
        on_success(landed.batch, std::move(reply).value(), landed.asked);
    } else {
        on_failure(landed.batch, reply.error());
    }
}

Millis Loop::land_by() const noexcept {
    return under_way_ ? under_way_->asked + kLandMs : kNever;
}

}  // namespace khala::engine

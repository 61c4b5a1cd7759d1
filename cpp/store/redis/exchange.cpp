#include "store/redis/exchange.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "base/failpoint.hpp"
#include "job/lifecycle.hpp"
#include "store/apply.hpp"
#include "store/query.hpp"
#include "store/redis/pack.hpp"
#include "store/redis/record.hpp"

namespace khala::store::redis {
namespace {

using Elements = std::span<const Reply>;

// Fields of the answer; see lua/exchange.lua.
constexpr std::size_t kAnswerFields = 6;
constexpr std::size_t kClaimFields = 7;
constexpr std::size_t kLeaseFields = 3;

// What the leases of a claim have in common.
struct Common {
    Millis lease_until;
    Elements terms;  // hash and text by turns, of those that are shared
    Elements names;  // queue and task by turns
};

// The terms of a job: its own, or of those that were sent beside it.
std::string_view terms_of(std::string_view asked, Elements shared) {
    if (const std::string_view own = own_terms(asked); !own.empty()) {
        return own;
    }
    const std::string_view hash = hash_in(asked);
    for (std::size_t i = 0; i + 1 < shared.size(); i += 2) {
        if (shared[i].text() == hash) {
            return shared[i + 1].text();
        }
    }
    return {};
}

class Conversation final : public Begun {
public:
    Conversation(Core& core, HeldLeases& held, const Exchange& request, const ClaimTerms& terms)
        : core_{core}, held_{held}, request_{request}, terms_{terms} {
        for (const Move& move : request.moves) {
            steps_.push_back({.move = &move, .held = held_.take(move)});
        }
    }

    [[nodiscard]] Status begin() {
        KHALA_TRY(pack());
        KHALA_TRY_ASSIGN(posted_, core_.post(function(), packed_));
        return {};
    }

    [[nodiscard]] Result<ExchangeReply> end() override { return run(); }

    [[nodiscard]] Result<ExchangeReply> run() {
        while (!done_) {
            if (const Status turned = turn(); !turned) {
                if (!begun_) {
                    return turned.error();
                }
                if (at_ < steps_.size()) {
                    return Error{ErrorCode::unknown_outcome, "redis",
                                 "part of the call was done, then: " + turned.error().message};
                }
                break;  // only leases are missing, and somebody will take those jobs
            }
        }
        tell_expired();
        return std::move(reply_);
    }

private:
    // A move to be sent, or what is sent in its place.
    struct Step {
        const Move* move;
        bool heeded = false;
        std::optional<Note> note = std::nullopt;
        std::optional<Held> held = std::nullopt;  // of a completion
    };

    [[nodiscard]] bool claims() const noexcept { return request_.claim != nullptr && !claimed_; }

    [[nodiscard]] Function function() const noexcept {
        return !begun_ && !request_.inserts.empty() ? Function::enqueue : Function::exchange;
    }

    [[nodiscard]] Result<Reply> ask() {
        if (const auto posted = std::exchange(posted_, std::nullopt)) {
            return core_.take(*posted, packed_);
        }
        KHALA_TRY(pack());
        return core_.run(function(), packed_);
    }

    [[nodiscard]] Status turn() {
        KHALA_TRY_ASSIGN(const Reply answer, ask());
        const Elements fields = answer.elements();
        if (fields.size() < kAnswerFields) {
            return odd_reply("exchange");
        }
        now_ = fields[4].integer();
        core_.heard(now_);
        if (!begun_) {
            KHALA_TRY(take_inserts(fields[0].text()));
        }
        begun_ = true;
        KHALA_TRY(take_moves(fields[1].text()));
        if (fields[2].is_array()) {
            KHALA_TRY(decide(fields[2].elements()));
        } else if (fields[3].is_array()) {
            KHALA_TRY(take_claim(fields[3].elements()));
        }
        done_ = at_ == steps_.size() && !claims();
        return {};
    }

    [[nodiscard]] Status pack() {
        packed_.clear();
        packed_.array(5);
        KHALA_TRY(pack_inserts(packed_, begun_ ? std::span<const InsertGroup>{} : request_.inserts));
        KHALA_TRY(pack_moves());
        if (claims()) {
            pack_claim(packed_, *request_.claim, terms_);
        } else {
            packed_.boolean(false);
        }
        return {};
    }

    [[nodiscard]] Status pack_moves() {
        Packer moves;
        std::size_t count = 0;
        for (std::size_t i = at_; i < steps_.size(); ++count) {
            const Step& step = steps_[i];
            if (const auto run = completions_from(i); !run.empty()) {
                pack_completions(moves, run, terms_.holder);
                i += run.size();
                continue;
            }
            if (step.note) {
                pack_note(moves, *step.note);
            } else {
                KHALA_TRY(pack_move(moves, *step.move, step.heeded));
            }
            ++i;
        }
        packed_.array(count).splice(moves);
        return {};
    }

    // Those of one queue and task that begin here.
    [[nodiscard]] std::vector<Completion> completions_from(std::size_t from) const {
        std::vector<Completion> run;
        for (std::size_t i = from; !is_general_ && i < steps_.size() && steps_[i].held; ++i) {
            const Held& held = *steps_[i].held;
            if (!run.empty() && (held.queue != run.front().held->queue || held.task != run.front().held->task)) {
                break;
            }
            run.push_back({steps_[i].move, &held});
        }
        return run;
    }

    [[nodiscard]] Status take_inserts(std::string_view letters) {
        std::size_t at = 0;
        for (const InsertGroup& group : request_.inserts) {
            auto& verdicts = reply_.inserts.emplace_back();
            for (std::size_t i = 0; i < group.jobs.size() + group.rows.size(); ++i, ++at) {
                const auto verdict = at < letters.size() ? inserted_from(letters[at]) : std::nullopt;
                if (!verdict) {
                    return odd_reply("insert");
                }
                verdicts.push_back(*verdict);
            }
        }
        return {};
    }

    [[nodiscard]] Status take_moves(std::string_view letters) {
        for (const char letter : letters) {
            const auto moved = moved_from(letter);
            if (!moved || at_ == steps_.size()) {
                return odd_reply("settle");
            }
            accept(*moved);
        }
        return {};
    }

    // The step at_ is answered.
    void accept(Moved moved) {
        const Step& step = steps_[at_];
        if (at_ < request_.moves.size()) {
            const bool other = step.heeded && step.move->to != request_.moves[at_].to;
            reply_.moves.push_back(moved == Moved::applied && other ? Moved::cancelled : moved);
        } else if (moved == Moved::applied) {
            applied_.push_back(step.move);
        }
        ++at_;
    }

    // --- Decisions ---
    [[nodiscard]] Status decide(Elements stop) {
        if (!stop.empty() && stop[0].text() == "other" && !is_general_) {  // a lease is not as it was given out
            is_general_ = true;
            return {};
        }
        if (stop.size() < 4 || at_ == steps_.size()) {
            return odd_reply("settle");
        }
        return stop[0].text() == "late" ? decide_late(stop) : decide_asked(stop);
    }

    [[nodiscard]] Status decide_asked(Elements stop) {
        const Move& move = *steps_[at_].move;
        KHALA_TRY_ASSIGN(const Record record, decode_record(stop[1].text(), move.id));
        KHALA_TRY_ASSIGN(const NewJob job, decode_job({move.id, stop[2].text(), stop[3].text()}));
        decided_.push_back(std::make_unique<Move>(job::heed_cancel(move, record.standing, job.result_ttl_ms)));
        steps_[at_] = {.move = decided_.back().get(), .heeded = true};
        return {};
    }

    [[nodiscard]] Status decide_late(Elements stop) {
        const Move& move = *steps_[at_].move;
        KHALA_TRY_ASSIGN(const Record record, decode_record(stop[1].text(), move.id));
        auto history = full_history(stop[2].elements(), record, move.id);
        Late late = examine_late(move, history);
        if (!late.note) {
            accept(late.repeated ? Moved::applied : Moved::lost);
            return {};
        }
        Note note{move.id, std::string{stop[3].text()}, late.repeated, true, {}};
        add_attempt(history, *std::move(late.note));
        if (record.has_attempt) {
            std::erase(history, latest_attempt(record));  // notes enough push even that one out
        }
        for (const job::Attempt& attempt : history) {
            note.history.push_back(encode_attempt(attempt));
        }
        steps_[at_].note = std::move(note);
        return {};
    }

    // --- Claim ---
    [[nodiscard]] Status take_claim(Elements claimed) {
        if (claimed.size() == 2 || !claimed[0].is_array()) {
            return decide_overdue(claimed);
        }
        const Elements leases = claimed[0].elements();
        if (claimed.size() < kClaimFields || leases.size() % kLeaseFields != 0) {
            return odd_reply("claim");
        }
        const Common common{claimed[2].integer(), claimed[3].elements(), claimed[5].elements()};
        Token token = claimed[4].integer();
        reply_.more = reply_.more || claimed[1].integer() != 0;
        reply_.next_due_at = claimed[6].is_nil() ? 0 : claimed[6].integer();
        claimed_ = true;
        reply_.leases.reserve(leases.size() / kLeaseFields);
        for (std::size_t i = 0; i < leases.size(); i += kLeaseFields) {
            KHALA_TRY(take_lease(leases.subspan(i, kLeaseFields), ++token, common));
        }
        return {};
    }

    // The record of a first attempt, which the server does not send.
    [[nodiscard]] Result<Record> first_record(const Reply& number, Token token, const Common& common,
                                              const Born& born) const {
        const auto names = 2 * static_cast<std::size_t>(number.integer());
        if (names + 1 >= common.names.size()) {
            return odd_reply("claim");
        }
        Record record;
        record.ref = born.ref;
        record.queue = common.names[names].text();
        record.task = common.names[names + 1].text();
        record.standing.order_key = born.order_key;
        start_lease(record.standing, token, request_.claim->worker, now_, common.lease_until);
        record.due_as_born = true;
        return record;
    }

    [[nodiscard]] Status take_lease(Elements fields, Token token, const Common& common) {
        const StoredJob stored{fields[0].text(), fields[1].text(), terms_of(fields[1].text(), common.terms)};
        auto job = decode_job(stored);
        const auto born = decode_born(stored);
        const Born known_born = born ? *born : Born{};
        auto read = !fields[2].text().empty() ? decode_record(fields[2].text(), stored.id)
                                              : first_record(fields[2], token, common, known_born);
        if (!read || !job || !born || !is_sound(stored)) {
            const bool has_record = read.ok();
            Record record = has_record ? *std::move(read) : Record{};
            NewJob known = job ? *std::move(job) : NewJob{};
            known.id = stored.id;
            if (has_record) {
                known.queue = record.queue;
                known.task = record.task;
            } else {
                record.ref = known_born.ref;
                start_lease(record.standing, token, request_.claim->worker, now_, common.lease_until);
            }
            quarantine(make_row(std::move(known), known_born, record));
            return {};
        }
        Record& record = *read;
        JobRow row = make_row(*std::move(job), *born, record);
        held_.add({row.ref, std::move(record.queue), std::move(record.task), row.standing, record.due_as_born});
        reply_.leases.push_back({row.ref, std::move(row.job), std::move(row.standing)});
        return {};
    }

    // The row is leased to us and nobody is told: it goes apart with the next call.
    void quarantine(JobRow row) {
        Rng unused{0};
        const Lease lease{row.ref, row.job, row.standing};
        decided_.push_back(std::make_unique<Move>(job::decide(lease, job::Damaged{"checksum"}, now_, unused)));
        steps_.push_back({.move = decided_.back().get(), .heeded = true});
        apply(*decided_.back(), row.standing);
        reply_.damaged.push_back(std::move(row));
    }

    // {overdue, more}: id, record, asked, terms each.
    [[nodiscard]] Status decide_overdue(Elements claimed) {
        if (claimed.size() < 2) {
            return odd_reply("claim");
        }
        Rng unused{0};
        for (const Reply& row : claimed[0].elements()) {
            const Elements fields = row.elements();
            if (fields.size() < 4) {
                return odd_reply("claim");
            }
            Record record;
            JobRow overdue;
            static_cast<void>(decode_readable({fields[0].text(), fields[2].text(), fields[3].text()}, fields[1].text(),
                                              record, overdue));
            const Lease lease{overdue.ref, std::move(overdue.job), std::move(overdue.standing)};
            decided_.push_back(std::make_unique<Move>(job::decide(lease, job::Overdue{}, now_, unused)));
            steps_.push_back({.move = decided_.back().get(), .heeded = true});
        }
        terms_.swept = true;
        reply_.more = reply_.more || claimed[1].integer() != 0;
        terms_.overdue_left = claimed[0].elements().size() >= static_cast<std::size_t>(kSweepCount);
        return {};
    }

    void tell_expired() {
        for (const Move* move : applied_) {
            if (move->to == State::expired) {
                reply_.expired.push_back(move->id);
            }
        }
    }

    Core& core_;
    HeldLeases& held_;
    const Exchange request_;
    ClaimTerms terms_;
    Packer packed_;
    std::optional<Core::Posted> posted_;  // the call that is under way
    std::vector<Step> steps_;
    std::size_t at_ = 0;  // the first step that is not answered
    std::vector<std::unique_ptr<Move>> decided_;
    std::vector<const Move*> applied_;  // of those that nobody sent
    bool is_general_ = false;           // completions go as moves, too
    bool begun_ = false;
    bool done_ = false;
    bool claimed_ = false;
    Millis now_ = 0;
    ExchangeReply reply_;
};

}  // namespace

Result<ExchangeReply> exchange(Core& core, HeldLeases& held, const Exchange& request, const ClaimTerms& terms) {
    KHALA_TRY(check_exchange(request));
    return Conversation{core, held, request, terms}.run();
}

Result<std::unique_ptr<Begun>> begin_exchange(Core& core, HeldLeases& held, const Exchange& request,
                                              const ClaimTerms& terms) {
    KHALA_TRY(check_exchange(request));
    auto conversation = std::make_unique<Conversation>(core, held, request, terms);
    KHALA_TRY(conversation->begin());
    return std::unique_ptr<Begun>{std::move(conversation)};
}

}  // namespace khala::store::redis

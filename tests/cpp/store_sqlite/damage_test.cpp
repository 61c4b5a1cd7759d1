// Bits that changed on the disk: whatever bit of the file it is, no job is run that is not what was enqueued, and
// nothing that is not as it was left goes unnoticed.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/rng.hpp"
#include "store_sqlite/bytes.hpp"
#include "store_sqlite/process.hpp"
#include "store_sqlite/sqlite_factory.hpp"
#include "store_sqlite/workload.hpp"

namespace khala::store::sqlite {
namespace {

namespace fs = std::filesystem;

int flips_wanted(int usual) {
    const char* const wanted = std::getenv("KHALA_FLIPS");  // NOLINT(concurrency-mt-unsafe)
    return wanted != nullptr ? std::stoi(wanted) : usual;
}

NewJob patterned(const std::string& id) {
    NewJob job = simple_job(id);
    job.payload = "{\"of\":\"" + id + "\",\"text\":\"";
    for (int i = 0; i < 12; ++i) {
        job.payload.append(id).append(" ");
    }
    job.payload += "\"}";
    job.headers = "{\"of\":\"" + id + "\"}";
    job.correlation_id = "all of " + id;
    job.retry = R"({"kind":"fixed","max":2,"base_ms":0})";
    return job;
}

// Jobs in every state that a job can rest in, and what is true of them.
struct Truth {
    std::map<std::string, JobRow> rows;
    std::set<std::string> waiting;  // will be leased, sooner or later

    explicit Truth(Store& store) {
        for (const auto& [state, count] : {std::pair{State::completed, 6},
                                           {State::failed, 4},
                                           {State::cancelled, 3},
                                           {State::scheduled, 4},
                                           {State::ready, 12}}) {
            for (int i = 0; i < count; ++i) {
                make(store, std::string{job::name(state)} + "-" + std::to_string(i), state);
            }
        }
        for (auto& [id, row] : rows) {
            const std::vector<std::string> ids{id};
            row = *contract::ok(store.get(ids, true)).front();
        }
    }

private:
    void make(Store& store, const std::string& id, State state) {
        NewJob job = patterned(id);
        if (state == State::scheduled) {
            job.run_at = store.clock().wall_ms() + base::kHourMs;
        }
        if (state == State::failed) {
            job.retry.clear();
        }
        ASSERT_TRUE(enqueue(store, {job}).ok());
        rows.emplace(id, JobRow{});
        const std::vector<std::string> ids{id};
        if (state == State::cancelled) {
            ASSERT_TRUE(store.manage(Verb::cancel, ids, "enough", "ops").ok());
        }
        if (state == State::completed || state == State::failed) {
            const Lease lease = take(store, simple_claim(1))->leases.front();
            ASSERT_EQ(lease.job.id, id);
            Rng rng{1};
            const Move end = state == State::completed
                                 ? done(lease, store, "\"result of " + id + "\"")
                                 : job::decide(lease, job::Failure{{"E"}, R"({"message":"no"})", false},
                                               store.clock().wall_ms(), rng);
            ASSERT_TRUE(settle(store, {end}).ok());
        }
        if (state == State::ready) {
            waiting.insert(id);
        }
    }
};

// What checksums guard of a row: not the progress, and not what is kept of earlier attempts. Nothing is decided by
// those.
JobRow guarded(JobRow row) {
    row.history.clear();
    row.standing.progress_count = row.standing.progress_total = 0;
    row.standing.progress_message.clear();
    row.standing.lease_until = 0;
    row.standing.cancel_requested = false;
    return row;
}

// What became of one flipped bit.
struct Finding {
    std::string noticed;   // by what; empty = nobody noticed
    std::string wrong;     // what nobody may ever see; empty = nothing
    bool differs = false;  // something is not as it was
};

// Opens the file, looks at everything and runs all that waits.
class Examination {
public:
    explicit Examination(const Truth& truth) : truth_{truth} {}

    Finding examine(const std::string& file) {
        SqliteOptions options;
        options.path = file;
        options.synchronous = Synchronous::normal;
        auto opened = open_sqlite(options);
        if (!opened) {
            finding_.noticed = "open: " + opened.error().to_string();
            return finding_;
        }
        const auto store = *std::move(opened);
        look_at_closed(*store);
        run_all(*store);
        if (finding_.noticed.empty() && runs_.size() != truth_.waiting.size()) {
            finding_.differs = true;  // a job that no claim finds
        }
        if (finding_.noticed.empty()) {
            const auto faults = store->check();
            if (!faults.ok()) {
                finding_.noticed = "check: " + faults.error().to_string();
            } else if (!faults->empty()) {
                finding_.noticed = "check: " + faults->front();
            }
        }
        return finding_;
    }

private:
    template <typename T>
    bool failed(const Result<T>& result, const char* verb) {
        if (!result.ok()) {
            finding_.noticed = std::string{verb} + ": " + result.error().to_string();
        }
        return !result.ok();
    }

    void look_at_closed(Store& store) {
        for (const auto& [id, row] : truth_.rows) {
            if (!job::is_closed(row.standing.state)) {
                continue;
            }
            const std::vector<std::string> ids{id};
            const auto found = store.get(ids, true);
            if (failed(found, "get")) {
                return;
            }
            if (!found->front()) {
                finding_.differs = true;
                continue;
            }
            const JobRow& seen = *found->front();
            const bool apart = seen.standing.state == State::quarantined;
            if (apart) {
                finding_.noticed = "get";
            }
            if (!apart && (seen.job != row.job || seen.standing.result != row.standing.result ||
                           seen.standing.state != row.standing.state)) {
                finding_.wrong = "a job that ended is shown with other words: " + id;
            }
            finding_.differs = finding_.differs || !(guarded(seen) == guarded(row));
        }
    }

    void run_all(Store& store) {
        for (int round = 0; round < 40; ++round) {
            const auto reply = take(store, simple_claim(5));
            if (failed(reply, "claim")) {
                return;
            }
            if (!reply->damaged.empty()) {
                finding_.noticed = "claim: quarantined";
            }
            if (reply->leases.empty() && reply->damaged.empty()) {
                return;
            }
            std::vector<Move> ends;
            for (const Lease& lease : reply->leases) {
                const auto known = truth_.rows.find(lease.job.id);
                if (known == truth_.rows.end() || !(lease.job == known->second.job)) {
                    finding_.wrong = "a job is run that is not what was enqueued: " + lease.job.id;
                } else if (!truth_.waiting.contains(lease.job.id) || !runs_.insert(lease.job.id).second) {
                    finding_.wrong = "a job is run that does not wait: " + lease.job.id;
                }
                ends.push_back(done(lease, store));
            }
            if (failed(settle(store, ends), "settle")) {
                return;
            }
        }
        finding_.wrong = "there is no end of jobs";
    }

    const Truth& truth_;
    std::set<std::string> runs_;
    Finding finding_;
};

}  // namespace

TEST(Damage, OfAnyBitOfTheFileIsNeverRunAndNeverSilent) {
    const TempDirectory directory;
    std::optional<Truth> truth;
    truth.emplace(*open_store(directory.file()));
    const std::string sound = read_all(directory.file());
    ASSERT_FALSE(fs::exists(directory.file() + "-wal")) << "all of it is in the file";
    ASSERT_GT(sound.size(), 16'384U);

    Rng rng{8};
    std::map<std::string, int> outcomes;
    const int flips = flips_wanted(300);
    for (int flip = 0; flip < flips; ++flip) {
        const std::size_t byte = rng.below(sound.size());
        const auto bit = static_cast<unsigned char>(1U << rng.below(8));
        SCOPED_TRACE("byte " + std::to_string(byte) + ", bit " + std::to_string(bit));
        std::string flipped = sound;
        flipped[byte] = static_cast<char>(static_cast<unsigned char>(flipped[byte]) ^ bit);
        const TempDirectory place;
        write_all(place.file(), flipped);
        fs::permissions(place.file(), fs::perms::owner_read | fs::perms::owner_write);
        const Finding finding = Examination{*truth}.examine(place.file());
        ASSERT_EQ(finding.wrong, "");
        ASSERT_FALSE(finding.differs && finding.noticed.empty()) << "nobody noticed";
        const std::string by = finding.noticed.substr(0, finding.noticed.find(':'));
        outcomes[finding.noticed.empty() ? "harmless" : "noticed by " + by] += 1;
    }
    for (const auto& [outcome, count] : outcomes) {
        std::printf("%d of %d flips: %s\n", count, flips, outcome.c_str());
    }
    EXPECT_GT(outcomes["noticed by open"] + outcomes["noticed by claim"] + outcomes["noticed by get"], flips / 20);
}

// A damaged log ends where the damage is: what was committed behind it is gone. The store says so.
TEST(Damage, OfTheLogIsSaid) {
    const TempDirectory directory;
    constexpr int kJobs = 40;
    Child writer{[&] {
        const auto store = open_store(directory.file());
        for (int i = 0; i < kJobs; ++i) {
            static_cast<void>(enqueue(*store, {patterned("job-" + std::to_string(i))}));
        }
        const auto leases = take(*store, simple_claim(kJobs))->leases;
        for (const Lease& lease : leases) {
            static_cast<void>(settle(*store, {done(lease, *store)}));
        }
        return ::kill(::getpid(), SIGKILL);  // the log stays as it is
    }};
    ASSERT_EQ(writer.result(), -SIGKILL);
    const std::string log = read_all(directory.file() + "-wal");
    ASSERT_GT(log.size(), 100'000U);

    Rng rng{9};
    int losses = 0;
    int all_lost = 0;
    const int flips = flips_wanted(300) / 3;
    for (int flip = 0; flip < flips; ++flip) {
        // The first damages the head of the log, and with it all that there is.
        const std::size_t byte = flip == 0 ? 4 : rng.below(log.size());
        SCOPED_TRACE("byte " + std::to_string(byte));
        std::string flipped = log;
        flipped[byte] = static_cast<char>(static_cast<unsigned char>(flipped[byte]) ^ 4U);
        const TempDirectory place;
        fs::copy_file(directory.file(), place.file());
        fs::create_directory(place.file() + "-khala");
        fs::copy_file(directory.file() + "-khala/board", place.file() + "-khala/board");
        write_all(place.file() + "-wal", flipped);
        SqliteOptions options;
        options.path = place.file();
        const auto store = open_sqlite(options);
        if (!store.ok()) {
            continue;
        }
        const auto counts = (*store)->counts("q");
        const auto state = [&](State s) {
            return counts.ok() && !counts->empty() ? counts->front().by_state[static_cast<std::size_t>(s)] : 0;
        };
        const bool lost = state(State::completed) != kJobs;
        losses += lost ? 1 : 0;
        all_lost += counts.ok() && counts->empty() ? 1 : 0;
        ASSERT_TRUE(enqueue(**store, {patterned("next")}).ok());
        const auto& details = (*store)->info().details;
        const bool said = std::ranges::any_of(details, [](const auto& detail) { return detail.first == "went_back"; });
        ASSERT_EQ(said, lost);
        expect_sound(**store);
    }
    std::printf("%d of %d flips in the log lost commits\n", losses, flips);
    EXPECT_GT(losses, 0);
    EXPECT_GT(all_lost, 0);
}

// One row of each table that tells of jobs, damaged in each column in turn.
TEST(Damage, OfEveryColumnThatCountsIsNoticed) {
    // What renewals write, a hint, and figures that nothing is decided by.
    const std::map<std::string, std::set<std::string>> not_guarded{
        {"job", {}},
        {"live",
         {"lease_until", "cancel_requested", "progress_count", "progress_total", "progress_message", "id_hash"}},
        {"closed",
         {"lease_until", "cancel_requested", "progress_count", "progress_total", "progress_message", "ended_here",
          "cpu_ms", "peak_memory_bytes"}}};
    const TempDirectory directory;
    {
        const auto store = open_store(directory.file());
        ASSERT_TRUE(enqueue(*store, {patterned("closed")}).ok());
        ASSERT_TRUE(settle(*store, {done(take(*store, simple_claim(1))->leases.front(), *store)}).ok());
        ASSERT_TRUE(enqueue(*store, {patterned("live")}).ok());
    }
    const std::string sound = read_all(directory.file());
    for (const auto& [table, left_out] : not_guarded) {
        for (const std::string& column :
             Shell{directory.file()}.texts("SELECT name FROM pragma_table_info('" + table + "') WHERE pk = 0")) {
            SCOPED_TRACE(table + "." + column);
            const TempDirectory place;
            write_all(place.file(), sound);
            fs::permissions(place.file(), fs::perms::owner_read | fs::perms::owner_write);
            const std::string of_type = Shell{place.file()}.texts("SELECT type FROM pragma_table_info('" + table +
                                                                  "') WHERE name = '" + column + "'")[0];
            Shell{place.file()}.run("UPDATE " + table + " SET " + column + " = " +
                                    (of_type == "TEXT" ? "coalesce(" + column + ", '') || 'x'" : column + " + 1"));
            const auto store = open_store(place.file());
            ASSERT_NE(store, nullptr);
            const auto faults = store->check();
            const bool noticed = !faults.ok() || !faults->empty();
            EXPECT_EQ(noticed, !left_out.contains(column));
            const auto reply = take(*store, simple_claim(2));
            for (const Lease& lease : reply.ok() ? reply->leases : std::vector<Lease>{}) {
                EXPECT_EQ(lease.job, patterned("live")) << "what runs is what was enqueued";
            }
        }
    }
}

}  // namespace khala::store::sqlite

// What the SQLite store does alone: one process, one thread, no engine, no Python.
//
//     store_bench [--dir DIR] [--jobs N] [--batch B] [--synchronous full|normal|both] [--single N] [--ready N]
//
// One JSON line a measurement:
//   fsync     p50 of write + fdatasync of 16 KiB in the same directory: what FULL cannot beat
//   insert    enqueue in transactions of 1,000
//   drain     settle and claim fused, B jobs a transaction, results of 26 bytes kept
//   single    insert + claim, then settle, one job a transaction: the worst case
//   claim     the time of one claim of B while N jobs are ready, against few
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/rng.hpp"
#include "job/lifecycle.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace {

using namespace khala;
using SteadyClock = std::chrono::steady_clock;

struct Settings {
    std::filesystem::path directory = std::filesystem::temp_directory_path();
    std::size_t jobs = 200'000;
    int batch = 50;
    std::size_t singles = 2'000;
    std::size_t ready = 1'000'000;
    std::vector<store::Synchronous> levels{store::Synchronous::normal, store::Synchronous::full};
};

// Of this thread: what is left of a figure on a machine that others use as well.
double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Stopwatch {
    SteadyClock::time_point start = SteadyClock::now();
    double cpu_start = cpu_seconds();
};

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

template <typename T>
T need(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().to_string().c_str());
        std::exit(1);
    }
    return *std::move(result);
}

double percentile(std::vector<double>& values, double share) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

double fsync_p50_us(const std::filesystem::path& directory) {
    constexpr std::size_t kBytes = 16 * kKiB;
    constexpr int kRounds = 300;
    const std::string path = (directory / "fsync.probe").string();
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const std::vector<char> bytes(kBytes, 'x');
    std::vector<double> times;
    for (int round = 0; round < kRounds; ++round) {
        const auto start = SteadyClock::now();
        if (::write(fd, bytes.data(), bytes.size()) < 0 || ::fdatasync(fd) != 0) {
            std::perror("fsync");
            std::exit(1);
        }
        times.push_back(seconds_since(start) * 1e6);
    }
    ::close(fd);
    ::unlink(path.c_str());
    return percentile(times, 0.5);
}

class StoreBench {
public:
    StoreBench(const Settings& settings, store::Synchronous level) : settings_{settings}, level_{level} {
        directory_ = settings.directory / ("store_bench-" + std::to_string(::getpid()));
        std::filesystem::create_directories(directory_);
        store::SqliteOptions options;
        options.path = (directory_ / "jobs.db").string();
        options.synchronous = level;
        store_ = need(store::open_sqlite(options));
        claim_.worker = "bench";
        claim_.queues = {{"default", settings.batch}};
        claim_.limit = settings.batch;
        claim_.lease_ms = 15'000;
        claim_.tasks = {"noop"};
    }
    StoreBench(const StoreBench&) = delete;
    StoreBench& operator=(const StoreBench&) = delete;
    StoreBench(StoreBench&&) = delete;
    StoreBench& operator=(StoreBench&&) = delete;
    ~StoreBench() {
        store_.reset();
        std::filesystem::remove_all(directory_);
    }

    void run() {
        insert("insert", settings_.jobs);
        drain("drain", settings_.jobs);
        if (settings_.singles > 0) {
            single();
        }
        claims();
    }

private:
    store::InsertGroup group(std::size_t count) {
        store::InsertGroup made;
        made.jobs.resize(count);
        for (job::NewJob& job : made.jobs) {
            job.id = base::uuid7(store_->clock().wall_ms(), rng_);
            job.queue = "default";
            job.task = "noop";
            job.payload = R"({"args":["0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",12345],"kwargs":{}})";
            job.retry = R"({"kind":"exponential","max":3,"base_ms":1000,"factor":2})";
            job.hard_timeout_ms = 60'000;
            job.result_ttl_ms = 86'400'000;
        }
        return made;
    }

    void report(const char* what, std::size_t count, const Stopwatch& watch) {
        const double cpu = cpu_seconds() - watch.cpu_start;
        const double seconds = seconds_since(watch.start);
        const auto jobs = static_cast<double>(count);
        std::printf(
            "{\"bench\": \"%s\", \"synchronous\": \"%s\", \"batch\": %d, \"jobs\": %zu, \"per_second\": %.0f, "
            "\"us_each\": %.2f, \"cpu_us_each\": %.2f}\n",
            what, level_ == store::Synchronous::full ? "full" : "normal", settings_.batch, count, jobs / seconds,
            seconds / jobs * 1e6, cpu / jobs * 1e6);
        std::fflush(stdout);
    }

    void insert(const char* what, std::size_t count) {
        constexpr std::size_t kGroup = 1000;
        std::vector<store::InsertGroup> groups;
        for (std::size_t done = 0; done < count; done += kGroup) {
            groups.push_back(group(std::min(kGroup, count - done)));
        }
        const Stopwatch watch;
        for (const store::InsertGroup& each : groups) {
            need(store_->exchange({.inserts = {&each, 1}, .moves = {}, .claim = nullptr}));
        }
        report(what, count, watch);
        need_ok(store_->idle());
    }

    void drain(const char* what, std::size_t count) {
        std::size_t done = 0;
        std::vector<job::Move> moves;
        const Stopwatch watch;
        do {
            const auto reply = need(store_->exchange({.inserts = {}, .moves = moves, .claim = &claim_}));
            done += reply.moves.size();
            moves = decide_all(reply.leases);
        } while (!moves.empty());
        report(what, done, watch);
        if (done != count) {
            std::fprintf(stderr, "drained %zu of %zu\n", done, count);
            std::exit(1);
        }
        need_ok(store_->idle());
    }

    void single() {
        std::vector<store::InsertGroup> groups;
        for (std::size_t i = 0; i < settings_.singles; ++i) {
            groups.push_back(group(1));
        }
        const Stopwatch watch;
        for (const store::InsertGroup& each : groups) {
            const auto reply = need(store_->exchange({.inserts = {&each, 1}, .moves = {}, .claim = &claim_}));
            const auto moves = decide_all(reply.leases);
            need(store_->exchange({.inserts = {}, .moves = moves, .claim = nullptr}));
        }
        report("single", settings_.singles, watch);
    }

    // With few jobs ready, and with many (and all that were closed before).
    void claims() {
        if (settings_.ready == 0) {
            return;
        }
        claims_of("claim_few", 20'000);
        claims_of("claim_many", settings_.ready);
        rusage usage{};
        ::getrusage(RUSAGE_SELF, &usage);
        std::printf("{\"bench\": \"memory\", \"peak_rss_mib\": %ld, \"file_mib\": %ju}\n", usage.ru_maxrss / 1024,
                    static_cast<std::uintmax_t>(std::filesystem::file_size(directory_ / "jobs.db") >> 20U));
    }

    void claims_of(const char* what, std::size_t ready) {
        constexpr int kRounds = 200;
        for (std::size_t done = 0; done < ready; done += 10'000) {
            const auto each = group(10'000);
            need(store_->exchange({.inserts = {&each, 1}, .moves = {}, .claim = nullptr}));
        }
        need_ok(store_->idle());
        std::vector<double> times;
        std::size_t claimed = 0;
        std::vector<job::Move> moves;
        for (int round = 0; round < kRounds; ++round) {
            const auto start = SteadyClock::now();
            const auto reply = need(store_->exchange({.inserts = {}, .moves = moves, .claim = &claim_}));
            times.push_back(seconds_since(start) * 1e6);
            claimed += reply.leases.size();
            moves = decide_all(reply.leases);
        }
        need(store_->exchange({.inserts = {}, .moves = moves, .claim = nullptr}));
        const double p50 = percentile(times, 0.5);
        const double p99 = percentile(times, 0.99);
        std::printf(
            "{\"bench\": \"%s\", \"ready\": %zu, \"batch\": %d, \"p50_us\": %.0f, \"p99_us\": %.0f, "
            "\"claimed\": %zu}\n",
            what, ready, settings_.batch, p50, p99, claimed);
    }

    std::vector<job::Move> decide_all(const std::vector<job::Lease>& leases) {
        std::vector<job::Move> moves;
        moves.reserve(leases.size());
        for (const job::Lease& lease : leases) {
            moves.push_back(
                job::decide(lease, job::Done{R"({"ok": true, "count": 12})"}, store_->clock().wall_ms(), rng_));
        }
        return moves;
    }

    static void need_ok(const Status& status) {
        if (!status) {
            std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
            std::exit(1);
        }
    }

    const Settings& settings_;
    store::Synchronous level_;
    std::filesystem::path directory_;
    std::unique_ptr<store::Store> store_;
    store::Claim claim_;
    Rng rng_{1};
};

Settings parse(int count, char** words) {
    Settings settings;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view name = words[i];
        const std::string value = words[i + 1];
        if (name == "--dir") {
            settings.directory = value;
        } else if (name == "--jobs") {
            settings.jobs = std::stoul(value);
        } else if (name == "--batch") {
            settings.batch = std::stoi(value);
        } else if (name == "--single") {
            settings.singles = std::stoul(value);
        } else if (name == "--ready") {
            settings.ready = std::stoul(value);
        } else if (name == "--synchronous" && value == "full") {
            settings.levels = {store::Synchronous::full};
        } else if (name == "--synchronous" && value == "normal") {
            settings.levels = {store::Synchronous::normal};
        }
    }
    return settings;
}

}  // namespace

int main(int count, char** words) {
    const Settings settings = parse(count, words);
    std::printf("{\"bench\": \"fsync\", \"p50_us\": %.0f}\n", fsync_p50_us(settings.directory));
    for (const store::Synchronous level : settings.levels) {
        StoreBench{settings, level}.run();
    }
    return 0;
}

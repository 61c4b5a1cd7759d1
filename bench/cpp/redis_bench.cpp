// What the Redis store costs the server: one client, one thread, no engine, no Python.
//
//     redis_bench URL [--jobs N] [--batch B] [--ttl MS]
//
// The database that URL names is emptied first. One JSON line a stage (enqueue, drain with settle and claim fused,
// prune, and all together): jobs a second, and from INFO commandstats what each job cost the server, in commands (those
// inside functions counted) and in microseconds of its processor.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/rng.hpp"
#include "job/lifecycle.hpp"
#include "store/redis/link.hpp"
#include "store/redis/redis_store.hpp"
#include "store/redis/url.hpp"

namespace {

using namespace khala;

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "redis_bench: %s\n", why.c_str());
    std::exit(1);
}

template <typename T>
T must(Result<T> result) {
    if (!result) {
        give_up(result.error().to_string());
    }
    return *std::move(result);
}

// A second connection, for what the server says about itself.
class Meter {
public:
    explicit Meter(const store::RedisOptions& options) : link_{must(store::redis::Link::connect(options))} {}

    std::string ask(const std::vector<std::string>& words) {
        store::redis::Request request;
        request.command(words.size());
        for (const std::string& word : words) {
            request.add(word);
        }
        const auto replies = must(link_->call(request));
        if (replies.front().is_error()) {
            give_up(std::string{replies.front().text()});
        }
        return std::string{replies.front().text()};
    }

    struct Use {
        double commands = 0;
        double usec = 0;  // of the functions, which contain the commands inside them
    };
    Use use() {
        Use use;
        const std::string text = ask({"INFO", "commandstats"});
        for (std::size_t at = text.find("cmdstat_"); at != std::string::npos; at = text.find("cmdstat_", at + 1)) {
            const std::string_view line = std::string_view{text}.substr(at, text.find('\n', at) - at);
            use.commands += number(line, "calls=");
            use.usec += line.starts_with("cmdstat_fcall") ? number(line, "usec=") : 0;
        }
        return use;
    }
    double memory() { return number(ask({"INFO", "memory"}), "used_memory:"); }

private:
    static double number(std::string_view line, std::string_view name) {
        const std::size_t at = line.find(name);
        return at == std::string_view::npos ? 0 : std::strtod(line.data() + at + name.size(), nullptr);
    }

    std::unique_ptr<store::redis::Link> link_;
};

struct Settings {
    std::string url;
    std::size_t jobs = 50'000;
    std::size_t batch = 50;
    Millis ttl_ms = base::kHourMs;
};

class Bench {
public:
    explicit Bench(const Settings& settings)
        : settings_{settings},
          options_{must(store::redis::parse_redis_url(settings.url))},
          meter_{options_},
          store_{open()} {}

    void run() {
        const auto begun = start();
        stage("enqueue", [&] { enqueue(); });
        std::printf("{\"stage\": \"memory\", \"bytes_a_job\": %.0f}\n",
                    (meter_.memory() - memory_) / static_cast<double>(settings_.jobs));
        stage("drain", [&] { drain(); });
        if (settings_.ttl_ms == 0) {
            stage("prune", [&] { prune(); });
        }
        report("all", begun);
    }

private:
    struct Start {
        std::chrono::steady_clock::time_point time;
        Meter::Use use;
    };
    Start start() { return {std::chrono::steady_clock::now(), meter_.use()}; }

    std::unique_ptr<store::Store> open() {
        meter_.ask({"FLUSHDB"});
        memory_ = meter_.memory();
        return must(store::open_redis(options_));
    }

    void report(const char* name, const Start& from) {
        const auto jobs = static_cast<double>(settings_.jobs);
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - from.time).count();
        const Meter::Use now = meter_.use();
        std::printf(
            "{\"stage\": \"%s\", \"batch\": %zu, \"jobs_a_second\": %.0f, \"commands_a_job\": %.2f, "
            "\"server_us_a_job\": %.2f}\n",
            name, settings_.batch, jobs / seconds, (now.commands - from.use.commands) / jobs,
            (now.usec - from.use.usec) / jobs);
    }

    template <typename Work>
    void stage(const char* name, const Work& work) {
        const Start begun = start();
        work();
        report(name, begun);
    }

    void enqueue() {
        Rng rng{1};
        for (std::size_t done = 0; done < settings_.jobs; done += settings_.batch) {
            store::InsertGroup group;
            for (std::size_t i = 0; i < settings_.batch; ++i) {
                store::NewJob job;
                job.id = base::uuid7(store_->clock().wall_ms(), rng);
                job.queue = "default";
                job.task = "bench.noop";
                job.payload = R"({"args":[1234],"kwargs":{}})";
                job.retry =
                    R"({"kind":"exponential","max":3,"base_ms":1000,"factor":2,"cap_ms":3600000,"jitter":"full"})";
                job.result_ttl_ms = settings_.ttl_ms;
                group.jobs.push_back(std::move(job));
            }
            must(store_->exchange({.inserts = {&group, 1}, .moves = {}, .claim = nullptr}));
        }
    }

    void drain() {
        Rng rng{2};
        store::Claim claim;
        claim.worker = "bench";
        claim.limit = static_cast<int>(settings_.batch);
        claim.queues = {{"default", claim.limit}};
        claim.lease_ms = 15'000;
        claim.tasks = {"bench.noop"};
        std::vector<store::Move> moves;
        for (std::size_t done = 0; done < settings_.jobs;) {
            auto reply = must(store_->exchange({.inserts = {}, .moves = moves, .claim = &claim}));
            done += static_cast<std::size_t>(std::ranges::count(reply.moves, store::Moved::applied));
            moves.clear();
            for (const store::Lease& lease : reply.leases) {
                moves.push_back(job::decide(lease, job::Done{settings_.ttl_ms == 0 ? "" : R"({"answer":1234})"},
                                            store_->clock().wall_ms(), rng));
            }
        }
    }

    void prune() {
        store::Prune rule;
        while (must(store_->prune(rule)) == rule.limit) {
        }
    }

    Settings settings_;
    store::RedisOptions options_;
    Meter meter_;
    double memory_ = 0;
    std::unique_ptr<store::Store> store_;
};

Settings parse(int count, char** words) {
    if (count < 2 || count % 2 != 0) {
        give_up("URL [--jobs N] [--batch B] [--ttl MS]");
    }
    Settings settings;
    settings.url = words[1];
    for (int i = 2; i < count; i += 2) {
        const std::string_view name = words[i];
        const auto value = static_cast<std::size_t>(std::strtoull(words[i + 1], nullptr, 10));
        if (name == "--jobs") {
            settings.jobs = value;
        } else if (name == "--batch") {
            settings.batch = value;
        } else if (name == "--ttl") {
            settings.ttl_ms = static_cast<Millis>(value);
        } else {
            give_up("unknown option " + std::string{name});
        }
    }
    return settings;
}

}  // namespace

int main(int count, char** words) {
    Bench{parse(count, words)}.run();
    return 0;
}

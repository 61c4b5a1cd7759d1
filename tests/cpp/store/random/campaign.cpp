#include "store/random/campaign.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "store/random/generate.hpp"
#include "store/random/oracle.hpp"

namespace khala::store::random {
namespace {

constexpr int kShrinkRuns = 400;

using Steps = std::vector<std::uint64_t>;

struct Deviation {
    std::size_t step = 0;  // index of the step that shows it
    std::string text;
};

// One run of a programme on fresh stores.
class Run {
public:
    Run(const Campaign& campaign, std::uint64_t seed) : seed_{seed} {
        for (const auto& [name, maker] : campaign.stores) {
            OpenedStore opened = maker();
            wall_ = opened.clock->wall_ms();
            lease_ = opened.clock->lease_ms();
            worlds_.emplace_back(name, std::move(opened));
        }
        const bool can_kill = std::all_of(worlds_.begin(), worlds_.end(), [](const World& w) { return w.can_kill(); });
        taste_ = make_taste(seed_, can_kill);
    }

    // `trace`: also writes down every step.
    std::optional<Deviation> run(const Steps& steps, std::string* trace) {
        Oracle oracle{wall_, lease_};
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const Request request = make_request(steps[i], taste_, oracle);
            const Reply expected = oracle.run(request);
            if (trace != nullptr) {
                *trace += "  " + std::to_string(i) + ". " + to_text(request) + "\n";
            }
            if (auto text = compare(request, expected, oracle.snapshot()); !text.empty()) {
                return Deviation{i, std::move(text)};
            }
        }
        return std::nullopt;
    }

private:
    std::string compare(const Request& request, const Reply& expected, const Snapshot& state) {
        std::ostringstream out;
        std::vector<Snapshot> seen;
        for (World& world : worlds_) {
            const Reply reply = world.run(request);
            if (!(reply == expected)) {
                out << "  " << world.name() << " answers  " << to_text(reply) << "\n  expected " << to_text(expected)
                    << "\n";
            }
            seen.push_back(world.snapshot());
            for (const std::string& line : differences(mask(seen.back()), state)) {
                out << "  " << world.name() << " | expected: " << line << "\n";
            }
        }
        for (std::size_t i = 1; i < seen.size(); ++i) {
            for (const std::string& line : differences(seen[0], seen[i])) {
                out << "  " << worlds_[0].name() << " | " << worlds_[i].name() << ": " << line << "\n";
            }
        }
        return out.str();
    }

    std::uint64_t seed_;
    Millis wall_ = 0;
    Millis lease_ = 0;
    std::vector<World> worlds_;
    Taste taste_;
};

Steps steps_of(std::uint64_t seed, int count) {
    Rng rng{seed ^ 0x5DEECE66DU};
    Steps steps;
    for (int i = 0; i < count; ++i) {
        steps.push_back(rng());
    }
    return steps;
}

// Leaves out ever smaller pieces while the programme still deviates (delta debugging without its second half).
Steps shrink(const Campaign& campaign, std::uint64_t seed, Steps steps) {
    int runs = 0;
    for (std::size_t piece = std::max<std::size_t>(steps.size() / 2, 1); piece > 0; piece /= 2) {
        for (std::size_t at = 0; at < steps.size() && runs < kShrinkRuns;) {
            Steps fewer = steps;
            const auto from = fewer.begin() + static_cast<std::ptrdiff_t>(at);
            fewer.erase(from, from + static_cast<std::ptrdiff_t>(std::min(piece, steps.size() - at)));
            ++runs;
            if (const auto deviation = Run{campaign, seed}.run(fewer, nullptr)) {
                fewer.resize(deviation->step + 1);
                steps = std::move(fewer);
            } else {
                at += piece;
            }
        }
    }
    return steps;
}

std::string describe(const Campaign& campaign, std::uint64_t seed, Steps steps) {
    if (campaign.shrink) {
        steps = shrink(campaign, seed, std::move(steps));
    }
    std::string trace;
    const auto deviation = Run{campaign, seed}.run(steps, &trace);
    std::ostringstream out;
    out << "seed " << seed << " (repeat with KHALA_RANDOM_SEED=" << seed << " KHALA_RANDOM_PROGRAMMES=1), "
        << steps.size() << " steps left:\n"
        << trace << (deviation ? deviation->text : "  (it does not deviate again: a store is not deterministic)\n");
    return out.str();
}

}  // namespace

Campaign with_environment(Campaign campaign) {
    if (const char* seed = std::getenv("KHALA_RANDOM_SEED")) {
        campaign.first_seed = std::strtoull(seed, nullptr, 10);
    }
    if (const char* programmes = std::getenv("KHALA_RANDOM_PROGRAMMES")) {
        campaign.programmes = static_cast<int>(std::strtol(programmes, nullptr, 10));
    }
    return campaign;
}

Findings run_campaign(const Campaign& campaign) {
    Findings findings;
    for (int i = 0; i < campaign.programmes; ++i) {
        const std::uint64_t seed = campaign.first_seed + static_cast<std::uint64_t>(i);
        Steps steps = steps_of(seed, campaign.steps);
        const auto deviation = Run{campaign, seed}.run(steps, nullptr);
        findings.programmes += 1;
        findings.steps += static_cast<std::int64_t>(deviation ? deviation->step + 1 : steps.size());
        if (deviation) {
            steps.resize(deviation->step + 1);
            findings.seed = seed;
            findings.description = describe(campaign, seed, std::move(steps));
            break;
        }
    }
    return findings;
}

std::vector<std::string> plants_not_found(const Campaign& campaign, const std::vector<base::PlantSite>& sites) {
    std::vector<std::string> missed;
#if defined(KHALA_PLANTS)
    std::size_t planted = 0;
    for (const base::PlantInfo& plant : base::kPlants) {
        const bool wanted = std::find(sites.begin(), sites.end(), plant.site) != sites.end();
        if (!wanted || plant.plant == base::Plant::none) {
            continue;
        }
        ++planted;
        base::activate_plant(plant.plant);
        const Findings findings = run_campaign(campaign);
        base::activate_plant(base::Plant::none);
        if (findings.seed) {
            std::printf("  %-24s seed %llu, %lld steps\n", std::string{plant.name}.c_str(),
                        static_cast<unsigned long long>(*findings.seed), static_cast<long long>(findings.steps));
        } else {
            missed.push_back(std::string{plant.name} + ": " + std::string{plant.text});
        }
    }
    std::printf("planted bugs found: %zu of %zu\n", planted - missed.size(), planted);
#else
    static_cast<void>(campaign);
    static_cast<void>(sites);
    missed.emplace_back("this build has no plants");
#endif
    return missed;
}

}  // namespace khala::store::random

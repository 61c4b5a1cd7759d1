// Which compiled copy of the tile kernels runs on this machine.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"
#include "vec/code_kernels.hpp"
#include "vec/directions.hpp"
#include "vec/kernels.hpp"

namespace khala::vec {

// baseline: what the build is for (on x86-64: SSE2). v3: x86-64-v3 (AVX2, FMA). v4: x86-64-v4 (AVX-512) with VNNI.
// `automatic` is the best copy the processor can run, unless the environment variable KHALA_JOBS_ISA (read once a
// process) names another.
enum class Isa : std::uint8_t { automatic, baseline, v3, v4 };

[[nodiscard]] constexpr std::string_view name(Isa isa) noexcept {
    switch (isa) {
        case Isa::automatic: return "auto";
        case Isa::baseline: return "baseline";
        case Isa::v3: return "v3";
        case Isa::v4: return "v4";
    }
    return "unknown";
}

// The inverse of name(); the error names `field` and the known words.
[[nodiscard]] base::Result<Isa> parse_isa(std::string_view text, std::string_view field);

// Never `automatic`. ErrorCode::unsupported when the processor or this build lacks what was asked for.
[[nodiscard]] base::Result<Isa> resolve_isa(Isa wanted);

// `isa` as resolve_isa returned it.
[[nodiscard]] const KernelTable& kernels_for(Isa isa) noexcept;
// The fastest copy, whatever was asked for: for dot64, which has the same bits in all of them.
[[nodiscard]] const KernelTable& best_kernels() noexcept;
[[nodiscard]] const CodeKernels& code_kernels_for(Isa isa) noexcept;
[[nodiscard]] LeadingDirections leading_directions_for(Isa isa) noexcept;

}  // namespace khala::vec

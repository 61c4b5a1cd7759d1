#include "vec/isa.hpp"

#include <cstdlib>
#include <string>

#include "vec/invalid.hpp"

namespace khala::vec {
namespace {

using base::Error;
using base::ErrorCode;

constexpr const char* kVariable = "KHALA_JOBS_ISA";

#if KHALA_VEC_HAS_X86
#if defined(__clang__) && __clang_major__ < 17  // knows no levels; no processor has these without the rest of the level
bool has_v3() noexcept {
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
           __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0;
}
bool has_v4() noexcept {
    return has_v3() && __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512cd") != 0 &&
           __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
}
#else
bool has_v3() noexcept {
    return __builtin_cpu_supports("x86-64-v3") != 0;
}
bool has_v4() noexcept {
    return __builtin_cpu_supports("x86-64-v4") != 0;
}
#endif
#endif

bool runs(Isa isa) noexcept {
    switch (isa) {
        case Isa::automatic:
        case Isa::baseline: return true;
#if KHALA_VEC_HAS_X86
        case Isa::v3: return has_v3();
        case Isa::v4: return has_v4() && __builtin_cpu_supports("avx512vnni") != 0;
#else
        case Isa::v3:
        case Isa::v4: return false;
#endif
    }
    return false;
}

Isa best() noexcept {
    return runs(Isa::v4) ? Isa::v4 : runs(Isa::v3) ? Isa::v3 : Isa::baseline;
}

base::Result<Isa> checked(Isa isa, std::string_view field) {
    if (!runs(isa)) {
        const std::string needs = isa == Isa::v3 ? "AVX2 and FMA" : "AVX-512 and its VNNI";
        return Error{ErrorCode::unsupported, std::string{field},
                     std::string{name(isa)} + " needs a processor with " + needs +
                         " and a build for x86-64; baseline runs everywhere"};
    }
    return isa;
}

base::Result<Isa> from_environment() {
    const char* text = std::getenv(kVariable);
    if (text == nullptr || *text == '\0') {
        return best();
    }
    KHALA_TRY_ASSIGN(const Isa isa, parse_isa(text, kVariable));
    if (isa == Isa::automatic) {
        return best();
    }
    return checked(isa, kVariable);
}

}  // namespace

base::Result<Isa> parse_isa(std::string_view text, std::string_view field) {
    for (const Isa isa : {Isa::automatic, Isa::baseline, Isa::v3, Isa::v4}) {
        if (text == name(isa)) {
            return isa;
        }
    }
    return invalid(field, "'" + std::string{text} + "' is none of auto, baseline, v3, v4");
}

base::Result<Isa> resolve_isa(Isa wanted) {
    if (wanted != Isa::automatic) {
        return checked(wanted, "isa");
    }
    static const base::Result<Isa> preferred = from_environment();
    return preferred;
}

const KernelTable& kernels_for(Isa isa) noexcept {
#if KHALA_VEC_HAS_X86
    if (isa == Isa::v4) {
        return v4::kernels();
    }
    if (isa == Isa::v3) {
        return v3::kernels();
    }
#endif
    static_cast<void>(isa);
    return baseline::kernels();
}

const KernelTable& best_kernels() noexcept {
    return kernels_for(best());
}

const CodeKernels& code_kernels_for(Isa isa) noexcept {
#if KHALA_VEC_HAS_X86
    if (isa == Isa::v4) {
        return v4::code_kernels();
    }
    if (isa == Isa::v3) {
        return v3::code_kernels();
    }
#endif
    static_cast<void>(isa);
    return baseline::code_kernels();
}

LeadingDirections leading_directions_for(Isa isa) noexcept {
#if KHALA_VEC_HAS_X86
    if (isa == Isa::v3 || isa == Isa::v4) {
        return v3::leading_directions;
    }
#endif
    static_cast<void>(isa);
    return baseline::leading_directions;
}

}  // namespace khala::vec

#include "vec/isa.hpp"

#include <cstdlib>
#include <string>

#include "vec/invalid.hpp"

namespace khala::vec {
namespace {

using base::Error;
using base::ErrorCode;

constexpr const char* kVariable = "KHALA_JOBS_ISA";

bool runs_v3() noexcept {
#if KHALA_VEC_HAS_V3
    return __builtin_cpu_supports("x86-64-v3") != 0;
#else
    return false;
#endif
}

base::Result<Isa> checked(Isa isa, std::string_view field) {
    if (isa == Isa::v3 && !runs_v3()) {
        return Error{ErrorCode::unsupported, std::string{field},
                     "v3 needs a processor with AVX2 and FMA and a build for x86-64; baseline runs everywhere"};
    }
    return isa;
}

base::Result<Isa> from_environment() {
    const char* text = std::getenv(kVariable);
    if (text == nullptr || *text == '\0') {
        return runs_v3() ? Isa::v3 : Isa::baseline;
    }
    KHALA_TRY_ASSIGN(const Isa isa, parse_isa(text, kVariable));
    if (isa == Isa::automatic) {
        return runs_v3() ? Isa::v3 : Isa::baseline;
    }
    return checked(isa, kVariable);
}

}  // namespace

base::Result<Isa> parse_isa(std::string_view text, std::string_view field) {
    for (const Isa isa : {Isa::automatic, Isa::baseline, Isa::v3}) {
        if (text == name(isa)) {
            return isa;
        }
    }
    return invalid(field, "'" + std::string{text} + "' is none of auto, baseline, v3");
}

base::Result<Isa> resolve_isa(Isa wanted) {
    if (wanted != Isa::automatic) {
        return checked(wanted, "isa");
    }
    static const base::Result<Isa> preferred = from_environment();
    return preferred;
}

const KernelTable& kernels_for(Isa isa) noexcept {
#if KHALA_VEC_HAS_V3
    if (isa == Isa::v3) {
        return v3::kernels();
    }
#endif
    static_cast<void>(isa);
    return baseline::kernels();
}

}  // namespace khala::vec

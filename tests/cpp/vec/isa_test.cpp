#include "vec/isa.hpp"

#include <gtest/gtest.h>

namespace khala::vec {
namespace {

using base::ErrorCode;

TEST(Isa, NamesAndParsesBack) {
    for (const Isa isa : {Isa::automatic, Isa::baseline, Isa::v3, Isa::v4}) {
        EXPECT_EQ(isa, parse_isa(name(isa), "isa").value());
    }
    const auto wrong = parse_isa("avx9", "KHALA_JOBS_ISA");
    ASSERT_FALSE(wrong.ok());
    EXPECT_EQ(ErrorCode::invalid_argument, wrong.error().code);
    EXPECT_EQ("KHALA_JOBS_ISA: 'avx9' is none of auto, baseline, v3, v4",
              wrong.error().field + ": " + wrong.error().message);
}

TEST(Isa, BaselineRunsEverywhereAndAutomaticIsResolved) {
    EXPECT_EQ(Isa::baseline, resolve_isa(Isa::baseline).value());
    const auto chosen = resolve_isa(Isa::automatic);
    ASSERT_TRUE(chosen.ok());
    EXPECT_NE(Isa::automatic, *chosen);
}

TEST(Isa, EachHasItsOwnKernels) {
    const auto fast = resolve_isa(Isa::v3);
    if (!fast.ok()) {
        EXPECT_EQ(ErrorCode::unsupported, fast.error().code);
        GTEST_SKIP() << "this processor or build has no v3";
    }
    EXPECT_NE(kernels_for(Isa::baseline).products, kernels_for(Isa::v3).products);
    EXPECT_NE(kernels_for(Isa::baseline).scan, kernels_for(Isa::v3).scan);
}

}  // namespace
}  // namespace khala::vec

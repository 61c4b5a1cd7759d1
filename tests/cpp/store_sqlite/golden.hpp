// Golden files: what a test compares with text that is checked in. With KHALA_UPDATE_GOLDEN=1 they are written instead.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "store_sqlite/bytes.hpp"

namespace khala::store::sqlite {

inline void expect_golden(const std::string& name, const std::string& text) {
    const auto path = std::filesystem::path{KHALA_GOLDEN_DIR} / name;
    if (std::getenv("KHALA_UPDATE_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
        write_all(path, text);
    }
    ASSERT_TRUE(std::filesystem::exists(path)) << path << " is missing";
    EXPECT_EQ(read_all(path), text) << path;
}

}  // namespace khala::store::sqlite

// Whole files, for tests that look behind a store's back.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

namespace khala::store::sqlite {

// "" when there is none.
inline std::string read_all(const std::string& file) {
    std::stringstream bytes;
    bytes << std::ifstream{file, std::ios::binary}.rdbuf();
    return bytes.str();
}

inline void write_all(const std::string& file, const std::string& bytes) {
    std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
}

}  // namespace khala::store::sqlite

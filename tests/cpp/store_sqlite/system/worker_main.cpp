// A worker process whose store is linked with the system's SQLite: system_worker FILE JOURNAL NAME.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdio>
#include <fstream>

#include "store_sqlite/journal.hpp"

int main(int count, char** words) {
    constexpr int kWords = 4;
    if (count != kWords) {
        std::fputs("usage: system_worker FILE JOURNAL NAME\n", stderr);
        return 2;
    }
    std::ofstream{std::string{words[2]} + ".system", std::ios::app} << words[3] << " " << sqlite3_libversion() << "\n";
    const int code = khala::store::sqlite::work(words[1], words[2], words[3]);
    return ::testing::Test::HasFailure() ? 99 : code;
}

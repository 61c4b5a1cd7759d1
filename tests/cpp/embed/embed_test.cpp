// Embedded text arrives byte for byte, under the name of its file.
#include <gtest/gtest.h>

#include <string_view>

#include "embed_test/sql.hpp"

namespace khala::embed_test {
namespace {

TEST(EmbeddedText, IsNamedAfterItsFile) {
    EXPECT_EQ(plain, "SELECT 1;\n");
    EXPECT_EQ(empty, "");
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].name, "awkward");
    EXPECT_EQ(all[2].name, "plain");
    EXPECT_EQ(all[2].text, plain);
}

TEST(EmbeddedText, KeepsWhatCMakeCouldTakeForItsOwn) {
    EXPECT_EQ(awkward,
              "-- semicolons; \"quotes\"; back\\slashes; ${CMAKE_VERSION} @PROJECT_NAME@ [[brackets]] ]==] (parens)\" "
              "\xc2\xb5 %\n"
              "SELECT json_extract(payload, '$.a[0]') FROM job WHERE x = ';' AND y = 'it''s';\n");
}

}  // namespace
}  // namespace khala::embed_test

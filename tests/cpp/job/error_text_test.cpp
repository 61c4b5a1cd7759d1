#include "job/error_text.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/rng.hpp"
#include "job/json_text.hpp"
#include "job/payload.hpp"

namespace khala::job {
namespace {

TEST(ErrorText, CanonicalForm) {
    const ErrorText error{"ConnectionError", {"ConnectionError", "OSError"}, "no \"route\"\n", "File \"x.py\", line 1"};
    EXPECT_EQ(to_text(error),
              R"({"type":"ConnectionError","mro":["ConnectionError","OSError"],"message":"no \"route\"\n",)"
              R"("traceback":"File \"x.py\", line 1"})");
}

TEST(ErrorText, ReadsWhatItWrote) {
    const ErrorText error{"A", {"A", "B"}, "m\x01é", "t"};
    const auto read = parse_error(to_text(error));
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->type, error.type);
    EXPECT_EQ(read->mro, error.mro);
    EXPECT_EQ(read->message, error.message);
    EXPECT_EQ(read->traceback, error.traceback);
    EXPECT_EQ(error_type(to_text(error)), "A");
}

TEST(ErrorText, MissingPartsAreEmptyAndWrongOnesAreRefused) {
    const auto empty = parse_error("{}");
    ASSERT_TRUE(empty.ok());
    EXPECT_EQ(empty->type, "");
    EXPECT_TRUE(empty->mro.empty());
    EXPECT_EQ(error_type("{\"message\":\"m\"}"), "");
    EXPECT_EQ(error_type(""), "");
    EXPECT_EQ(error_type("not json"), "");
    EXPECT_EQ(parse_error("[]").error().field, "error");
    EXPECT_EQ(parse_error(R"({"type":1})").error().field, "error.type");
    EXPECT_EQ(parse_error(R"({"mro":"A"})").error().field, "error.mro");
    EXPECT_EQ(parse_error(R"({"mro":[1]})").error().field, "error.mro");
}

TEST(ErrorText, IsBoundedSaysSoAndKeepsTheEndOfTheTraceback) {
    ErrorText error{"E", {"E"}, std::string(1'000'000, 'm'), std::string(1'000'000, 't') + "the last line"};
    const std::string text = to_text(error);
    EXPECT_LE(text.size(), kErrorTextBytes);
    EXPECT_GT(text.size(), kErrorTextBytes / 2);
    const auto read = parse_error(text);
    ASSERT_TRUE(read.ok());
    EXPECT_NE(read->message.find("bytes cut]"), std::string::npos);
    EXPECT_EQ(read->message.substr(0, 3), "mmm");
    EXPECT_TRUE(read->traceback.ends_with("the last line"));
    EXPECT_NE(read->traceback.find("bytes cut]"), std::string::npos);
}

TEST(ErrorText, AShortMessageLeavesItsRoomToTheTraceback) {
    const ErrorText error{"E", {}, "short", std::string(kErrorTextBytes * 2, 't')};
    const auto read = parse_error(to_text(error));
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->message, "short");
    EXPECT_GT(read->traceback.size(), kErrorTextBytes * 2 / 3);
}

TEST(ErrorText, AnyBytesBecomeBoundedValidJson) {
    Rng rng{13};
    for (int round = 0; round < 500; ++round) {
        const auto noise = [&](std::size_t most) {
            std::string bytes(rng.below(most), '\0');
            for (char& byte : bytes) {
                byte = static_cast<char>(rng.below(256));
            }
            return bytes;
        };
        const ErrorText error{noise(400), {noise(300), noise(300)}, noise(6'000), noise(6'000)};
        const std::string text = to_text(error, 1 + kKiB);
        ASSERT_LE(text.size(), 1 + kKiB);
        ASSERT_TRUE(check_json(text, "error").ok()) << check_json(text, "error").error().to_string();
    }
}

TEST(JsonText, InvalidUtf8BecomesReplacementCharacters) {
    const auto quoted = [](std::string_view text) {
        std::string out;
        append_json_string(out, text);
        return out;
    };
    EXPECT_EQ(quoted("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
    EXPECT_EQ(quoted("\xE6\xBC\xA2\xE6\xBC"), "\"\xE6\xBC\xA2\xEF\xBF\xBD\xEF\xBF\xBD\"");
    EXPECT_EQ(quoted("\t\\\x1F"), R"("\t\\\u001f")");
}

TEST(JsonText, PrefixesEndAtCharacters) {
    EXPECT_EQ(utf8_prefix("abc", 2), "ab");
    EXPECT_EQ(utf8_prefix("abc", 9), "abc");
    EXPECT_EQ(utf8_prefix("a\xE6\xBC\xA2", 3), "a");
    EXPECT_EQ(utf8_prefix("a\xE6\xBC\xA2", 4), "a\xE6\xBC\xA2");
    EXPECT_EQ(utf8_prefix("\xE6\xBC\xA2", 2), "");
}

}  // namespace
}  // namespace khala::job

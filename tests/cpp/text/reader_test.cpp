#include "text/reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "text/small_language.hpp"

namespace khala::text {
namespace {

using testing::DigitScanner;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::SmallLanguage;

std::vector<std::string> keys(const Features& features) {
    std::vector<std::string> found;
    for (const Item& item : features.items) {
        found.push_back(item.term->key);
    }
    return found;
}

std::vector<std::string> links(const Item& item) {
    std::vector<std::string> found;
    for (const TermRef& link : item.links) {
        found.push_back(link->key);
    }
    return found;
}

TEST(Tokens, PlainWordsAreReadWithoutTheScanner) {
    SmallLanguage language;
    const std::string text = "The dog walks, the Cat stops. Again!";
    DigitScanner scanner{text};
    EXPECT_THAT(language.tokens(text, scanner),
                ElementsAre("the", "dog", "walks", ",", "the", "cat", "stops", ".", "again", "!"));
    EXPECT_EQ(scanner.pieces_asked + scanner.scans_asked, 0);
}

TEST(Tokens, OtherPiecesAreAskedForOnce) {
    SmallLanguage language;
    const std::string text = "us -- us -- camelCase";
    DigitScanner scanner{text};
    EXPECT_THAT(language.tokens(text, scanner),
                ElementsAre("u", "s", "-", "-", "u", "s", "-", "-", "c", "a", "m", "e", "l", "C", "a", "s", "e"));
    // "us" begins a sentence once and stands inside it once.
    EXPECT_EQ(scanner.pieces_asked, 4);
    static_cast<void>(language.tokens(text, scanner));
    EXPECT_EQ(scanner.pieces_asked, 4);
}

TEST(Tokens, WhatReachesOverSpacesIsLeftOut) {
    SmallLanguage language;
    const std::string text = "caf\xC3\xA9 3 x 4 dogs 5";
    DigitScanner scanner{text};
    EXPECT_THAT(language.tokens(text, scanner),
                ElementsAre("c", "a", "f", "\xC3", "\xA9", "number:3 x 4", "dogs", "number:5"));
    EXPECT_EQ(scanner.scans_asked, 2);
    // What reaches is remembered; how far it does is asked again.
    EXPECT_EQ(scanner.pieces_asked, 3);
    static_cast<void>(language.tokens(text, scanner));
    EXPECT_EQ(scanner.scans_asked, 4);
    EXPECT_EQ(scanner.pieces_asked, 3);
}

TEST(Tokens, LongPiecesAreNotRemembered) {
    SmallLanguage language;
    const std::string text(Pieces::kLongest + 1, '#');
    DigitScanner scanner{text};
    static_cast<void>(language.tokens(text, scanner));
    EXPECT_EQ(scanner.pieces_asked, 0);
    EXPECT_EQ(scanner.scans_asked, 1);
}

TEST(Tokens, PhrasesAreFoldedLongestFirst) {
    SmallLanguage language;
    const auto tokens = [&](const std::string& text) {
        DigitScanner scanner{text};
        return language.tokens(text, scanner);
    };
    EXPECT_THAT(tokens("no longer walks"), ElementsAre("not", "walks"));
    EXPECT_THAT(tokens("no longer at walks"), ElementsAre("never", "walks"));
    EXPECT_THAT(tokens("no"), ElementsAre("no"));
    EXPECT_THAT(tokens("no, longer"), ElementsAre("no", ",", "longer"));
    EXPECT_THAT(tokens("walks twice"), ElementsAre("walks", "number:2", "times"));
    EXPECT_THAT(tokens("of course"), IsEmpty());
    EXPECT_THAT(tokens(""), IsEmpty());
    EXPECT_THAT(tokens("   "), IsEmpty());
}

TEST(Reader, MakesARowOfItemsWithTheSmallWordsBefore) {
    SmallLanguage language;
    const Features features = language.read("The tall dog was not walked by a cat at Rome");
    EXPECT_THAT(keys(features), ElementsAre("tall", "dog", "walk", "cat", "rome"));
    EXPECT_THAT(links(features.items[2]), ElementsAre("be", "not"));
    EXPECT_THAT(links(features.items[3]), ElementsAre("by"));
    EXPECT_TRUE(features.items[1].is_joined);
    EXPECT_TRUE(features.items[2].is_verb);
    EXPECT_TRUE(features.items[2].is_passive);
    EXPECT_EQ(features.items[2].auxiliary, Time::past);
    EXPECT_EQ(features.items[3].amount, Amount::one);
    EXPECT_EQ(features.items[4].kind, Kind::name);
    EXPECT_THAT(features.negations, ElementsAre("not"));
    EXPECT_NE(find_tag(features.tenses, "past"), nullptr);
    EXPECT_TRUE(features.is_english);
    EXPECT_FALSE(features.is_question);
}

TEST(Reader, ReadsValues) {
    SmallLanguage language;
    EXPECT_THAT(keys(language.read("two dogs on monday")), ElementsAre("number:2", "dog", "on", "weekday:monday"));
    EXPECT_THAT(keys(language.read("two hundred dogs")), ElementsAre("number:200", "dog"));
    EXPECT_THAT(keys(language.read("two km")), ElementsAre("km:2"));
    EXPECT_THAT(keys(language.read("one km")), ElementsAre("number:1", "km"));
    EXPECT_THAT(keys(language.read("5 km")), ElementsAre("km:5"));
    EXPECT_THAT(keys(language.read("in March")), ElementsAre("in", "date:?-03-?"));
    EXPECT_THAT(keys(language.read("they march")), ElementsAre("they", "march"));
}

TEST(Reader, CountsOccurrences) {
    SmallLanguage language;
    const Features features = language.read("dog cat dog She dogs");
    EXPECT_EQ(features.items[0].occurrence, 0U);
    EXPECT_EQ(features.items[2].occurrence, 1U);
    EXPECT_EQ(features.items[4].occurrence, 2U);
    EXPECT_EQ(count_of(features.bag, *features.items[0].term), 3U);
    EXPECT_TRUE(has_term(features, *features.items[3].term));
    EXPECT_EQ(count_of(features.bag, *features.items[3].term), 0U);
}

TEST(Reader, ATextOfTooManyItemsHasNothingButItsText) {
    SmallLanguage language;
    std::string text;
    for (std::size_t count = 0; count <= kMaxItems; ++count) {
        text += "dog ";
    }
    text.pop_back();
    const Features features = language.read(text);
    EXPECT_TRUE(features.is_too_long);
    EXPECT_EQ(features.text, text);
    EXPECT_THAT(features.items, IsEmpty());
    EXPECT_FALSE(language.read(text.substr(4)).is_too_long);
}

TEST(Reader, BadBytesAndHugeWordsAreReadAndJudged) {
    SmallLanguage language;
    for (const std::string& bytes :
         {std::string{}, std::string{"\xFF"}, std::string{"\x80\x80\x80"}, std::string{"\xC3"}, std::string{"\xE6\x9D"},
          std::string{"\xED\xA0\x80"}, std::string{"\xF0\x9F\x98\x80"}, std::string(1, '\0'), std::string("a\0b", 3),
          std::string(50'000, '\x80'), std::string(50'000, 'a')}) {
        for (const std::string& text : {bytes, "the dog " + bytes, bytes + " walks", bytes + "s"}) {
            EXPECT_EQ(language.read(text).text, text);
            EXPECT_EQ(language.judge(text, text).kind, Judgement::duplicate);
            EXPECT_EQ(language.judge(text, "the cat stops").kind, language.judge("the cat stops", text).kind);
        }
    }
}

// A scanner whose first answers are an error, as when the caller is interrupted.
class FailingScanner : public DigitScanner {
public:
    using DigitScanner::DigitScanner;
    std::optional<Piece> piece(std::string_view piece, Place place) override {
        if (failures > 0) {
            --failures;
            throw std::runtime_error{"interrupted"};
        }
        return DigitScanner::piece(piece, place);
    }
    int failures = 1;
};

TEST(Reader, AnErrorOfTheScannerLeavesNothingBehind) {
    SmallLanguage language;
    const std::string text = "the dog -- walks";
    FailingScanner scanner{text};
    EXPECT_THROW(static_cast<void>(read_text(text, false, language.lexicon(), language.pieces(), scanner)),
                 std::runtime_error);
    const Features features = read_text(text, false, language.lexicon(), language.pieces(), scanner);
    EXPECT_THAT(keys(features), ElementsAre("dog", "-", "-", "walk"));
}

}  // namespace
}  // namespace khala::text

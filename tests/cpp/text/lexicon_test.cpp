#include "text/lexicon.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "text/small_language.hpp"

namespace khala::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::small_lists;

base::Error refusal(Lists lists) {
    return Lexicon::make(std::move(lists)).error();
}

TEST(Lexicon, RefusesListsThatAreMissingOrUnknown) {
    Lists lists = small_lists();
    lists.sets.erase("verb");
    EXPECT_EQ(refusal(lists).message, "the list verb is missing");
    lists = small_lists();
    lists.tagged["colors"] = {};
    EXPECT_EQ(refusal(lists).field, "tagged");
    lists = small_lists();
    lists.tagged["tense"]["is"] = "now";
    EXPECT_THAT(refusal(lists).message, HasSubstr("no time has the name now"));
    lists = small_lists();
    lists.irregular["went"] = {"go", "gone"};
    EXPECT_EQ(refusal(lists).field, "irregular");
    lists = small_lists();
    lists.values["noon"] = {"clock", "time:12:00"};
    EXPECT_EQ(refusal(lists).field, "values");
    lists = small_lists();
    lists.phrases.push_back({{}, {"never"}});
    EXPECT_EQ(refusal(lists).field, "phrases");
}

TEST(Lexicon, EveryMarkHasItsName) {
    Lists lists = small_lists();
    for (std::size_t at = 0; at < kMarkNames.size(); ++at) {
        lists.sets[std::string{kMarkNames[at]}].push_back("word" + std::to_string(at));
    }
    const auto lexicon = Lexicon::make(lists).value();
    for (std::size_t at = 0; at < kMarkNames.size(); ++at) {
        EXPECT_FALSE(kMarkNames[at].empty());
        for (std::size_t mark = 0; mark < kMarkNames.size(); ++mark) {
            EXPECT_EQ(lexicon->word("word" + std::to_string(at))->marks.has(static_cast<Mark>(mark)), at == mark);
        }
    }
}

struct FormCase {
    const char* form;
    const char* base;
    Form kind;
};

TEST(Lexicon, BaseFormsFollowTheEndings) {
    const auto lexicon = Lexicon::make(small_lists()).value();
    for (const auto& [form, base, kind] : {
             FormCase{"walks", "walk", Form::s},
             FormCase{"walked", "walk", Form::both},
             FormCase{"stopped", "stop", Form::both},
             FormCase{"migrating", "migrate", Form::ing},
             FormCase{"planning", "plan", Form::ing},
             FormCase{"hiking", "hike", Form::ing},
             FormCase{"boxes", "box", Form::s},
             FormCase{"studies", "study", Form::s},
             FormCase{"studied", "study", Form::both},
             FormCase{"ties", "tie", Form::s},
             FormCase{"taller", "tall", Form::er},
             FormCase{"biggest", "big", Form::est},
             FormCase{"happily", "happy", Form::none},
             FormCase{"bought", "buy", Form::both},
             FormCase{"bus", "bus", Form::none},
             FormCase{"glass", "glass", Form::none},
             FormCase{"ed", "ed", Form::none},
             FormCase{"xyz", "xyz", Form::none},
             FormCase{"", "", Form::none},
             FormCase{"colour", "color", Form::none},
             FormCase{"caf\xC3\xA9s", "caf\xC3\xA9s", Form::none},
             FormCase{"\xFF\xFEs", "\xFF\xFEs", Form::none},
         }) {
        const WordRef word = lexicon->word(form);
        EXPECT_EQ(word->base->key, base) << form;
        EXPECT_EQ(word->form, kind) << form;
    }
}

TEST(Lexicon, KnowsWhatAWordDoes) {
    const auto lexicon = Lexicon::make(small_lists()).value();
    EXPECT_EQ(lexicon->word("not")->role, Role::negation);
    EXPECT_EQ(lexicon->word("she")->role, Role::pronoun);
    EXPECT_EQ(lexicon->word("the")->role, Role::light);
    EXPECT_EQ(lexicon->word("dog")->role, Role::content);
    EXPECT_EQ(lexicon->word("was")->link->key, "be");
    EXPECT_EQ(lexicon->word("to")->link->key, "to");
    EXPECT_EQ(lexicon->word("the")->link, nullptr);
    EXPECT_TRUE(lexicon->word("dogs")->is_known);
    EXPECT_FALSE(lexicon->word("zebra")->is_known);
    EXPECT_EQ(lexicon->word("march")->value, Value::month);
    EXPECT_EQ(lexicon->word("monday")->value_term->key, "weekday:monday");
}

TEST(Lexicon, FindsPhrasesByAllTheirWords) {
    const auto lexicon = Lexicon::make(small_lists()).value();
    const WordRef no = lexicon->word("no");
    const WordRef longer = lexicon->word("longer");
    EXPECT_THAT(no->phrase_lengths, ElementsAre(3, 2));
    const std::array<const Word*, 2> said{no.get(), longer.get()};
    ASSERT_NE(lexicon->phrase(said), nullptr);
    EXPECT_THAT(*lexicon->phrase(said), ElementsAre("not"));
    const std::array<const Word*, 2> other{longer.get(), no.get()};
    EXPECT_EQ(lexicon->phrase(other), nullptr);
}

TEST(Lexicon, ForgetsWhatItHasMetAndWordsLiveOn) {
    const auto lexicon = Lexicon::make(small_lists()).value();
    const WordRef kept = lexicon->word("walked");
    EXPECT_EQ(lexicon->word("walked"), kept);
    for (std::size_t number = 0; number <= Lexicon::kRememberedWords; ++number) {
        static_cast<void>(lexicon->word("w" + std::to_string(number)));
    }
    const WordRef again = lexicon->word("walked");
    EXPECT_NE(again, kept);
    EXPECT_EQ(kept->base->key, again->base->key);
    EXPECT_TRUE(equal(*kept->base, *again->base));
}

TEST(Terms, RelateByListsEndingsAndPrefixes) {
    const auto lexicon = Lexicon::make(small_lists()).value();
    const auto term = [&](const char* key) { return lexicon->term(key); };
    EXPECT_TRUE(same(*term("like"), *term("love")));
    EXPECT_FALSE(same(*term("like"), *term("large")));
    EXPECT_TRUE(same(*term("deploy"), *term("deployment")));
    EXPECT_TRUE(opposite(*term("tall"), *term("short")));
    EXPECT_TRUE(opposite(*term("happy"), *term("unhappy")));
    EXPECT_TRUE(opposite(*term("unhappy"), *term("happy")));
    EXPECT_FALSE(opposite(*term("us"), *term("unus")));
    ASSERT_NE(shared_attribute(*term("red"), *term("blue")), nullptr);
    EXPECT_EQ(shared_attribute(*term("red"), *term("blue"))->name, "color");
    EXPECT_TRUE(shared_attribute(*term("red"), *term("blue"))->is_replaced);
    EXPECT_EQ(shared_attribute(*term("red"), *term("dog")), nullptr);
}

TEST(Terms, StemsAreCutBetweenCharacters) {
    EXPECT_TRUE(same_stem("frobnicate", "frobnicating"));
    EXPECT_FALSE(same_stem("win", "wine"));
    EXPECT_FALSE(same_stem("plan", "plane"));
    EXPECT_FALSE(same_stem("", ""));
    EXPECT_TRUE(same_stem("\xC3\xA9tude", "\xC3\xA9tudes"));
    // Three characters of five bytes are no stem; nor is what ends inside a character.
    EXPECT_FALSE(same_stem("\xC3\xA9\xC3\xA9n", "\xC3\xA9\xC3\xA9ns"));
    EXPECT_FALSE(same_stem("abc\xC3\xA9", "abc\xC3\xA8"));
    EXPECT_FALSE(same_stem("\x80\x80\x80\x80\x80", "\x80\x80\x80\x80\x80s"));
    EXPECT_TRUE(is_agent("player", "play"));
    EXPECT_TRUE(is_agent("runner", "run"));
    EXPECT_TRUE(is_agent("creator", "create"));
    EXPECT_FALSE(is_agent("river", ""));
    EXPECT_FALSE(is_agent("play", "player"));
}

}  // namespace
}  // namespace khala::text

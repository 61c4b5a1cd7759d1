#include "job/retry.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/limits.hpp"

namespace khala::job {
namespace {

RetryPolicy parsed(std::string_view text) {
    auto policy = parse_retry(text);
    EXPECT_TRUE(policy.ok()) << text << ": " << (policy.ok() ? "" : policy.error().to_string());
    return policy.ok() ? *std::move(policy) : RetryPolicy{};
}

// The waits before retries 1..n of a policy without jitter.
std::vector<Millis> waits(std::string_view text, int n) {
    Rng rng{1};
    const RetryPolicy policy = parsed(text);
    std::vector<Millis> all;
    for (int retry = 1; retry <= n; ++retry) {
        all.push_back(backoff_ms(policy, retry, rng));
    }
    return all;
}

TEST(RetryText, CanonicalTextsAreFixedPoints) {
    for (
        const std::string_view text : {
            R"({"kind":"none"})",
            R"({"kind":"fixed","max":3,"base_ms":10000})",
            R"({"kind":"fixed","max":3,"base_ms":10000,"jitter":"equal"})",
            R"({"kind":"linear","max":2,"base_ms":500,"cap_ms":900})",
            R"({"kind":"exponential","max":3,"base_ms":1000,"factor":2,"cap_ms":3600000,"jitter":"full","on":["ConnectionError"],"not_on":["ValueError"]})",
            R"({"kind":"exponential","max":0,"base_ms":0,"factor":1.1})",
            R"({"kind":"delays","max":3,"delays_ms":[60000,300000,1800000]})",
        }) {
        EXPECT_EQ(to_text(parsed(text)), text);
    }
}

TEST(RetryText, OrderSpaceAndUnusedFieldsDoNotMatter) {
    EXPECT_EQ(
        to_text(parsed(R"( { "jitter" : "none", "max": 3, "base_ms": 10, "kind": "fixed", "factor": 3, "cap_ms": 7,
                                   "delays_ms": [1], "on": [], "not_on": [] } )")),
        R"({"kind":"fixed","max":3,"base_ms":10})");
    EXPECT_EQ(to_text(parsed(R"({"kind":"delays","max":1,"delays_ms":[5],"base_ms":9,"jitter":"none"})")),
              R"({"kind":"delays","max":1,"delays_ms":[5]})");
    EXPECT_EQ(parsed(R"({"kind":"none","base_ms":9,"on":["A"]})"), RetryPolicy{});
}

TEST(RetryText, RandomPoliciesRoundTrip) {
    Rng rng{11};
    for (int i = 0; i < 2'000; ++i) {
        RetryPolicy policy;
        policy.kind = static_cast<Backoff>(1 + rng.below(4));
        policy.max_retries = static_cast<int>(rng.below(20));
        if (policy.kind == Backoff::delays) {
            for (std::uint64_t n = 1 + rng.below(5); n > 0; --n) {
                policy.delays_ms.push_back(static_cast<Millis>(rng.below(1'000'000)));
            }
        } else {
            policy.base_ms = static_cast<Millis>(rng.below(1'000'000));
            policy.jitter = static_cast<Jitter>(rng.below(3));
        }
        if (policy.kind == Backoff::exponential) {
            policy.factor = 1 + rng.uniform() * 9;
        }
        if (policy.kind == Backoff::exponential || policy.kind == Backoff::linear) {
            policy.cap_ms = static_cast<Millis>(rng.below(1'000'000));
        }
        if (rng.below(2) == 0) {
            policy.on = {"A\"quoted", "Бета"};
            policy.not_on = {"C"};
        }
        ASSERT_EQ(parsed(to_text(policy)), policy) << to_text(policy);
    }
}

struct Refusal {
    std::string_view text;
    std::string_view field;
    std::string_view says;
};

TEST(RetryText, RefusalsNameTheFieldAndTheLimit) {
    std::string many_delays = R"({"kind":"delays","max":1,"delays_ms":[1)";
    std::string many_names = R"({"kind":"fixed","max":1,"base_ms":1,"on":["A")";
    for (int i = 0; i < 64; ++i) {
        many_delays += ",1";
        many_names += ",\"A\"";
    }
    many_delays += "]}";
    many_names += "]}";
    for (const Refusal& refusal : std::initializer_list<Refusal>{
             {"", "retry", "JSON object"},
             {"[]", "retry", "JSON object"},
             {"{", "retry", "JSON object"},
             {"{}", "retry.kind", "missing"},
             {R"({"kind":"often"})", "retry.kind", "none, fixed, linear, exponential, delays"},
             {R"({"kind":1})", "retry.kind", "one of"},
             {R"({"kind":"none","max":1})", "retry.max", "0 for kind none"},
             {R"({"kind":"fixed","max":-1})", "retry.max", "from 0 to 1000000"},
             {R"({"kind":"fixed","max":1000001})", "retry.max", "from 0 to 1000000"},
             {R"({"kind":"fixed","max":"3"})", "retry.max", "integer"},
             {R"({"kind":"fixed","max":1.5})", "retry.max", "integer"},
             {R"({"kind":"fixed","max":1,"base_ms":-1})", "retry.base_ms", "from 0 to 31622400000"},
             {R"({"kind":"fixed","max":1,"base_ms":31622400001})", "retry.base_ms", "from 0 to 31622400000"},
             {R"({"kind":"exponential","max":1,"base_ms":1,"factor":0.99})", "retry.factor", "from 1 to 1000"},
             {R"({"kind":"exponential","max":1,"base_ms":1,"factor":1001})", "retry.factor", "from 1 to 1000"},
             {R"({"kind":"exponential","max":1,"base_ms":1,"factor":"2"})", "retry.factor", "number"},
             {R"({"kind":"linear","max":1,"base_ms":1,"cap_ms":-5})", "retry.cap_ms", "from 0"},
             {R"({"kind":"fixed","max":1,"base_ms":1,"jitter":"some"})", "retry.jitter", "none, full, equal"},
             {R"({"kind":"delays","max":1})", "retry.delays_ms", "missing"},
             {R"({"kind":"delays","max":1,"delays_ms":[]})", "retry.delays_ms", "1 to 64"},
             {R"({"kind":"delays","max":1,"delays_ms":[-1]})", "retry.delays_ms", "from 0"},
             {R"({"kind":"delays","max":1,"delays_ms":60})", "retry.delays_ms", "array"},
             {R"({"kind":"delays","max":1,"delays_ms":[1],"jitter":"full"})", "retry.jitter", "none for explicit"},
             {R"({"kind":"fixed","max":1,"base_ms":1,"on":"A"})", "retry.on", "array of strings"},
             {R"({"kind":"fixed","max":1,"base_ms":1,"on":[1]})", "retry.on", "array of strings"},
             {R"({"kind":"fixed","max":1,"base_ms":1,"not_on":[""]})", "retry.not_on", "empty"},
             {R"({"kind":"fixed","max":1,"base_ms":1,"max_retries":3})", "retry.max_retries", "not a field"},
             {many_delays, "retry.delays_ms", "1 to 64"},
             {many_names, "retry.on", "64"},
         }) {
        const auto policy = parse_retry(refusal.text);
        ASSERT_FALSE(policy.ok()) << refusal.text;
        EXPECT_EQ(policy.error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(policy.error().field, refusal.field) << refusal.text;
        EXPECT_NE(policy.error().message.find(refusal.says), std::string::npos)
            << refusal.text << ": " << policy.error().message;
    }
}

TEST(Backoff, Kinds) {
    using Waits = std::vector<Millis>;
    EXPECT_EQ(waits(R"({"kind":"none"})", 2), (Waits{0, 0}));
    EXPECT_EQ(waits(R"({"kind":"fixed","max":9,"base_ms":10000})", 3), (Waits{10000, 10000, 10000}));
    EXPECT_EQ(waits(R"({"kind":"linear","max":9,"base_ms":10000})", 3), (Waits{10000, 20000, 30000}));
    EXPECT_EQ(waits(R"({"kind":"exponential","max":9,"base_ms":1000,"factor":2})", 4), (Waits{1000, 2000, 4000, 8000}));
    EXPECT_EQ(waits(R"({"kind":"exponential","max":9,"base_ms":1000,"factor":1.5,"cap_ms":2000})", 4),
              (Waits{1000, 1500, 2000, 2000}));
    EXPECT_EQ(waits(R"({"kind":"delays","max":9,"delays_ms":[60000,300000,1800000]})", 5),
              (Waits{60000, 300000, 1800000, 1800000, 1800000}));
}

TEST(Backoff, NeverOverflowsAndNeverExceedsTheCap) {
    Rng rng{3};
    const int huge = std::numeric_limits<int>::max();
    for (const std::string_view text : {
             R"({"kind":"exponential","max":1,"base_ms":31622400000,"factor":1000})",
             R"({"kind":"exponential","max":1,"base_ms":1,"factor":2})",
             R"({"kind":"linear","max":1,"base_ms":31622400000})",
             R"({"kind":"fixed","max":1,"base_ms":31622400000})",
             R"({"kind":"delays","max":1,"delays_ms":[31622400000]})",
         }) {
        for (const int n : {-5, 0, 1, 2, 64, 1'000, huge}) {
            const Millis wait = backoff_ms(parsed(text), n, rng);
            EXPECT_GE(wait, 0) << text << n;
            EXPECT_LE(wait, kBackoffCapMs) << text << n;
        }
        EXPECT_GT(backoff_ms(parsed(text), huge, rng), 31'000'000'000) << text;
    }
    EXPECT_EQ(backoff_ms(parsed(R"({"kind":"exponential","max":1,"base_ms":0,"factor":1000})"), huge, rng), 0);
}

TEST(Backoff, JitterStaysInItsBoundsAndReachesThem) {
    Rng rng{5};
    const RetryPolicy full = parsed(R"({"kind":"fixed","max":1,"base_ms":9,"jitter":"full"})");
    const RetryPolicy equal = parsed(R"({"kind":"fixed","max":1,"base_ms":9,"jitter":"equal"})");
    Millis full_least = 99, full_most = -1, equal_least = 99, equal_most = -1;
    for (int i = 0; i < 5'000; ++i) {
        const Millis f = backoff_ms(full, 1, rng);
        const Millis e = backoff_ms(equal, 1, rng);
        full_least = std::min(full_least, f);
        full_most = std::max(full_most, f);
        equal_least = std::min(equal_least, e);
        equal_most = std::max(equal_most, e);
    }
    EXPECT_EQ(full_least, 0);
    EXPECT_EQ(full_most, 9);
    EXPECT_EQ(equal_least, 4);
    EXPECT_EQ(equal_most, 9);
}

TEST(Backoff, JitterComesAfterTheCap) {
    Rng rng{6};
    const RetryPolicy policy = parsed(R"({"kind":"linear","max":1,"base_ms":1000,"cap_ms":1500,"jitter":"equal"})");
    for (int n = 1; n < 500; ++n) {
        const Millis wait = backoff_ms(policy, n, rng);
        ASSERT_GE(wait, n == 1 ? 500 : 750);
        ASSERT_LE(wait, 1'500);
    }
}

TEST(Covers, EmptyPolicyCoversEverything) {
    EXPECT_TRUE(covers(RetryPolicy{}, {"ValueError", "Exception"}));
    EXPECT_TRUE(covers(RetryPolicy{}, {}));
}

TEST(Covers, NamesAreLookedForInTheWholeMro) {
    RetryPolicy policy;
    policy.on = {"OSError"};
    EXPECT_TRUE(covers(policy, {"ConnectionResetError", "ConnectionError", "OSError", "Exception"}));
    EXPECT_FALSE(covers(policy, {"ValueError", "Exception"}));
    EXPECT_FALSE(covers(policy, {}));
    EXPECT_FALSE(covers(policy, {"oserror"}));
}

TEST(Covers, NotOnWinsOverOn) {
    RetryPolicy policy;
    policy.on = {"Exception"};
    policy.not_on = {"ValueError"};
    EXPECT_TRUE(covers(policy, {"OSError", "Exception"}));
    EXPECT_FALSE(covers(policy, {"UnicodeError", "ValueError", "Exception"}));
}

}  // namespace
}  // namespace khala::job

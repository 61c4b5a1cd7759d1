#include "job/payload.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "job/retry.hpp"

namespace khala::job {
namespace {

NewJob good_job() {
    NewJob job;
    job.id = "j1";
    job.queue = "default";
    job.task = "echo";
    job.payload = R"({"a":[1,2,3]})";
    return job;
}

std::string nested(std::size_t levels, std::string_view innermost) {
    return std::string(levels, '[') + std::string{innermost} + std::string(levels, ']');
}

std::string message(const Status& status) {
    return status.ok() ? "" : status.error().to_string();
}

void expect_refused(std::string_view text, std::string_view says) {
    const Status status = check_json(text, "payload");
    ASSERT_FALSE(status.ok()) << text.substr(0, 60);
    EXPECT_EQ(status.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(status.error().field, "payload");
    EXPECT_NE(status.error().message.find(says), std::string::npos)
        << text.substr(0, 60) << ": " << status.error().message;
}

TEST(CheckJson, TakesEveryKindOfJson) {
    for (const std::string_view text : {
             "{}",
             "[]",
             "null",
             "true",
             "1",
             "-0",
             "0.5",
             "1e308",
             "1e-400",
             "\"\"",
             " [ 1 , 2 ] ",
             R"("\u0000")",
             R"("\ud83d\ude00")",
             "\"\xF0\x9F\x98\x80\"",
             "18446744073709551615",
             "-9223372036854775808",
             R"({"a":1,"a":2})",
             "123456789012345678901234567890.5",
         }) {
        EXPECT_TRUE(check_json(text, "payload").ok()) << text << message(check_json(text, "payload"));
    }
}

TEST(CheckJson, SaysWhatIsWrong) {
    expect_refused("", "empty");
    expect_refused("  \n", "empty");
    expect_refused("{", "not valid JSON");
    expect_refused("[1,]", "not valid JSON");
    expect_refused("[1] 2", "not valid JSON");
    expect_refused("nul", "not valid JSON");
    expect_refused("\xEF\xBB\xBF[]", "not valid JSON");
    expect_refused("'a'", "not valid JSON");
    expect_refused("[NaN]", "NaN and Infinity");
    expect_refused("[Infinity]", "NaN and Infinity");
    expect_refused("\"\xFF\"", "UTF-8");
    expect_refused("\"\xED\xA0\x80\"", "UTF-8");  // a surrogate in UTF-8's clothes
    expect_refused("\"\xC0\x80\"", "UTF-8");      // an overlong NUL
    expect_refused(std::string_view{"[1\0]", 4}, "malformed number");
    expect_refused("\"a\nb\"", "control character");
    expect_refused("\"abc", "not closed");
    expect_refused(R"("\x41")", "escape");
}

TEST(CheckJson, LoneSurrogatesAreRefusedWhereverTheyStand) {
    for (const std::string_view text : {
             R"("\ud800")",
             R"("\udc00")",
             R"("\uDFFF")",
             R"("\ud800x")",
             R"("\ud800\u0041")",
             R"("\ud800\ud800")",
             R"({"\ud800":1})",
             R"(["ok","\udbff"])",
         }) {
        expect_refused(text, "surrogate");
    }
}

TEST(CheckJson, NumbersThat64BitsCannotHold) {
    expect_refused("18446744073709551616", "the integer 18446744073709551616");
    expect_refused("-9223372036854775809", "the integer -9223372036854775809");
    expect_refused(R"({"s":"12","n":[1,2.5,99999999999999999999]})", "the integer 99999999999999999999");
    expect_refused("[1e400]", "the number 1e400");
    expect_refused("[-1.5e999]", "the number -1.5e999");
    expect_refused(std::string(5'000, '9'), "(5000 characters)");
    expect_refused("[01]", "has 01 where");
    expect_refused("[1.]", "has 1. where");
    expect_refused("[1e]", "has 1e where");
    expect_refused("[-]", "has - where");
    expect_refused(R"(["1e400 is only text here\"", 1e-400, 01])", "has 01 where");
}

TEST(CheckJson, DepthIsExactWhateverIsInnermost) {
    for (const std::string_view innermost : {"", "1", "{}", "\"[[[[\""}) {
        const std::size_t own = innermost == "{}" ? 1 : 0;
        EXPECT_TRUE(check_json(nested(kPayloadDepth - own, innermost), "payload").ok()) << innermost;
        expect_refused(nested(kPayloadDepth - own + 1, innermost), "at most 128 levels deep, has 129");
    }
    EXPECT_TRUE(check_json("[[1]]", "payload", {100, 2}).ok());
    EXPECT_FALSE(check_json("[[[1]]]", "payload", {100, 2}).ok());
    EXPECT_FALSE(check_json("[[[]]]", "payload", {100, 2}).ok());
    EXPECT_TRUE(check_json("1", "payload", {100, 1}).ok());
}

TEST(CheckJson, TenThousandLevelsCostNoStack) {
    expect_refused(nested(10'000, "1"), "has 10000");
    expect_refused(std::string(500'000, '['), "not valid JSON");
}

TEST(CheckJson, SizeIsCheckedBeforeAnythingElse) {
    const std::string fits = "\"" + std::string(kPayloadBytes - 2, 'x') + "\"";
    EXPECT_TRUE(check_json(fits, "payload").ok());
    const Status status = check_json(fits + " ", "result");
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(message(status), "invalid_argument: result: must be at most 1048576 bytes, has 1048577");
    expect_refused(std::string(kPayloadBytes + 1, '\xFF'), "1048576 bytes");
}

TEST(CheckJson, AfterARefusalTheNextDocumentIsReadAfresh) {
    EXPECT_FALSE(check_json("[[", "payload").ok());
    EXPECT_TRUE(check_json("[[1]]", "payload").ok());
    EXPECT_FALSE(check_json(nested(200, "1"), "payload").ok());
    EXPECT_TRUE(check_json(nested(100, "1"), "payload").ok());
}

TEST(CheckJson, ThreadsDoNotShareParsers) {
    std::vector<std::thread> threads;
    std::vector<int> wrong(4, 0);
    for (std::size_t t = 0; t < wrong.size(); ++t) {
        threads.emplace_back([t, &wrong] {
            for (std::size_t i = 0; i < 500; ++i) {
                const std::string good = nested(1 + (i + t) % kPayloadDepth, "\"text\"");
                wrong[t] += check_json(good, "payload").ok() ? 0 : 1;
                wrong[t] += check_json(good.substr(1), "payload").ok() ? 1 : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(wrong, (std::vector<int>(4, 0)));
}

TEST(CheckName, Limits) {
    EXPECT_TRUE(check_name("a", "queue").ok());
    EXPECT_TRUE(check_name("a b:{}/../é漢😀", "queue").ok());
    EXPECT_TRUE(check_name(std::string(128, 'x'), "queue").ok());
    EXPECT_EQ(message(check_name("", "queue")), "invalid_argument: queue: must not be empty");
    EXPECT_EQ(message(check_name(std::string(129, 'x'), "task")),
              "invalid_argument: task: must be at most 128 bytes, has 129");
    EXPECT_EQ(message(check_name("\xFF", "id")), "invalid_argument: id: is not valid UTF-8");
}

TEST(CheckName, ControlCharactersAndDirectionMarksAreRefused) {
    for (const std::string_view name : {
             std::string_view{"a\0b", 3},
             std::string_view{"\n"},
             std::string_view{"a\x1F"},
             std::string_view{"\x7F"},
             std::string_view{"\xC2\x80"},
             std::string_view{"\xC2\x9F"},
             std::string_view{"\xE2\x80\xAE"},
             std::string_view{"\xE2\x80\x8F"},
             std::string_view{"x\xE2\x81\xA6y"},
         }) {
        EXPECT_FALSE(check_name(name, "queue").ok());
    }
    EXPECT_TRUE(check_name("\xC2\xA0", "queue").ok());      // a no-break space is only a space
    EXPECT_TRUE(check_name("\xE2\x80\x94", "queue").ok());  // an em dash
}

TEST(CheckNewJob, TakesAGoodOne) {
    EXPECT_TRUE(check_new_job(good_job()).ok()) << message(check_new_job(good_job()));
    NewJob full = good_job();
    full.priority = 255;
    full.run_at = kTimeMaxAt - 1;
    full.expires_at = kTimeMaxAt;
    full.soft_timeout_ms = 10;
    full.hard_timeout_ms = 10;
    full.retry = R"({"kind":"fixed","max":1,"base_ms":1})";
    full.result_ttl_ms = kDurationMaxMs;
    full.headers = R"({"a":"b"})";
    full.correlation_id = std::string(kCorrelationIdBytes, 'c');
    full.unique_key = std::string(kKeyBytes, 'k');
    full.parent_id = std::string(kIdBytes, 'p');
    EXPECT_TRUE(check_new_job(full).ok()) << message(check_new_job(full));
}

TEST(CheckNewJob, EveryFieldIsCheckedAndNamed) {
    struct Case {
        std::string_view field;
        std::function<void(NewJob&)> spoil;
    };
    const std::string long_text(1'000, 'x');
    const std::vector<Case> cases{
        {"id", [](NewJob& j) { j.id = ""; }},
        {"id", [&](NewJob& j) { j.id = long_text; }},
        {"queue", [](NewJob& j) { j.queue = "a\nb"; }},
        {"task", [](NewJob& j) { j.task = ""; }},
        {"payload", [](NewJob& j) { j.payload = "1"; }},
        {"payload", [](NewJob& j) { j.payload = "\"text\""; }},
        {"payload", [](NewJob& j) { j.payload = ""; }},
        {"headers", [](NewJob& j) { j.headers = ""; }},
        {"headers", [](NewJob& j) { j.headers = "[]"; }},
        {"headers", [](NewJob& j) { j.headers = R"({"a":1})"; }},
        {"headers", [](NewJob& j) { j.headers = R"({"a":")" + std::string(kHeadersBytes, 'x') + "\"}"; }},
        {"headers",
         [](NewJob& j) {
             j.headers = "{\"h\":\"\"";
             for (std::size_t i = 0; i < kHeaderCount; ++i) {
                 j.headers += ",\"h" + std::to_string(i) + "\":\"\"";
             }
             j.headers += "}";
         }},
        {"priority", [](NewJob& j) { j.priority = -1; }},
        {"priority", [](NewJob& j) { j.priority = 256; }},
        {"run_at", [](NewJob& j) { j.run_at = -1; }},
        {"run_at", [](NewJob& j) { j.run_at = kTimeMaxAt + 1; }},
        {"expires_at", [](NewJob& j) { j.expires_at = -1; }},
        {"expires_at",
         [](NewJob& j) {
             j.run_at = 1'000;
             j.expires_at = 999;
         }},
        {"soft_timeout_ms", [](NewJob& j) { j.soft_timeout_ms = kDurationMaxMs + 1; }},
        {"soft_timeout_ms",
         [](NewJob& j) {
             j.soft_timeout_ms = 11;
             j.hard_timeout_ms = 10;
         }},
        {"hard_timeout_ms", [](NewJob& j) { j.hard_timeout_ms = -1; }},
        {"result_ttl_ms", [](NewJob& j) { j.result_ttl_ms = kDurationMaxMs + 1; }},
        {"retry.kind", [](NewJob& j) { j.retry = "{}"; }},
        {"correlation_id", [](NewJob& j) { j.correlation_id = std::string(kCorrelationIdBytes + 1, 'x'); }},
        {"tenant", [&](NewJob& j) { j.tenant = long_text; }},
        {"unique_key", [](NewJob& j) { j.unique_key = std::string(kKeyBytes + 1, 'x'); }},
        {"concurrency_key", [](NewJob& j) { j.concurrency_key = "\x01"; }},
        {"rate_key", [](NewJob& j) { j.rate_key = "\xFF"; }},
        {"parent_id", [&](NewJob& j) { j.parent_id = long_text; }},
        {"schedule_id", [&](NewJob& j) { j.schedule_id = long_text; }},
        {"nominal_at", [](NewJob& j) { j.nominal_at = -1; }},
        {"task_version", [](NewJob& j) { j.task_version = -1; }},
    };
    for (const Case& wrong : cases) {
        NewJob job = good_job();
        wrong.spoil(job);
        const Status status = check_new_job(job);
        ASSERT_FALSE(status.ok()) << wrong.field;
        EXPECT_EQ(status.error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(status.error().field, wrong.field) << message(status);
        EXPECT_FALSE(status.error().message.empty());
    }
}

TEST(CheckNewJob, TheCallersPayloadLimitCounts) {
    NewJob job = good_job();
    job.payload = "[\"" + std::string(2 * kMiB, 'x') + "\"]";
    EXPECT_FALSE(check_new_job(job).ok());
    EXPECT_TRUE(check_new_job(job, {kPayloadHardBytes, kPayloadDepth}).ok());
}

}  // namespace
}  // namespace khala::job

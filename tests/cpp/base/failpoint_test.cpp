#include "base/failpoint.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>

namespace khala::base {
namespace {

void pass() {
    KHALA_FAILPOINT("test.pass");
}

bool fails() {
    return KHALA_FAILPOINT_FAILS("test.fails");
}

#if defined(KHALA_FAILPOINTS)

class Failpoints : public testing::Test {
protected:
    ~Failpoints() override { EXPECT_TRUE(configure_failpoints("").ok()); }
};

using FailpointsDeathTest = Failpoints;

TEST_F(Failpoints, AreSilentUntilArmed) {
    ASSERT_TRUE(configure_failpoints("").ok());
    pass();
    EXPECT_FALSE(fails());
    EXPECT_TRUE(failpoint_hits().empty());
}

TEST_F(Failpoints, FailOnTheNamedHitOnly) {
    ASSERT_TRUE(configure_failpoints("test.fails=error@2").ok());
    EXPECT_FALSE(fails());
    EXPECT_TRUE(fails());
    EXPECT_FALSE(fails());
}

TEST_F(Failpoints, FailOnEveryHitWithoutANumber) {
    ASSERT_TRUE(configure_failpoints("test.fails=error").ok());
    EXPECT_TRUE(fails());
    EXPECT_TRUE(fails());
}

TEST_F(Failpoints, CountEveryPointPassedWhileArmed) {
    ASSERT_TRUE(configure_failpoints("elsewhere=off").ok());
    pass();
    pass();
    EXPECT_FALSE(fails());
    const auto hits = failpoint_hits();
    EXPECT_EQ(hits.at("test.pass"), 2U);
    EXPECT_EQ(hits.at("test.fails"), 1U);

    ASSERT_TRUE(configure_failpoints("elsewhere=off").ok());
    EXPECT_TRUE(failpoint_hits().empty());
}

TEST_F(Failpoints, SleepAtLeastAsLongAsTold) {
    ASSERT_TRUE(configure_failpoints("test.pass=sleep:20").ok());
    const auto start = std::chrono::steady_clock::now();
    pass();
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds{20});
}

TEST_F(Failpoints, RefuseWhatTheyCannotRead) {
    for (const char* spec : {"name", "=kill", "name=explode", "name=kill@0", "name=kill@x", "name=sleep:", "a=off;b"}) {
        const auto status = configure_failpoints(spec);
        ASSERT_FALSE(status.ok()) << spec;
        EXPECT_EQ(status.error().code, ErrorCode::invalid_argument);
    }
    EXPECT_TRUE(configure_failpoints(";a=off;;b=stop@4;").ok());
}

TEST_F(FailpointsDeathTest, KillIsSigkill) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            static_cast<void>(configure_failpoints("test.pass=kill@3"));
            pass();
            pass();
            pass();
            std::_Exit(0);
        },
        testing::KilledBySignal(SIGKILL), "");
}

TEST_F(FailpointsDeathTest, ReadTheEnvironment) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    ASSERT_EQ(::setenv("KHALA_FAILPOINTS", "test.pass=kill", 1), 0);
    EXPECT_EXIT({ pass(); }, testing::KilledBySignal(SIGKILL), "");
    ASSERT_EQ(::setenv("KHALA_FAILPOINTS", "test.pass=typo", 1), 0);
    EXPECT_DEATH({ pass(); }, "kill, stop, error");
    ASSERT_EQ(::unsetenv("KHALA_FAILPOINTS"), 0);
}

TEST_F(FailpointsDeathTest, APointThatCannotFailSaysSo) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            static_cast<void>(configure_failpoints("test.pass=error"));
            pass();
        },
        "cannot fail");
}

TEST_F(Failpoints, StopIsSigstop) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        static_cast<void>(configure_failpoints("test.pass=stop"));
        pass();
        ::_exit(7);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
    EXPECT_TRUE(WIFSTOPPED(status));
    ASSERT_EQ(::kill(child, SIGCONT), 0);
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

#else

TEST(Failpoints, AreAbsentFromThisBuild) {
    pass();
    EXPECT_FALSE(fails());
    EXPECT_TRUE(configure_failpoints("").ok());
    EXPECT_EQ(configure_failpoints("a=kill").error().code, ErrorCode::unsupported);
    EXPECT_TRUE(failpoint_hits().empty());
}

#endif

}  // namespace
}  // namespace khala::base

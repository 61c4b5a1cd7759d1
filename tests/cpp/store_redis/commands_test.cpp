// The one list of commands against the Lua files: nothing is used that the list lacks, and nothing is
// listed in vain.
#include "store/redis/commands.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>
#include <string>

#include "store/redis/library.hpp"

namespace khala::store::redis {
namespace {

std::set<std::string> used_by_functions() {
    // redis.call('ZADD', …), and the command that send() and the like are given: send('ZADD', …)
    const std::regex call{R"((?:call|send)\('([A-Z]+)')"};
    const std::string text = Library{}.text();
    std::set<std::string> used;
    for (std::sregex_iterator found{text.begin(), text.end(), call}, end; found != end; ++found) {
        std::string name = (*found)[1];
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
        used.insert(name);
    }
    return used;
}

TEST(Commands, AreThoseOfTheFunctions) {
    std::set<std::string> listed;
    for (const std::string_view line : kFunctionCommands) {
        listed.emplace(line.substr(0, line.find(' ')));
    }
    const std::set<std::string> used = used_by_functions();
    for (const std::string& command : used) {
        EXPECT_TRUE(listed.contains(command)) << command;
    }
    for (const std::string& command : listed) {
        EXPECT_TRUE(used.contains(command)) << command << " is listed in vain";
    }
}

}  // namespace
}  // namespace khala::store::redis

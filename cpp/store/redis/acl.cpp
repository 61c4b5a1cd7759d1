#include "store/redis/acl.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <vector>

#include "store/redis/commands.hpp"

namespace khala::store::redis {
namespace {

std::vector<std::string_view> words(std::string_view line) {
    std::vector<std::string_view> found;
    while (!line.empty()) {
        const auto end = std::min(line.find(' '), line.size());
        found.push_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return found;
}

std::string pattern(char mark, const std::string& prefix) {
    return std::string{mark} + "{" + prefix + "}:*";
}

void append_words(Request& request, std::string_view line, const std::string& name) {
    const auto parts = words(line);
    request.command(parts.size());
    for (const std::string_view part : parts) {
        request.add(part == "K" || part == "C" ? std::string_view{name} : part);
    }
}

bool is_refused(const Reply& reply) {
    return reply.is_error() && reply.text().starts_with("NOPERM");
}

bool says_one_of(const Reply& reply, std::initializer_list<std::string_view> phrases) {
    return std::ranges::any_of(
        phrases, [&](std::string_view phrase) { return reply.text().find(phrase) != std::string_view::npos; });
}

// What the refusal of one command lacks, as words of ACL SETUSER. Servers say which of the three it is in words only,
// and may name the user, so whole phrases are looked for: a user's name has no blanks.
std::string missing_grant(const Reply& reply, std::string_view command, const std::string& prefix) {
    if (says_one_of(reply, {"access a channel", "access one of the channels"})) {
        return pattern('&', prefix);
    }
    if (says_one_of(reply, {"access a key", "access one of the keys"})) {
        return pattern('~', prefix);
    }
    return "+" + std::string{command};
}

}  // namespace

std::string acl_line(const AclWish& wish) {
    std::vector<std::string> commands;
    const auto add = [&commands](const auto& list) {
        for (const std::string_view line : list) {
            commands.emplace_back(words(line).front());
        }
    };
    add(kFunctionCommands);
    add(kLinkCommands);
    add(kUnprobedCommands);
    if (wish.may_load) {
        add(kLoaderCommands);
    }
    if (wish.may_read_config) {
        add(kConfigCommands);
    }
    std::ranges::sort(commands);
    std::string line = "ACL SETUSER " + wish.user + " on >PASSWORD resetkeys resetchannels -@all " +
                       pattern('~', wish.prefix) + " " + pattern('&', wish.prefix);
    for (const std::string& command : commands) {
        line.append(" +").append(command);
    }
    return line;
}

void append_rights(Request& request, const RedisOptions& options) {
    const std::string name = "{" + options.prefix + "}:probe";
    request.command(1).add("MULTI");
    for (const std::string_view line : kFunctionCommands) {
        append_words(request, line, name);
    }
    for (const std::string_view line : kLinkCommands) {
        append_words(request, line, name);
    }
    request.command(1).add("DISCARD");
}

Status check_rights(std::span<const Reply> replies, const RedisOptions& options) {
    std::vector<std::string> missing;
    const auto note = [&](const Reply& reply, std::string_view line) {
        if (is_refused(reply)) {
            std::string grant = missing_grant(reply, words(line).front(), options.prefix);
            if (std::ranges::find(missing, grant) == missing.end()) {
                missing.push_back(std::move(grant));
            }
        }
    };
    std::size_t at = 0;
    note(replies[at++], "multi");
    for (const std::string_view line : kFunctionCommands) {
        note(replies[at++], line);
    }
    for (const std::string_view line : kLinkCommands) {
        note(replies[at++], line);
    }
    note(replies[at], "discard");
    if (missing.empty()) {
        return {};
    }
    const std::string user = options.user.empty() ? "default" : options.user;
    std::string grants;
    for (const std::string& grant : missing) {
        grants.append(" ").append(grant);
    }
    return Error{ErrorCode::denied, "acl",
                 "the server's ACL forbids user " + user +
                     " what is needed; an administrator allows it with: ACL SETUSER " + user + grants};
}

}  // namespace khala::store::redis

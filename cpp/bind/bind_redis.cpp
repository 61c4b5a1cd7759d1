// _core.redis: what an administrator of a Redis server needs to be told, and a plain connection for moving foreign data
// in. The store itself is opened by _core.engine.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bind/lifetime.hpp"
#include "bind/status.hpp"
#include "store/redis/acl.hpp"
#include "store/redis/classify.hpp"
#include "store/redis/library.hpp"
#include "store/redis/link.hpp"
#include "store/redis/url.hpp"

namespace khala::bind {
namespace {

namespace py = pybind11;
using store::redis::Link;
using store::redis::Reply;
using store::redis::Request;

using Commands = std::vector<std::vector<std::string>>;

py::object reply_out(const Reply& reply) {
    switch (reply.kind()) {
        case Reply::Kind::nil: return py::none();
        case Reply::Kind::integer: return py::int_(reply.integer());
        case Reply::Kind::status:
        case Reply::Kind::text: return py::bytes(std::string{reply.text()});
        case Reply::Kind::error: return to_exception(store::redis::classify(reply));
        case Reply::Kind::array: break;
    }
    py::list out;
    for (const Reply& element : reply.elements()) {
        out.append(reply_out(element));
    }
    return out;
}

std::unique_ptr<Link> connect(const std::string& url) {
    return unwrap(blocking([&]() -> Result<std::unique_ptr<Link>> {
        KHALA_TRY_ASSIGN(const auto options, store::redis::parse_redis_url(url));
        return Link::connect(options);
    }));
}

py::list call(Link& link, const Commands& commands) {
    Request request;
    for (const auto& command : commands) {
        if (command.empty()) {
            raise({ErrorCode::invalid_argument, "commands", "a command must have a name"});
        }
        request.command(command.size());
        for (const std::string& argument : command) {
            request.add(argument);
        }
    }
    const auto replies = unwrap(blocking([&] { return link.call(request); }));
    py::list out;
    for (const Reply& reply : replies) {
        out.append(reply_out(reply));
    }
    return out;
}

std::string acl_line(std::string user, std::string prefix, bool may_load, bool may_read_config) {
    return store::redis::acl_line({.user = std::move(user),
                                   .prefix = std::move(prefix),
                                   .may_load = may_load,
                                   .may_read_config = may_read_config});
}

}  // namespace

void register_redis(py::module_& module) {
    py::module_ redis =
        module.def_submodule("redis", "Redis servers beside the job store: rights, library, raw commands.");
    redis.def("acl_line", &acl_line, py::arg("user"), py::arg("prefix"), py::kw_only(), py::arg("may_load"),
              py::arg("may_read_config"), "The ACL SETUSER command of a user with the least rights.");
    redis.def(
        "library", [] { return store::redis::Library{}.text(); }, "The function library, for FUNCTION LOAD.");
    py::class_<Link>(redis, "Link", "One connection, of one thread at a time.")
        .def(py::init(&connect), py::arg("url"))
        .def("call", &call, py::arg("commands"),
             "Send commands at once; an answer each: bytes, int, None, a list, or the exception that an error reply "
             "is.");
}

}  // namespace khala::bind

// _core.engine.Port: what the engine has to say to one event loop.
#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "bind/lease_object.hpp"
#include "bind/lifetime.hpp"
#include "bind/rows_out.hpp"
#include "bind/status.hpp"
#include "engine/port.hpp"

namespace khala::bind {

namespace py = pybind11;

namespace {

using PortPtr = std::shared_ptr<engine::Port>;

struct ItemOut {
    std::size_t kind;

    [[nodiscard]] py::object item(const py::object& a, const py::object& b) const { return py::make_tuple(kind, a, b); }

    py::object operator()(engine::Reply& reply) const {
        return item(py::int_(reply.ticket),
                    reply.answer ? to_python(reply.answer.value()) : to_exception(reply.answer.error()));
    }
    py::object operator()(std::shared_ptr<engine::Delivery>& delivery) const {
        PyObject* lease = make_lease(std::move(delivery));
        if (lease == nullptr) {
            throw py::error_already_set();
        }
        return item(py::reinterpret_steal<py::object>(lease), py::none());
    }
    py::object operator()(const engine::Stop& stop) const {
        return item(py::int_(stop.slot), py::str(std::string{name(stop.reason)}));
    }
    py::object operator()(const engine::Abandon& abandon) const {
        return item(py::int_(abandon.slot), py::str("timeout"));
    }
    py::object operator()(const engine::Fatal& fatal) const {
        return item(py::int_(0), py::str(fatal.error.to_string()));
    }
    py::object operator()(const engine::Lag& lag) const { return item(py::int_(-1), py::int_(lag.ms)); }
    py::object operator()(const engine::StoreReset& reset) const { return item(py::none(), py::int_(reset.count)); }
    py::object operator()(const engine::Lost& lost) const { return item(py::str(lost.id), py::int_(lost.token)); }
};

py::list drain(const PortPtr& port, std::size_t limit) {
    check_not_forked();
    std::vector<engine::Item> items = port->drain(limit);
    py::list out{items.size()};
    for (std::size_t i = 0; i < items.size(); ++i) {
        out[i] = std::visit(ItemOut{items[i].index()}, items[i]);
    }
    return out;
}

}  // namespace

void register_port(py::module_& module) {
    py::class_<engine::Port, PortPtr>(module, "Port", "The way from engines to one event loop.")
        .def(py::init([] {
            check_not_forked();
            return unwrap(engine::Port::create());
        }))
        .def_property_readonly("fd", &engine::Port::fd, "An eventfd for loop.add_reader; -1 after close().")
        .def("drain", &drain, py::arg("limit") = 256,
             "Up to `limit` items (kind, a, b), oldest first. The descriptor stays readable while more wait.")
        .def(
            "close",
            [](const PortPtr& port) {
                check_not_forked();
                engine::Port::close(port);
            },
            "After remove_reader. Engines take back what the worker on this port holds. Idempotent.")
        .def_property_readonly("lag_ms", &engine::Port::lag_ms,
                               "How long the oldest item has been waiting now; 0 when none waits.")
        .def_property_readonly("max_lag_ms", &engine::Port::max_lag_ms, "The longest reported wait so far.")
        .def_property_readonly("depth", &engine::Port::depth, "Items that wait.");
}

}  // namespace khala::bind

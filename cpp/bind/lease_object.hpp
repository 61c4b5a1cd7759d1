// _core.engine.Lease: what Python sees of a delivery.
//
// A plain C type instead of a pybind11 class, because it is the one object that is made and read for every job: 60 ns
// instead of 300 to make one, 30 instead of 150 to read an attribute. Attributes are converted when they are read.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "engine/delivery.hpp"

namespace khala::bind {

void register_lease(pybind11::module_& module);

// A new reference.
[[nodiscard]] PyObject* make_lease(std::shared_ptr<engine::Delivery> delivery);

// The delivery of a Lease; null for any other object.
[[nodiscard]] const std::shared_ptr<engine::Delivery>* lease_delivery(PyObject* object) noexcept;

}  // namespace khala::bind

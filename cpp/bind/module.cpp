// khala_jobs._core: private; people import the Python modules around it.
//
// One register_ function for each folder of the core. Every bound call has the same shape: Python values become C++
// values, the GIL is released once around the pure call, C++ values become Python values.
#include <pybind11/pybind11.h>

#include "bind/status.hpp"

namespace khala::bind {
void register_vec(pybind11::module_& module);
void register_similarity(pybind11::module_& module);
void register_text(pybind11::module_& module);
#ifdef KHALA_BIND_ENGINE
void register_engine(pybind11::module_& module);
void register_redis(pybind11::module_& module);
#endif
}  // namespace khala::bind

PYBIND11_MODULE(_core, module) {
    module.doc() = "The C++ core of khala_jobs. Private: use the Python modules.";
    khala::bind::register_errors(module);
    khala::bind::register_vec(module);
    khala::bind::register_similarity(module);
    khala::bind::register_text(module);
#ifdef KHALA_BIND_ENGINE
    khala::bind::register_engine(module);
    khala::bind::register_redis(module);
#endif
}

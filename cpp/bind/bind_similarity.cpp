// _core.similarity: clusters, the intake of vectors and the checksum of their files; see khala_jobs.similarity.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/checksum.hpp"
#include "bind/arrays.hpp"
#include "bind/calls.hpp"
#include "bind/status.hpp"
#include "vec/cluster.hpp"
#include "vec/json_rows.hpp"
#include "vec/progress.hpp"
#include "vec/row_builder.hpp"

namespace khala::bind {
namespace {

namespace py = pybind11;
using Object = py::object;
using Dim = std::optional<std::size_t>;

py::tuple rows_out(vec::ReadRows&& read) {
    py::list faults;
    for (const vec::ReadFault& fault : read.faults) {
        faults.append(py::make_tuple(fault.row, std::string{name(fault.kind)}));
    }
    return py::make_tuple(column_out(std::move(read.values)), read.rows, read.dim, faults);
}

// Adds a list or tuple of numbers; anything that is none of a number makes the row not_numbers.
void add_list(PyObject* row, vec::RowBuilder& rows) {
    const Py_ssize_t length = PySequence_Fast_GET_SIZE(row);
    for (Py_ssize_t index = 0; index < length; ++index) {
        PyObject* item = PySequence_Fast_GET_ITEM(row, index);
        const double number = PyFloat_CheckExact(item) ? PyFloat_AS_DOUBLE(item) : PyFloat_AsDouble(item);
        if (number == -1.0 && PyErr_Occurred() != nullptr) {
            PyErr_Clear();
            rows.faulty_row(vec::ReadFaultKind::not_numbers);
            return;
        }
        rows.number(number);
    }
    rows.end_row();
}

// Needs the GIL throughout: every number is a Python object.
py::tuple read_lists(const py::list& vectors, Dim dim) {
    vec::RowBuilder rows{dim};
    for (const py::handle vector : vectors) {
        if (vector.is_none()) {
            rows.faulty_row(vec::ReadFaultKind::missing);
        } else if (PyList_Check(vector.ptr()) || PyTuple_Check(vector.ptr())) {
            add_list(vector.ptr(), rows);
        } else {
            rows.faulty_row(vec::ReadFaultKind::not_numbers);
        }
    }
    return rows_out(std::move(rows).finish());
}

// The bytes of a str or bytes object, which must outlive the view.
std::string_view text_in(const py::handle& value, const char* field) {
    if (PyBytes_Check(value.ptr())) {
        return {PyBytes_AS_STRING(value.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(value.ptr()))};
    }
    if (PyUnicode_Check(value.ptr())) {
        Py_ssize_t length = 0;
        const char* text = PyUnicode_AsUTF8AndSize(value.ptr(), &length);
        if (text == nullptr) {
            PyErr_Clear();
            raise({base::ErrorCode::invalid_argument, field, "holds a str that is not Unicode (lone surrogates)"});
        }
        return {text, static_cast<std::size_t>(length)};
    }
    raise({base::ErrorCode::invalid_argument, field, "expected bytes or str"});
}

py::tuple read_json(const Object& text, Dim dim, const std::string& field) {
    const std::string_view view = text_in(text, field.c_str());
    return rows_out(without_gil([&] { return vec::read_json_document(view, dim, field); }));
}

py::tuple read_json_rows(const py::list& texts, Dim dim, const std::string& field) {
    std::vector<std::string_view> views;
    for (const py::handle text : texts) {
        views.push_back(text.is_none() ? std::string_view{} : text_in(text, field.c_str()));
    }
    return rows_out(without_gil([&] { return base::Result{vec::read_json_rows(views, dim)}; }));
}

py::tuple star_clusters(const Object& left, const Object& right, const Object& cosine, const Object& rank,
                        const Object& representative) {
    const vec::PairColumns pairs = pairs_in(left, right, cosine);
    const auto ranks = column_in<std::int64_t>(rank, "rank");
    const auto representatives = optional_column_in<std::int64_t>(representative, "representative", ranks.size());
    vec::Stars stars = without_gil([&] { return vec::star_clusters(pairs, ranks, representatives); });
    return py::make_tuple(column_out(std::move(stars.canonical)), column_out(std::move(stars.cosine)));
}

using ClusterKernel = base::Result<std::vector<std::int64_t>> (*)(const vec::PairColumns&,
                                                                  std::span<const std::int64_t>, vec::Representatives);

template <ClusterKernel kKernel>
py::array_t<std::int64_t> clusters(const Object& left, const Object& right, const Object& cosine, const Object& rank,
                                   const Object& representative) {
    const vec::PairColumns pairs = pairs_in(left, right, cosine);
    const auto ranks = column_in<std::int64_t>(rank, "rank");
    const auto representatives = optional_column_in<std::int64_t>(representative, "representative", ranks.size());
    return column_out(without_gil([&] { return kKernel(pairs, ranks, representatives); }));
}

py::tuple inner_pairs(const Object& matrix, const Object& canonical, double threshold, int threads,
                      const std::string& isa, vec::Progress* progress) {
    const vec::MatrixView view = matrix_in(matrix, "matrix");
    const auto canonicals = column_in<std::int64_t>(canonical, "canonical");
    const vec::Execution how = execution(threads, isa, progress);
    vec::InnerPairs found = without_gil([&] { return vec::inner_pairs(view, canonicals, threshold, how); });
    return py::make_tuple(column_out(std::move(found.canonical)), column_out(std::move(found.size)),
                          column_out(std::move(found.min_cosine)), column_out(std::move(found.below)));
}

std::uint64_t checksum(const py::buffer& buffer) {
    const py::buffer_info info = buffer.request();
    if (PyBuffer_IsContiguous(info.view(), 'C') == 0) {
        raise({base::ErrorCode::invalid_argument, "buffer", "is not C-contiguous"});
    }
    const std::string_view bytes{static_cast<const char*>(info.ptr),
                                 static_cast<std::size_t>(info.size * info.itemsize)};
    const py::gil_scoped_release released;
    return base::hash_bytes(bytes);
}

void register_clusters(py::module_& module) {
    const auto representative = py::arg("representative") = py::none();
    module.def("star_clusters", &star_clusters, py::arg("left"), py::arg("right"), py::arg("cosine"), py::arg("rank"),
               representative);
    module.def("complete_clusters", &clusters<&vec::complete_clusters>, py::arg("left"), py::arg("right"),
               py::arg("cosine"), py::arg("rank"), representative);
    module.def("component_clusters", &clusters<&vec::component_clusters>, py::arg("left"), py::arg("right"),
               py::arg("cosine"), py::arg("rank"), representative);
    module.def("inner_pairs", &inner_pairs, py::arg("matrix"), py::arg("canonical"), py::arg("threshold"),
               py::kw_only(), py::arg("threads") = 1, py::arg("isa") = "auto", py::arg("progress") = py::none());
}

}  // namespace

void register_similarity(py::module_& parent) {
    py::module_ module = parent.def_submodule("similarity", "Clusters and intake; see khala_jobs.similarity.");
    register_clusters(module);
    const auto dim = py::arg("dim") = py::none();
    module.def("read_lists", &read_lists, py::arg("vectors"), dim);
    module.def("read_json", &read_json, py::arg("text"), dim, py::kw_only(), py::arg("field") = "vectors");
    module.def("read_json_rows", &read_json_rows, py::arg("texts"), dim, py::kw_only(), py::arg("field") = "vectors");
    module.def("checksum", &checksum, py::arg("buffer"));
}

}  // namespace khala::bind

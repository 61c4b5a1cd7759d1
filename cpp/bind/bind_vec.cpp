// _core.vec: the joins of cpp/vec and the decay formulas on NumPy columns; see khala_jobs.similarity.
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <utility>

#include "bind/arrays.hpp"
#include "bind/calls.hpp"
#include "bind/status.hpp"
#include "vec/decay.hpp"
#include "vec/isa.hpp"
#include "vec/join.hpp"
#include "vec/progress.hpp"

namespace khala::bind {
namespace {

namespace py = pybind11;
using Object = py::object;  // an argument that column_in or matrix_in checks

vec::Faulty faulty(bool report) {
    return report ? vec::Faulty::report : vec::Faulty::refuse;
}

py::list faults_out(const std::vector<vec::RowFault>& faults) {
    py::list list;
    for (const vec::RowFault& fault : faults) {
        list.append(py::make_tuple(fault.row, std::string{name(fault.kind)}));
    }
    return list;
}

py::tuple pairs_out(vec::Pairs&& pairs) {
    return py::make_tuple(column_out(std::move(pairs.left)), column_out(std::move(pairs.right)),
                          column_out(std::move(pairs.cosine)));
}

py::dict plan_out(const vec::JoinPlan& plan) {
    py::dict out;
    out["method"] = std::string{name(plan.method)};
    out["coordinates"] = plan.layout.coordinates;
    out["first_slots"] = plan.layout.first;
    out["slots"] = plan.layout.slots;
    out["cells"] = plan.cells;
    out["tested"] = plan.tested;
    out["candidates"] = plan.candidates;
    out["survivors"] = plan.survivors;
    out["slack"] = plan.slack;
    out["seconds"] = plan.seconds;
    return out;
}

vec::PlanOptions plan_options(const std::string& method, const vec::Rotation* rotation, std::size_t first_slots,
                              double slack = 1.0, std::size_t cells = 0) {
    return {unwrap(vec::parse_method(method)), rotation, first_slots, slack, cells};
}

py::dict certificate_out(const vec::Certificate& certificate) {
    py::dict seconds;
    seconds["check"] = certificate.seconds.check;
    seconds["collapse"] = certificate.seconds.collapse;
    seconds["prepare"] = certificate.seconds.prepare;
    seconds["sweep"] = certificate.seconds.sweep;
    seconds["finish"] = certificate.seconds.finish;
    py::dict out;
    out["rows"] = certificate.rows;
    out["compared_rows"] = certificate.compared_rows;
    out["pairs_evaluated"] = certificate.pairs_evaluated;
    out["pairs_ruled_out"] = certificate.pairs_ruled_out;
    out["pairs_coded"] = certificate.pairs_coded;
    out["first_stage"] = certificate.first_stage;
    out["candidates"] = certificate.candidates;
    out["rechecked"] = certificate.rechecked;
    out["pairs"] = certificate.pairs;
    out["set_hash"] = certificate.set_hash;
    out["threshold"] = certificate.threshold;
    out["tolerance"] = certificate.tolerance;
    out["isa"] = std::string{name(certificate.isa)};
    out["threads"] = certificate.threads;
    out["plan"] = plan_out(certificate.plan);
    out["seconds"] = seconds;
    return out;
}

py::tuple join_out(vec::Join&& join) {
    return py::make_tuple(pairs_out(std::move(join.pairs)), column_out(std::move(join.representative)),
                          faults_out(join.faults), certificate_out(join.certificate));
}

py::tuple self_join(const Object& matrix, double threshold, const Object& groups, std::uint64_t max_pairs,
                    bool collapse_copies, bool report_faulty, int threads, const std::string& isa,
                    vec::Progress* progress, const std::string& method, const vec::Rotation* rotation,
                    std::size_t first_slots, double slack, std::size_t cells) {
    const vec::MatrixView view = matrix_in(matrix, "matrix");
    const vec::JoinOptions options{
        .threshold = threshold,
        .groups = optional_column_in<std::int32_t>(groups, "groups", view.rows),
        .max_pairs = max_pairs,
        .copies = collapse_copies ? vec::Copies::collapse : vec::Copies::expand,
        .faulty = faulty(report_faulty),
        .execution = execution(threads, isa, progress),
        .plan = plan_options(method, rotation, first_slots, slack, cells),
    };
    return join_out(without_gil([&] { return vec::self_join(view, options); }));
}

// A join in blocks and the arrays that it borrows.
struct HeldBlocks {
    Object matrix;
    Object groups;
    std::unique_ptr<vec::BlockJoin> join;
};

std::unique_ptr<HeldBlocks> make_blocks(const Object& matrix, double threshold, const Object& groups,
                                        bool collapse_copies, bool report_faulty, int threads, const std::string& isa,
                                        const std::string& method, const vec::Rotation* rotation,
                                        std::size_t first_slots) {
    const vec::MatrixView view = matrix_in(matrix, "matrix");
    const vec::JoinOptions options{
        .threshold = threshold,
        .groups = optional_column_in<std::int32_t>(groups, "groups", view.rows),
        .copies = collapse_copies ? vec::Copies::collapse : vec::Copies::expand,
        .faulty = faulty(report_faulty),
        .execution = execution(threads, isa, nullptr),
        .plan = plan_options(method, rotation, first_slots),
    };
    auto held = std::make_unique<HeldBlocks>();
    held->matrix = matrix;
    held->groups = groups;
    held->join = without_gil([&] { return vec::BlockJoin::make(view, options); });
    return held;
}

void register_blocks(py::module_& module) {
    py::class_<HeldBlocks>(module, "BlockJoin")
        .def(py::init(&make_blocks), py::arg("matrix"), py::arg("threshold"), py::kw_only(),
             py::arg("groups") = py::none(), py::arg("collapse_copies") = false, py::arg("report_faulty") = false,
             py::arg("threads") = 1, py::arg("isa") = "auto", py::arg("method") = "auto",
             py::arg("rotation") = py::none(), py::arg("first_slots") = 0)
        .def_property_readonly("blocks", [](const HeldBlocks& held) { return held.join->blocks(); })
        .def_property_readonly("fingerprint",
                               [](const HeldBlocks& held) {
                                   const py::gil_scoped_release released;
                                   return held.join->fingerprint();
                               })
        .def(
            "run",
            [](const HeldBlocks& held, std::size_t first, std::size_t last, std::uint64_t max_pairs,
               vec::Progress* progress) {
                return join_out(without_gil([&] { return held.join->run(first, last, max_pairs, progress); }));
            },
            py::arg("first"), py::arg("last"), py::kw_only(), py::arg("max_pairs") = vec::kPairsDefault,
            py::arg("progress") = py::none());
}

// A corpus and the array that it borrows.
struct HeldCorpus {
    Object matrix;
    std::unique_ptr<vec::Corpus> corpus;
};

std::unique_ptr<HeldCorpus> make_corpus(const Object& matrix, const Object& groups, bool report_faulty, int threads,
                                        const std::string& isa, const vec::Rotation* rotation,
                                        std::size_t first_slots) {
    const vec::MatrixView view = matrix_in(matrix, "matrix");
    const vec::JoinOptions options{
        .groups = optional_column_in<std::int32_t>(groups, "groups", view.rows),
        .faulty = faulty(report_faulty),
        .execution = execution(threads, isa, nullptr),
        .plan = plan_options("auto", rotation, first_slots),
    };
    auto held = std::make_unique<HeldCorpus>();
    held->matrix = matrix;
    held->corpus = without_gil([&] { return vec::Corpus::make(view, options); });
    return held;
}

py::tuple matches_out(vec::Matches&& matches) {
    return py::make_tuple(pairs_out(std::move(matches.pairs)), faults_out(matches.query_faults),
                          faults_out(matches.row_faults), certificate_out(matches.certificate));
}

py::tuple match_rows(const Object& queries, const Object& matrix, double threshold, const Object& query_groups,
                     const Object& groups, std::uint64_t best, std::uint64_t max_pairs, bool report_faulty, int threads,
                     const std::string& isa, vec::Progress* progress, const std::string& method,
                     const vec::Rotation* rotation, std::size_t first_slots, double slack) {
    const vec::MatrixView query_view = matrix_in(queries, "queries");
    vec::MatchOptions options{
        .threshold = threshold,
        .query_groups = optional_column_in<std::int32_t>(query_groups, "query_groups", query_view.rows),
        .best = best,
        .max_pairs = max_pairs,
        .faulty = faulty(report_faulty),
        .execution = execution(threads, isa, progress),
        .plan = plan_options(method, rotation, first_slots, slack),
    };
    if (py::isinstance<HeldCorpus>(matrix)) {
        const auto& held = matrix.cast<const HeldCorpus&>();
        options.row_groups = optional_column_in<std::int32_t>(groups, "groups", held.corpus->matrix().rows);
        return matches_out(without_gil([&] { return vec::match_rows(query_view, *held.corpus, options); }));
    }
    const vec::MatrixView view = matrix_in(matrix, "matrix");
    options.row_groups = optional_column_in<std::int32_t>(groups, "groups", view.rows);
    return matches_out(without_gil([&] { return vec::match_rows(query_view, view, options); }));
}

py::tuple decay_scores(const Object& importance, const Object& age, const Object& half_life, bool khala_compat) {
    const vec::DecayColumns columns{column_in<double>(importance, "importance"), column_in<double>(age, "age"),
                                    column_in<double>(half_life, "half_life")};
    const vec::DecayModel model = khala_compat ? vec::DecayModel::khala_compat : vec::DecayModel::half_life;
    vec::Decay decay = without_gil([&] { return vec::decay_scores(columns, model); });
    return py::make_tuple(column_out(std::move(decay.score)), decay.future_count, decay.unknown_count);
}

py::array_t<double> accessed_half_lives(const Object& base, const Object& access_count) {
    const auto bases = column_in<double>(base, "base");
    const auto counts = column_in<std::int64_t>(access_count, "access_count");
    return column_out(without_gil([&] { return vec::accessed_half_lives(bases, counts); }));
}

py::array_t<double> pair_cosines(const Object& matrix, const Object& left, const Object& right) {
    const vec::MatrixView view = matrix_in(matrix, "matrix");
    const auto lefts = column_in<std::int64_t>(left, "left");
    const auto rights = column_in<std::int64_t>(right, "right");
    return column_out(without_gil([&] { return vec::pair_cosines(view, lefts, rights); }));
}

std::uint64_t pair_set_hash(const Object& left, const Object& right) {
    const auto lefts = column_in<std::int64_t>(left, "left");
    const auto rights = column_in<std::int64_t>(right, "right");
    return without_gil([&] { return vec::pair_set_hash(lefts, rights); });
}

py::tuple check_rows(const Object& matrix) {
    const vec::MatrixView view = matrix_in(matrix, "matrix");
    vec::RowCheck check = without_gil([&] { return vec::check_rows(view, "matrix", vec::Faulty::report); });
    return py::make_tuple(column_out(std::move(check.norms)), faults_out(check.faults));
}

void register_progress(py::module_& module) {
    py::class_<vec::Progress>(module, "Progress")
        .def(py::init<>())
        .def_property_readonly("done", [](const vec::Progress& progress) { return progress.done.load(); })
        .def_property_readonly("total", [](const vec::Progress& progress) { return progress.total.load(); })
        .def("cancel", [](vec::Progress& progress) { progress.cancelled.store(true); });
}

py::array_t<float> rows_out(const float* data, std::size_t rows, std::size_t dim) {
    const std::vector<py::ssize_t> shape{static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(dim)};
    return py::array_t<float>(shape, data);
}

vec::Rotation fit_rotation(const Object& matrix, std::size_t width, const std::string& isa) {
    const vec::MatrixView view = matrix_in(matrix, "matrix");
    const vec::Isa wanted = unwrap(vec::parse_isa(isa, "isa"));
    return without_gil([&] { return vec::fit_rotation(view, width, wanted); });
}

vec::Rotation make_rotation(const Object& directions, const Object& centre) {
    const vec::MatrixView rows = matrix_in(directions, "directions");
    const auto middle = column_in<float>(centre, "centre");
    return without_gil([&] { return vec::make_rotation(rows.dim, {rows.data, rows.rows * rows.dim}, middle); });
}

void register_rotation(py::module_& module) {
    py::class_<vec::Rotation>(module, "Rotation")
        .def(py::init(&make_rotation), py::arg("directions"), py::arg("centre"))
        .def_property_readonly(
            "directions",
            [](const vec::Rotation& rotation) { return rows_out(rotation.basis.data(), rotation.width, rotation.dim); })
        .def_property_readonly("centre", [](const vec::Rotation& rotation) {
            return py::array_t<float>(static_cast<py::ssize_t>(rotation.dim), rotation.centre());
        });
    py::class_<HeldCorpus>(module, "Corpus")
        .def(py::init(&make_corpus), py::arg("matrix"), py::kw_only(), py::arg("groups") = py::none(),
             py::arg("report_faulty") = false, py::arg("threads") = 1, py::arg("isa") = "auto",
             py::arg("rotation") = py::none(), py::arg("first_slots") = 0)
        .def_property_readonly("matrix", [](const HeldCorpus& held) { return held.matrix; })
        .def_property_readonly("faults", [](const HeldCorpus& held) { return faults_out(held.corpus->faults()); });
    module.def("fit_rotation", &fit_rotation, py::arg("matrix"), py::kw_only(), py::arg("width") = 0,
               py::arg("isa") = "auto");
}

}  // namespace

void register_vec(py::module_& parent) {
    py::module_ module = parent.def_submodule("vec", "Vector kernels; see khala_jobs.similarity.");
    register_progress(module);
    register_rotation(module);
    register_blocks(module);
    const auto threads = py::arg("threads") = 1;
    const auto isa = py::arg("isa") = "auto";
    const auto progress = py::arg("progress") = py::none();
    const auto method = py::arg("method") = "auto";
    const auto rotation = py::arg("rotation") = py::none();
    const auto first_slots = py::arg("first_slots") = 0;
    module.def("self_join", &self_join, py::arg("matrix"), py::arg("threshold"), py::kw_only(),
               py::arg("groups") = py::none(), py::arg("max_pairs") = vec::kPairsDefault,
               py::arg("collapse_copies") = false, py::arg("report_faulty") = false, threads, isa, progress, method,
               rotation, first_slots, py::arg("slack") = 1.0, py::arg("cells") = 0);
    module.def("match_rows", &match_rows, py::arg("queries"), py::arg("matrix"), py::arg("threshold"), py::kw_only(),
               py::arg("query_groups") = py::none(), py::arg("groups") = py::none(), py::arg("best") = 0,
               py::arg("max_pairs") = vec::kPairsDefault, py::arg("report_faulty") = false, threads, isa, progress,
               method, rotation, first_slots, py::arg("slack") = 1.0);
    module.def("decay_scores", &decay_scores, py::arg("importance"), py::arg("age"), py::arg("half_life"),
               py::kw_only(), py::arg("khala_compat"));
    module.def("accessed_half_lives", &accessed_half_lives, py::arg("base"), py::arg("access_count"));
    module.def("pair_cosines", &pair_cosines, py::arg("matrix"), py::arg("left"), py::arg("right"));
    module.def("pair_set_hash", &pair_set_hash, py::arg("left"), py::arg("right"));
    module.def("check_rows", &check_rows, py::arg("matrix"));
    module.def("isa", [] { return std::string{name(unwrap(vec::resolve_isa(vec::Isa::automatic)))}; });
}

}  // namespace khala::bind

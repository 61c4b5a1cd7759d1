// _core.text: reading and judging texts; see khala_jobs.memory.guard.
//
// The GIL stays held: a judgement takes microseconds, and pieces of text that are no plain words are read by the
// caller's functions (guard_text.py), which a lexicon asks in the middle of a text. While they run, another thread may
// use the same guard; nothing half done is kept across such a call.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bind/status.hpp"
#include "text/judge.hpp"
#include "text/lexicon.hpp"
#include "text/reader.hpp"
#include "text/tokens.hpp"

namespace khala::bind {
namespace {

namespace py = pybind11;

// Any str, lone surrogates included: what UTF-8 cannot say is passed on as it would be encoded.
std::string utf8_in(const py::handle& text) {
    py::ssize_t size = 0;
    const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
    if (data != nullptr) {
        return {data, static_cast<std::size_t>(size)};
    }
    if (PyUnicode_Check(text.ptr()) == 0) {
        throw py::error_already_set();
    }
    PyErr_Clear();
    const auto bytes =
        py::reinterpret_steal<py::bytes>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass"));
    if (!bytes) {
        throw py::error_already_set();
    }
    return std::string{std::string_view{bytes}};
}

py::str utf8_out(std::string_view text) {
    PyObject* made = PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "surrogatepass");
    if (made == nullptr) {
        throw py::error_already_set();
    }
    return py::reinterpret_steal<py::str>(made);
}

py::tuple all_utf8_out(const std::vector<std::string>& texts) {
    py::tuple all{texts.size()};
    for (std::size_t at = 0; at < texts.size(); ++at) {
        all[at] = utf8_out(texts[at]);
    }
    return all;
}

constexpr std::array<std::pair<std::string_view, text::Kind>, 8> kKinds{{
    {"word", text::Kind::word},
    {"symbol", text::Kind::symbol},
    {"number", text::Kind::number},
    {"date", text::Kind::date},
    {"time", text::Kind::time},
    {"identifier", text::Kind::identifier},
    {"mark", text::Kind::mark},
    {"name", text::Kind::name},
}};

std::string_view name(text::Kind kind) {
    for (const auto& [name, value] : kKinds) {
        if (value == kind) {
            return name;
        }
    }
    return "pronoun";
}

text::Kind kind_in(const py::handle& kind) {
    const std::string given = utf8_in(kind);
    for (const auto& [name, value] : kKinds) {
        if (name == given) {
            return value;
        }
    }
    raise({base::ErrorCode::invalid_argument, "token", "no kind has the name " + given});
}

// A guard_text.Token.
text::Token token_in(const py::tuple& given) {
    text::Token token;
    token.kind = kind_in(given[0]);
    token.key = utf8_in(given[1]);
    token.surface = utf8_in(given[2]);
    token.starts = given[3].cast<bool>();
    token.is_capital = given[4].cast<bool>();
    token.is_shouted = given[5].cast<bool>();
    token.is_long = given[6].cast<bool>();
    const std::string tie = utf8_in(given[7]);
    token.tie = tie.empty() ? '\0' : tie.front();
    return token;
}

text::Piece piece_in(const py::handle& tokens, const py::handle& starts) {
    text::Piece piece;
    for (const py::handle token : tokens) {
        piece.tokens.push_back(token_in(token.cast<py::tuple>()));
    }
    piece.starts = starts.cast<bool>();
    return piece;
}

// The functions that read what is no plain word.
struct Readers {
    py::function piece;
    py::function scan;
    py::function measured;
    py::function spelled;
};

class PythonScanner : public text::Scanner {
public:
    PythonScanner(const Readers* readers, py::str text) : readers_{readers}, text_{std::move(text)} {}

    std::optional<text::Piece> piece(std::string_view piece, text::Place place) override {
        const py::object read = readers_->piece(utf8_out(piece), place.starts, place.shouts);
        if (read.is_none()) {
            return std::nullopt;
        }
        const auto parts = read.cast<py::tuple>();
        return piece_in(parts[0], parts[1]);
    }

    text::Scan scan(std::size_t from, text::Place place) override {
        const auto parts = readers_->scan(text_, from, place.starts, place.shouts).cast<py::tuple>();
        return {piece_in(parts[0], parts[1]), parts[2].cast<std::size_t>()};
    }

    std::string measured(std::string_view number, std::string_view unit) override {
        return utf8_in(readers_->measured(utf8_out(number), utf8_out(unit)));
    }

    std::pair<std::string, std::size_t> spelled(const text::Words& words) override {
        const auto parts = readers_->spelled(all_utf8_out(words)).cast<py::tuple>();
        return {utf8_in(parts[0]), parts[1].cast<std::size_t>()};
    }

private:
    const Readers* readers_;
    py::str text_;
};

class Guard {
public:
    Guard(const py::dict& lists, Readers readers)
        : lexicon_{unwrap(text::Lexicon::make(lists_in(lists)))}, readers_{std::move(readers)} {}

    text::Features analyse(const py::str& given, bool shouts) {
        PythonScanner scanner{&readers_, given};
        return text::read_text(utf8_in(given), shouts, *lexicon_, pieces_, scanner);
    }

    py::list tokens(const py::str& given, bool shouts) {
        PythonScanner scanner{&readers_, given};
        const std::string written = utf8_in(given);
        const text::Tokens tokens{written, shouts, pieces_, scanner, *lexicon_};
        py::list found;
        for (const text::Token* token : tokens.all()) {
            found.append(py::make_tuple(utf8_out(name(token->kind)), utf8_out(token->key)));
        }
        return found;
    }

    [[nodiscard]] text::TermRef base(const std::string& word) { return lexicon_->word(word)->base; }

private:
    static text::Lists lists_in(const py::dict& lists) {
        text::Lists taken;
        const auto take = [&](const char* list, auto& into) {
            into = lists[list].cast<std::decay_t<decltype(into)>>();
        };
        take("sets", taken.sets);
        take("tagged", taken.tagged);
        take("irregular", taken.irregular);
        take("values", taken.values);
        take("phrases", taken.phrases);
        take("synonyms", taken.synonyms);
        take("opposites", taken.opposites);
        take("attributes", taken.attributes);
        return taken;
    }

    std::unique_ptr<text::Lexicon> lexicon_;
    text::Pieces pieces_;
    Readers readers_;
};

// None for a duplicate of which there is nothing more to say; else (kind, reasons, extras), a reason being (code, kind,
// sentence, words).
py::object judge(const text::Features& a, const text::Features& b, double cosine) {
    const text::Verdict verdict = text::judge(a, b, cosine);
    if (verdict.kind == text::Judgement::duplicate && verdict.extra_a.empty() && verdict.extra_b.empty()) {
        return py::none();
    }
    py::list reasons;
    for (const text::Reason& reason : verdict.reasons) {
        reasons.append(py::make_tuple(utf8_out(reason.code), utf8_out(text::name(reason.kind)),
                                      utf8_out(reason.sentence), all_utf8_out(reason.words)));
    }
    return py::make_tuple(utf8_out(text::name(verdict.kind)), reasons,
                          py::make_tuple(all_utf8_out(verdict.extra_a), all_utf8_out(verdict.extra_b)));
}

text::Features unread(const py::str& given) {
    text::Features features;
    features.text = utf8_in(given);
    features.is_too_long = true;
    return features;
}

void register_guard(py::module_& module) {
    py::class_<text::Features>(module, "Features")
        .def_property_readonly("text", [](const text::Features& features) { return utf8_out(features.text); })
        .def_property_readonly("too_long", [](const text::Features& features) { return features.is_too_long; });
    const auto one = py::arg("one");
    const auto other = py::arg("other");
    py::class_<Guard>(module, "Guard")
        .def(py::init([](const py::dict& lists, py::function piece, py::function scan, py::function measured,
                         py::function spelled) {
                 return std::make_unique<Guard>(
                     lists, Readers{std::move(piece), std::move(scan), std::move(measured), std::move(spelled)});
             }),
             py::arg("lists"), py::kw_only(), py::arg("piece"), py::arg("scan"), py::arg("measured"),
             py::arg("spelled"))
        .def("analyse", &Guard::analyse, py::arg("text"), py::arg("shouts"))
        .def("tokens", &Guard::tokens, py::arg("text"), py::arg("shouts"))
        .def(
            "base", [](Guard& guard, const std::string& word) { return guard.base(word)->key; }, py::arg("word"))
        .def(
            "same",
            [](Guard& guard, const std::string& a, const std::string& b) {
                return text::same(*guard.base(a), *guard.base(b));
            },
            one, other)
        .def(
            "opposite",
            [](Guard& guard, const std::string& a, const std::string& b) {
                return text::opposite(*guard.base(a), *guard.base(b));
            },
            one, other)
        .def(
            "exclusive",
            [](Guard& guard, const std::string& a, const std::string& b) {
                return text::shared_attribute(*guard.base(a), *guard.base(b)) != nullptr;
            },
            one, other);
}

}  // namespace

void register_text(py::module_& parent) {
    py::module_ module = parent.def_submodule("text", "Reading and judging texts; see khala_jobs.memory.guard.");
    module.attr("MAX_CHARS") = text::kMaxChars;
    module.attr("MAX_ITEMS") = text::kMaxItems;
    module.attr("SIMILARITY_FLOOR") = text::kSimilarityFloor;
    register_guard(module);
    module.def("unread", &unread, py::arg("text"));
    module.def("judge", &judge, py::arg("a"), py::arg("b"), py::arg("cosine"));
    module.def("same_stem", &text::same_stem, py::arg("one"), py::arg("other"));
}

}  // namespace khala::bind

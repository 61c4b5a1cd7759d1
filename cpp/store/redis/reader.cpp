#include "store/redis/reader.hpp"

#include <hiredis/read.h>

#include <cstring>
#include <new>
#include <string>

namespace khala::store::redis {
namespace {

Error broken(std::string_view what) {
    return Error{ErrorCode::corrupt, "reply", "the server's reply cannot be read: " + std::string{what}};
}

Reply::Kind text_kind(int type) noexcept {
    switch (type) {
        case REDIS_REPLY_STATUS: return Reply::Kind::status;
        case REDIS_REPLY_ERROR: return Reply::Kind::error;
        default: return Reply::Kind::text;
    }
}

}  // namespace

// What hiredis calls for each value that it has read. Nothing is thrown through its C code: nullptr ends the parse.
struct Reader::Hooks {
    static Reader& self(const redisReadTask* task) noexcept { return *static_cast<Reader*>(task->privdata); }

    // A place for one value: the slot in its array, or a fresh one for the outermost.
    static Reply* place(const redisReadTask* task) noexcept {
        Reader& reader = self(task);
        if (task->parent != nullptr) {
            // The elements of an array are ours and not yet shown to anybody; Reply only promises readers const.
            const auto elements = static_cast<const Reply*>(task->parent->obj)->elements();
            return const_cast<Reply*>(&elements[static_cast<std::size_t>(task->idx)]);  // NOLINT(*-const-cast)
        }
        if (!reader.count(1)) {
            return nullptr;
        }
        return static_cast<Reply*>(reader.allocate(sizeof(Reply)));
    }

    static void* put(const redisReadTask* task, Reply value) noexcept {
        Reply* const where = place(task);
        return where == nullptr ? nullptr : new (where) Reply{value};
    }

    static void* create_string(const redisReadTask* task, char* bytes, std::size_t length) noexcept {
        void* const copy = self(task).allocate(length);
        if (copy == nullptr) {
            return nullptr;
        }
        if (length > 0) {
            std::memcpy(copy, bytes, length);
        }
        return put(task, Reply::make_text(text_kind(task->type), {static_cast<const char*>(copy), length}));
    }

    static void* create_array(const redisReadTask* task, int length) noexcept {
        Reader& reader = self(task);
        const auto count = static_cast<std::size_t>(length);
        if (length < 0 || !reader.count(count)) {
            return nullptr;
        }
        void* const memory = reader.allocate(count * sizeof(Reply));
        if (memory == nullptr) {
            return nullptr;
        }
        auto* const elements = static_cast<Reply*>(memory);
        for (std::size_t i = 0; i < count; ++i) {
            new (elements + i) Reply{};
        }
        return put(task, Reply::make_array({elements, count}));
    }

    // NOLINTNEXTLINE(google-runtime-int): hiredis' word for it
    static void* create_integer(const redisReadTask* task, long long value) noexcept {
        return put(task, Reply::make_integer(value));
    }
    static void* create_nil(const redisReadTask* task) noexcept { return put(task, Reply{}); }
    static void free_object(void* /*reply*/) noexcept {}  // the arena's
};

namespace {

redisReader* create(redisReplyObjectFunctions& hooks) {
    redisReader* const reader = redisReaderCreateWithFunctions(&hooks);
    if (reader == nullptr) {
        throw std::bad_alloc{};
    }
    return reader;
}

}  // namespace

Reader::Reader(ReplyLimits limits) : limits_{limits}, reader_{nullptr, &redisReaderFree} {
    reset();
}

Reader::~Reader() = default;

void* Reader::allocate(std::size_t bytes) noexcept {
    try {
        return arena_.allocate(bytes);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

bool Reader::count(std::size_t elements) noexcept {
    elements_ += elements;
    return elements_ <= limits_.elements;
}

Status Reader::feed(std::string_view bytes) {
    bytes_ += bytes.size();
    if (bytes_ > limits_.bytes) {
        return broken("longer than " + std::to_string(limits_.bytes) + " bytes");
    }
    if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) {
        return broken(reader_->errstr);
    }
    return {};
}

Result<bool> Reader::next(Reply& reply) {
    void* value = nullptr;
    if (redisReaderGetReply(reader_.get(), &value) != REDIS_OK) {
        if (elements_ > limits_.elements) {
            return broken("more than " + std::to_string(limits_.elements) + " values");
        }
        return broken(reader_->errstr);
    }
    if (value == nullptr) {
        return false;
    }
    reply = *static_cast<const Reply*>(value);
    return true;
}

// No value has been begun: none was asked for since the last one, or the first byte of the next is not there.
bool Reader::between_values() const noexcept {
    return reader_->ridx < 0 || (reader_->ridx == 0 && reader_->rstack[0].type < 0);
}

bool Reader::drained() const noexcept {
    return reader_->err == 0 && between_values() && reader_->pos == reader_->len;
}

void Reader::release() noexcept {
    if (between_values()) {  // a value that is half there keeps its pieces in the arena
        arena_.reset();
        elements_ = 0;
        bytes_ = reader_->len - reader_->pos;
    }
}

void Reader::reset() {
    static redisReplyObjectFunctions hooks{.createString = &Hooks::create_string,
                                           .createArray = &Hooks::create_array,
                                           .createInteger = &Hooks::create_integer,
                                           .createNil = &Hooks::create_nil,
                                           .freeObject = &Hooks::free_object};
    reader_.reset(create(hooks));
    reader_->privdata = this;  // the macro for it casts to int
    arena_.reset();
    elements_ = 0;
    bytes_ = 0;
}

}  // namespace khala::store::redis

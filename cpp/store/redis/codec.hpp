// Bytes in and out: what the Lua functions take (MessagePack) and what they keep (little endian, as struct.pack
// writes).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace khala::store::redis {

static_assert(std::endian::native == std::endian::little, "stored records are little endian");

// One MessagePack value: an array of arrays, numbers, texts and booleans, written from front to back. Whoever announces
// an array of n adds n values.
class Packer {
public:
    Packer& array(std::size_t count);
    Packer& integer(std::int64_t value);  // exact for the other side below 2^53
    Packer& text(std::string_view bytes);
    Packer& boolean(bool value);
    Packer& splice(const Packer& values);  // values that were written apart

    [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }
    void clear() noexcept { bytes_.clear(); }

private:
    void head(char mark, std::uint64_t value, int length);

    std::string bytes_;
};

template <typename T>
void append_raw(std::string& out, T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof bytes);
}
// As Lua keeps numbers: exact below 2^53.
inline void append_double(std::string& out, std::int64_t value) {
    append_raw(out, static_cast<double>(value));
}

// Takes values from the front; after the first that is not there, all that follow are 0 or empty and ok() is false.
class Taker {
public:
    explicit Taker(std::string_view bytes) noexcept : rest_{bytes} {}

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] bool at_end() const noexcept { return ok_ && rest_.empty(); }

    template <typename T>
    T raw() noexcept {
        T value{};
        const std::string_view bytes = text(sizeof value);
        if (ok_) {
            std::memcpy(&value, bytes.data(), sizeof value);
        }
        return value;
    }
    // A double that stands for an integer; anything else is 0 and not ok.
    std::int64_t number() noexcept;
    std::string_view text(std::size_t length) noexcept;
    // What has not been taken.
    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

private:
    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace khala::store::redis

// XXH3 (64 bit) over a sequence of fields: what a stored row's checksum is made of.
//
// Every field is fed with its kind and length, so ("ab", "c") and ("a", "bc"), or an absent value and an empty one,
// never give the same sum. The result does not depend on the machine's byte order and may be stored.
//
//     const std::uint64_t sum = Checksum{}.text(id).integer(attempt).maybe_text(error).digest();
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace khala::base {

class Checksum {
public:
    explicit Checksum(std::uint64_t seed = 0) noexcept;

    Checksum& text(std::string_view bytes) noexcept;
    Checksum& integer(std::int64_t value) noexcept;
    Checksum& null() noexcept;

    Checksum& maybe_text(std::optional<std::string_view> bytes) noexcept { return bytes ? text(*bytes) : null(); }
    Checksum& maybe_integer(std::optional<std::int64_t> value) noexcept { return value ? integer(*value) : null(); }

    // Of everything added so far; adding may go on afterwards.
    [[nodiscard]] std::uint64_t digest() const noexcept;

private:
    void add(const void* bytes, std::size_t size) noexcept;
    void spill() noexcept;

    // A row is mostly shorter than this, and hashing bytes that lie together is several times faster than feeding them
    // one field at a time. What is longer goes through the hash's own state, with the same result.
    static constexpr std::size_t kBufferBytes = 512;
    std::array<std::byte, kBufferBytes> buffer_;
    std::size_t size_ = 0;
    std::uint64_t seed_;

    // Room for the hash's own state, so that its header stays out of this one. checksum.cpp checks the size.
    static constexpr std::size_t kStateBytes = 576;
    bool spilt_ = false;
    alignas(64) std::array<std::byte, kStateBytes> state_;
};

// The plain hash of some bytes, for tables and sampling.
[[nodiscard]] std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed = 0) noexcept;

}  // namespace khala::base

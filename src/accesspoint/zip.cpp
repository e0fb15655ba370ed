#include "accesspoint/zip.hpp"

#include <zlib.h>

#include <algorithm>

namespace budkavle::accesspoint {
namespace {

// APPNOTE 6.3: 4.3.7, 4.3.12, 4.3.16.
constexpr std::uint32_t kLocal = 0x04034b50;
constexpr std::uint32_t kCentral = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kMostEntries = 200;
constexpr std::size_t kMostOctets = std::size_t{256} << 20;
constexpr std::uint32_t kDate = 0x21;  // 1980-01-01: files carry no time of their own

void put(Bytes& out, std::uint32_t value, unsigned octets) {
    for (unsigned i = 0; i < octets; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::uint32_t get(ByteView in, std::size_t at, unsigned octets) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < octets; ++i) value |= std::uint32_t{in[at + i]} << (8 * i);
    return value;
}

std::uint32_t checksum(ByteView octets) {
    return static_cast<std::uint32_t>(::crc32_z(0, octets.data(), octets.size()));
}

/// The fields that local and central header share.
void put_facts(Bytes& out, const ZipEntry& entry) {
    put(out, 10, 2);  // version needed
    put(out, 0, 2);   // flags
    put(out, 0, 2);   // stored
    put(out, 0, 2);   // time
    put(out, kDate, 2);
    put(out, checksum(entry.octets), 4);
    put(out, static_cast<std::uint32_t>(entry.octets.size()), 4);
    put(out, static_cast<std::uint32_t>(entry.octets.size()), 4);
    put(out, static_cast<std::uint32_t>(entry.name.size()), 2);
    put(out, 0, 2);  // extra
}

void append(Bytes& out, ByteView octets) {
    out.insert(out.end(), octets.begin(), octets.end());
}

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= 100 && name.front() != '/' && !name.contains("..") &&
           std::ranges::all_of(name, [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
                      c == '_' || c == '-' || c == '/';
           });
}

std::unexpected<Error> bad() {
    return fail("package.zip", {}, {}, "The file is not an evidence package, or was changed.");
}

}  // namespace

Bytes write_zip(const std::vector<ZipEntry>& entries) {
    Bytes out;
    Bytes central;
    for (const auto& entry : entries) {
        put(central, kCentral, 4);
        put(central, 10, 2);  // made by
        put_facts(central, entry);
        put(central, 0, 2);  // comment
        put(central, 0, 2);  // disk
        put(central, 0, 2);
        put(central, 0, 4);
        put(central, static_cast<std::uint32_t>(out.size()), 4);
        append(central, as_bytes(entry.name));
        put(out, kLocal, 4);
        put_facts(out, entry);
        append(out, as_bytes(entry.name));
        append(out, entry.octets);
    }
    const auto begin = out.size();
    append(out, central);
    put(out, kEnd, 4);
    put(out, 0, 4);
    put(out, static_cast<std::uint32_t>(entries.size()), 2);
    put(out, static_cast<std::uint32_t>(entries.size()), 2);
    put(out, static_cast<std::uint32_t>(central.size()), 4);
    put(out, static_cast<std::uint32_t>(begin), 4);
    put(out, 0, 2);
    return out;
}

Result<std::vector<ZipEntry>> read_zip(ByteView octets) {
    std::vector<ZipEntry> entries;
    if (octets.size() > kMostOctets) return bad();
    std::size_t at = 0;
    while (octets.size() - at >= kLocalSize && get(octets, at, 4) == kLocal) {
        const std::size_t size = get(octets, at + 18, 4);
        const std::size_t name_size = get(octets, at + 26, 2);
        const auto rest = octets.size() - at - kLocalSize;
        if (entries.size() == kMostEntries || name_size > rest || size > rest - name_size) return bad();
        const auto name = octets.subspan(at + kLocalSize, name_size);
        const auto content = octets.subspan(at + kLocalSize + name_size, size);
        entries.push_back({std::string(as_text(name)), Bytes(content.begin(), content.end())});
        if (!is_name(entries.back().name)) return bad();
        at += kLocalSize + name_size + size;
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (entries[i].name == entries[j].name) return bad();
        }
    }
    if (!std::ranges::equal(write_zip(entries), octets)) return bad();
    return entries;
}

}  // namespace budkavle::accesspoint

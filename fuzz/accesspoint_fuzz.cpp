// What an access point reads besides messages: claims in the head of a refused request, evidence packages, backups,
// queries and JSON bodies of interfaces C and O, Retry-After. The first octet chooses which.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "accesspoint/archive.hpp"
#include "accesspoint/evidence.hpp"
#include "accesspoint/evidence_package.hpp"
#include "accesspoint/long_poll.hpp"
#include "accesspoint/operator_messages.hpp"
#include "accesspoint/retry.hpp"
#include "accesspoint/search.hpp"
#include "accesspoint/wire_head.hpp"
#include "accesspoint/zip.hpp"

namespace {

using namespace budkavle;

/// Files of a package, each "name, line feed, octets", a NUL between two: the fuzzer need not find check sums.
std::vector<accesspoint::ZipEntry> entries_of(std::string_view text) {
    std::vector<accesspoint::ZipEntry> entries;
    for (const auto piece : split(text, '\0')) {
        const auto line = piece.find('\n');
        if (line == piece.npos || line == 0 || line > 100 || entries.size() == 200) return {};
        entries.push_back({std::string(piece.substr(0, line)), to_bytes(piece.substr(line + 1))});
    }
    return entries;
}

void check_zip(ByteView octets) {
    const auto entries = accesspoint::read_zip(octets);
    if (!entries) return;
    const auto again = accesspoint::write_zip(*entries);
    if (!std::ranges::equal(again, octets)) std::abort();
}

void check_package(ByteView octets) {
    static const crypto::TrustStore nobody(crypto::Purpose::as4, {});
    if (accesspoint::verify_package(octets, nobody, std::filesystem::temp_directory_path()).good) std::abort();
}

void check_archive(ByteView octets) {
    MemorySource source(octets);
    (void)accesspoint::read_archive(source, [](const std::string&, Source& entry) -> Result<> {
        BUDKAVLE_CHECK(read_all(entry, std::size_t{1} << 20));
        return {};
    });
}

void check_query(std::string_view text) {
    const auto line = text.find('\n');
    MemorySource body(line == text.npos ? std::string_view() : text.substr(line + 1));
    net::Request request;
    request.query = text.substr(0, line);
    request.body = &body;
    (void)accesspoint::read_search(request);
    (void)accesspoint::read_long_poll(request);
    (void)accesspoint::json_body(request);
}

void check_head(std::string_view text) {
    const auto line = text.find('\n');
    if (line == text.npos) return;
    if (const auto soap = accesspoint::soap_part(as_bytes(text.substr(line + 1)), text.substr(0, line)))
        (void)accesspoint::read_claims(*soap);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const ByteView rest(data + 1, size - 1);
    const auto text = as_text(rest);
    switch (data[0] % 8) {
        case 0:
            check_zip(rest);
            check_package(rest);
            break;
        case 1:
            if (const auto entries = entries_of(text); !entries.empty()) check_package(accesspoint::write_zip(entries));
            break;
        case 2:
            check_archive(rest);
            break;
        case 3:
            check_head(text);
            break;
        case 4:
            (void)accesspoint::read_claims(std::string(text));
            break;
        case 5:
            check_query(text);
            break;
        case 6:
            if (const auto wait = accesspoint::parse_retry_after(text, parse_time("2027-03-01T12:00:00Z").value());
                wait && wait->count() < 0)
                std::abort();
            break;
        default:
            if (const auto evidence = accesspoint::read_evidence(std::string(text))) {
                const auto written = accesspoint::write_evidence(*evidence);
                const auto again = accesspoint::read_evidence(written);
                if (!again || accesspoint::write_evidence(*again) != written) std::abort();
            }
    }
    return 0;
}

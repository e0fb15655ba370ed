#pragma once
/// What the tests of this library share: the vectors with their keys, and a receiver that knows them.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "as4/memory_store.hpp"
#include "as4/open.hpp"
#include "base/stream.hpp"

namespace budkavle::as4::testing {

namespace fs = std::filesystem;

inline fs::path vectors() {
    const auto* shared = std::getenv("BUDKAVLE_SHARED");
    auto folder = fs::path(shared ? shared : BUDKAVLE_SOURCE_DIR "/../shared") / "as4-vectors";
    if (!fs::exists(folder / "INDEX.tsv"))
        ADD_FAILURE() << "The AS4 vectors are not at " << folder
                      << "; set BUDKAVLE_SHARED to the folder that holds as4-vectors.";
    return folder;
}

inline Bytes octets(const fs::path& path) {
    auto bytes = read_file(path, std::size_t{256} << 20);
    if (!bytes) ADD_FAILURE() << path << ": " << bytes.error().describe();
    return bytes.value_or(Bytes{});
}
inline std::string text(const fs::path& path) {
    return std::string(as_text(octets(path)));
}

inline Time at(std::string_view when) {
    return parse_time(when).value();
}

/// The Content-Type value of NAME.headers.
inline std::string content_type_of(const std::string& name) {
    const auto header = text(vectors() / (name + ".headers"));
    return std::string(trim(std::string_view(header).substr(header.find(':') + 1)));
}

/// AP0002-SDK-TEST, the payload profile off as the vectors want it.
inline ReceiveContext receiving(const std::vector<crypto::Identity>& own, const SignerTrust& signers) {
    ReceiveContext context{.identities = own,
                           .party_id = own.front().certificate().common_name(),
                           .trust = signers,
                           .limits = {},
                           .key_transport = {},
                           .accept = {},
                           .serves = {},
                           .spool_folder = fs::temp_directory_path()};
    context.accept.single_xml_payload = false;
    return context;
}

struct Laboratory {
    crypto::Certificate ca = crypto::Certificate::from_pem(text(vectors() / "keys/ca.crt")).value();
    crypto::Identity a = identity("ap-a");
    crypto::Identity b = identity("ap-b");
    crypto::Certificate c = crypto::Certificate::from_pem(text(vectors() / "keys/ap-c.crt")).value();
    crypto::TrustStore trust{crypto::Purpose::as4, {ca}};
    crypto::CrlStore crls;
    std::vector<crypto::Identity> own{b};
    std::vector<crypto::Certificate> known{a.certificate()};
    Time now = at("2026-12-01T12:00:00Z");

    Laboratory() { crls.put(crypto::Crl::parse(octets(vectors() / "keys/ca.crl.pem")).value()); }

    static crypto::Identity identity(const std::string& name) {
        return crypto::identity_from_pem(text(vectors() / "keys" / (name + ".key")),
                                         text(vectors() / "keys" / (name + ".crt")))
            .value();
    }

    [[nodiscard]] SignerTrust signers() const { return {&trust, &crls, {.at = now}, known}; }

    [[nodiscard]] ReceiveContext receiver() const {
        return receiving(own, signers());
    }
};

inline const Laboratory& laboratory() {
    static const Laboratory only;
    return only;
}

inline Outcome<Opened> open_octets(ByteView body, std::string_view content_type, const ReceiveContext& context,
                                   PayloadStore& store) {
    MemorySource source(body);
    return as4::open(source, content_type, context, store);
}

}  // namespace budkavle::as4::testing

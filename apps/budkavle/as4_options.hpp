#pragma once
/// Options and workings that the `as4` commands share.

#include "as4/open.hpp"
#include "as4/report.hpp"
#include "as4/seal.hpp"
#include "command.hpp"
#include "drop_folder.hpp"

namespace budkavle::app {

struct OpenOptions {
    std::vector<std::string> keys, certs, trust, crls, serves, key_transport;
    std::uint64_t max_message = 150'000'000;  ///< octets of all payloads together
    bool envelope = false;
};
void add_open_options(CLI::App& command, OpenOptions& options);

/// Key transport of older peers by the names of the switches (`as4-wire.md` 1.6); nothing when a name is not known.
[[nodiscard]] std::optional<as4::KeyTransportPolicy> key_transport_named(const std::vector<std::string>& names);

/// Octets of an HTTP body around so many of payload, in base64 too.
[[nodiscard]] std::uint64_t body_limit_of(std::uint64_t max_message);

/// Everything a receiver judges by, loaded once.
class OpenSetting {
public:
    static Result<std::unique_ptr<OpenSetting>> make(const OpenOptions& options);
    OpenSetting(const OpenSetting&) = delete;
    OpenSetting& operator=(const OpenSetting&) = delete;
    /// Opens one request; with `--envelope` the envelope inside is judged and compared with the header too.
    [[nodiscard]] as4::Outcome<as4::Opened> open(Source& body, std::string_view content_type, Time at,
                                                 DropFolder& store) const;
    [[nodiscard]] const crypto::Identity& signer() const { return identities_.front(); }

private:
    OpenSetting() = default;
    [[nodiscard]] as4::ReceiveContext context(Time at) const;
    std::vector<crypto::Identity> identities_;
    std::vector<crypto::Certificate> known_;
    std::unique_ptr<crypto::TrustStore> trust_;
    crypto::CrlStore crls_;
    std::vector<std::string> serves_;
    as4::KeyTransportPolicy key_transport_;
    std::uint64_t max_message_ = 0;
    bool envelope_ = false;
};

/// Certificates in the folders of the trust files: candidates for signatures that name their certificate without
/// carrying it (issuer and serial, key identifier, thumbprint). They are judged like any other; nothing is trusted for
/// lying there.
[[nodiscard]] Result<std::vector<crypto::Certificate>> partners_beside(const std::vector<std::string>& trust_files);

/// The value of the Content-Type line of a headers file; empty when there is none.
[[nodiscard]] Result<std::string> content_type_of(const std::string& headers_file);
[[nodiscard]] boost::json::object report_json(const as4::OpenReport& report);

struct SealOptions {
    std::string key, cert, to_cert, profile{"digg-transport-as4-v1_0"}, document{federation::kMessageDocument},
        message_id, conversation;
    std::vector<std::string> payloads, properties;
};
void add_seal_options(CLI::App& command, SealOptions& options);
struct SealedFile {
    as4::Sealed sealed;
    crypto::Certificate recipient;
};
[[nodiscard]] Result<SealedFile> seal_file(const SealOptions& options, const std::string& out);

}  // namespace budkavle::app

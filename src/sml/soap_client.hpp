#pragma once
/// The SMP's side of the SML administration API, for our locator and for the EU Commission's (`sml.md` 3).

#include <string>
#include <vector>

#include "net/http.hpp"
#include "sml/sml.hpp"
#include "sml/soap.hpp"

namespace budkavle::sml {

/// Errors: "sml.bad_request", "sml.unauthorised", "sml.not_found" (all final; the place is "ERR-nnn"), "sml.internal"
/// (later), "sml.answer" (later), "sml.owned_by_other" (final), and those of net::Client. After a fault of the
/// transport the outcome of a change is unknown: `ensure` and `withdraw` ask before they repeat.
/// Safe for several threads.
class SoapClient {
public:
    /// `base_url`: "https://sml.example.se/edelivery-sml"; the client's identity is the account.
    SoapClient(net::Client& client, std::string base_url) : client_(client), base_url_(std::move(base_url)) {}

    Result<> create_publisher(const std::string& id, const std::string& logical, const std::string& physical);
    Result<> update_publisher(const std::string& id, const std::string& logical, const std::string& physical);
    Result<> delete_publisher(const std::string& id);
    /// Sends the full form with the addresses given: the schema demands them.
    [[nodiscard]] Result<Publisher> read_publisher(const std::string& id, const std::string& logical,
                                                   const std::string& physical);
    Result<> create(const std::string& publisher, const std::vector<smp::Identifier>& participants);
    Result<> remove(const std::string& publisher, const std::vector<smp::Identifier>& participants);
    [[nodiscard]] Result<Page<smp::Identifier>> list(const std::string& publisher, const std::string& after = {});
    [[nodiscard]] Result<bool> exists(const std::string& publisher, const smp::Identifier& participant);
    Result<> prepare_migration(const std::string& publisher, const smp::Identifier& participant,
                               const std::string& key);
    Result<> complete_migration(const std::string& publisher, const smp::Identifier& participant,
                                const std::string& key);
    Result<> prepare_certificate(const std::string& pem, const std::optional<std::string>& date);
    Result<> is_alive();

    /// Idempotent forms: after an unknown outcome Exists is asked before anything is repeated; ERR-112 for a
    /// participant of our own is a success, so is ERR-110 for one that shall be gone.
    Result<> ensure(const std::string& publisher, const smp::Identifier& participant);
    Result<> withdraw(const std::string& publisher, const smp::Identifier& participant);
    /// The SMP itself, with this address.
    Result<> ensure_publisher(const std::string& id, const std::string& logical, const std::string& physical);

private:
    Result<soap::Answer> call(soap::Operation operation, soap::Message message);
    Result<> act(soap::Operation operation, soap::Message message);
    net::Client& client_;
    std::string base_url_;
};

}  // namespace budkavle::sml

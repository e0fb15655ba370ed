#pragma once
/// Inside this library: what the parts of the checker share.

#include <map>
#include <mutex>
#include <set>

#include "consistency/checker.hpp"

namespace budkavle::consistency {

/// A certificate with everything that it is published for.
struct Use {
    crypto::Certificate certificate;
    bool access_point = false;
    smpserver::CertificateUse purpose = smpserver::CertificateUse::signing;
    smpserver::Organisation organisation{};
    std::string place;
    std::string subject;
    std::size_t source = 0;
};

struct Checker::State {
    Sources sources;
    obs::Log& log;
    const Clock& clock;
    std::shared_ptr<net::Client> client;  ///< lists and OCSP

    // Of one look.
    Report report{};
    std::mutex mutex{};  ///< guards `report`
    std::vector<Use> uses{};
    /// Folded participant → SMP (folded), over all locators.
    std::map<std::string, std::string> registered{};

    State(Sources s, obs::Log& l, const Clock& c) : sources(std::move(s)), log(l), clock(c) {}

    void found(std::string_view code, std::string place, std::string subject, std::string detail = {},
               std::size_t source = 0);
    [[nodiscard]] std::shared_ptr<net::Client> client_to(const std::string& address, bool plain) const;

    Result<> check_register(std::size_t index);
    Result<> check_nodes(std::size_t index);
    Result<> check_locator(std::size_t index);
    Result<> check_registrations(std::size_t index);
    Result<> check_certificates();
    Result<> check_pki(std::size_t index);

    void check_answers(std::size_t index, net::Client& client, const std::string& url, const std::string& place,
                       const std::vector<smpserver::Published>& page,
                       const std::map<std::pair<std::string, std::string>, smpserver::UsedEndpoint>& endpoints);
};

/// Runs `work(i)` for every i below `count`, on a few threads.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace budkavle::consistency

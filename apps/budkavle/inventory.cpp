#include "inventory.hpp"

#include <fmt/format.h>

#include "command.hpp"

namespace budkavle::app {
namespace {

constexpr int kUrgent = 30;  // days

class Inventory {
public:
    void add(const std::string& use, const crypto::Identity& identity) {
        for (std::size_t i = 0; i < identity.chain.size(); ++i)
            items.push_back(crypto::inventory_item(i == 0 ? use : use + ".chain", i == 0, identity.chain[i]));
    }
    void add(const std::string& use, const std::vector<crypto::Certificate>& certificates) {
        for (const auto& one : certificates) items.push_back(crypto::inventory_item(use, false, one));
    }
    void add(const std::string& use, const std::shared_ptr<const crypto::TrustStore>& store) {
        if (store) add(use, store->anchors());
    }
    template <class Environment>
    void add_trust(const Environment& environment) {
        add("trust.as4", environment.ap_trust);
        add("trust.smp", environment.smp_trust);
        add("trust.tls", environment.smp_tls_trust);
        add("trust.crl_issuers", environment.crl_issuers);
    }
    std::vector<crypto::InventoryItem> items;
};

void add_access_point(Inventory& inventory, const accesspoint::AccessPointConfig& ap) {
    inventory.add("ap.as4", ap.as4);
    for (const auto& next : ap.next_as4) inventory.add("ap.as4_next", next.identity);
    for (const auto& previous : ap.previous_as4) inventory.add("ap.as4_previous", previous);
    inventory.add("ap.a", ap.a.identity);
    inventory.add("ap.c", ap.c.identity);
    if (ap.o) inventory.add("ap.o", ap.o->identity);
    inventory.add("ap.partners", ap.partners);
    inventory.add_trust(ap.environment);
}

void add_message_service(Inventory& inventory, const messageservice::MessageServiceConfig& mt) {
    for (const auto& participant : mt.participants) {
        for (const auto& identity : participant.identities) inventory.add("mt.participant " + participant.id, identity);
    }
    inventory.add("mt.api", mt.api.identity);
    inventory.add("mt.access_point", mt.access_point.identity);
    inventory.add_trust(mt.environment);
    inventory.add("trust.o2o", mt.environment.o2o_trust);
}

}  // namespace

std::vector<crypto::InventoryItem> inventory_of(const Config& config) {
    Inventory inventory;
    if (config.ap) add_access_point(inventory, *config.ap);
    if (config.mt) add_message_service(inventory, *config.mt);
    if (config.smp) {
        if (const auto chain = certificates_of({config.smp->tls_certificate.string()}); chain && !chain->empty())
            inventory.items.push_back(crypto::inventory_item("smp", true, chain->front()));
    }
    if (config.sml) inventory.add("sml", config.sml->server.identity);
    return std::move(inventory.items);
}

void tell_expiry(crypto::ExpiryWatch& watch, const std::vector<crypto::InventoryItem>& inventory, Time now,
                 obs::Log& log) {
    for (const auto& notice : watch.due(inventory, now)) {
        const bool urgent = notice.item.own && notice.threshold <= kUrgent;
        log.technical(urgent ? obs::Level::error : obs::Level::warning,
                      notice.threshold == 0 ? "certificate.expired" : "certificate.expires",
                      {{"use", notice.item.use},
                       {"owner", notice.item.owner},
                       {"days", notice.days},
                       {"threshold", std::int64_t{notice.threshold}},
                       {"rule", "SEC-120"},
                       {"certificateSha256", notice.item.certificate.sha256_hex()}});
    }
}

}  // namespace budkavle::app

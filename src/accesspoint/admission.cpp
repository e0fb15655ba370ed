#include "accesspoint/admission.hpp"

namespace budkavle::accesspoint {
namespace {

std::unexpected<Error> later(std::string_view code, std::string_view rule, std::string_view text,
                             std::string_view remedy) {
    return fail(code, rule, {}, text, remedy, Retry::later);
}

}  // namespace

struct Admission::Places {
    std::mutex lock;
    std::map<std::string, unsigned> taken;
};

Admission::Admission(const AccessPointConfig& config)
    : config_(config), maintenance_(config.folder / kMaintenanceFile), places_(std::make_shared<Places>()) {}

bool Admission::maintenance() const {
    std::error_code code;
    return std::filesystem::exists(maintenance_, code);
}

Result<> Admission::check_room(std::uint64_t octets) const {
    if (maintenance()) {
        return later("ap.maintenance", "SEC-91", "The access point is in maintenance mode and takes nothing new.",
                     "Remove the file maintenance in its data folder when the work is done.");
    }
    std::error_code code;
    const auto space = std::filesystem::space(config_.folder, code);
    // A folder that cannot be asked about will tell when it is written to.
    if (!code && (space.available < config_.least_free_disk || space.available - config_.least_free_disk < octets)) {
        return later("ap.disk_full", "SEC-107", "The disk has reached its reserve; nothing new is taken.",
                     "Free disk, or have the message services fetch what waits.");
    }
    return {};
}

Result<Admission::Place> Admission::enter(const std::string& peer) {
    {
        const std::lock_guard lock(places_->lock);
        auto& taken = places_->taken[peer];
        if (taken >= config_.receives_per_peer) {
            return later("ap.peer_busy", "SEC-107", "One peer has as many requests running as are allowed.",
                         "Raise receives_per_peer if this peer needs more.");
        }
        ++taken;
    }
    return Place(static_cast<const void*>(places_.get()), [places = places_, peer](const void*) {
        const std::lock_guard lock(places->lock);
        const auto mine = places->taken.find(peer);
        if (--mine->second == 0) places->taken.erase(mine);
    });
}

}  // namespace budkavle::accesspoint

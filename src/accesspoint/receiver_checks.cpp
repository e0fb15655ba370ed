/// The checks of a receiver on header and envelope.
#include "accesspoint/envelope_checks.hpp"
#include "accesspoint/header_checks.hpp"
#include "accesspoint/receiver.hpp"
#include "accesspoint/refusing.hpp"

namespace budkavle::accesspoint {
namespace {

std::string cause_list(const std::vector<xml::Finding>& findings) {
    std::string text;
    for (const auto& finding : findings) {
        if (text.size() > 1000) break;
        text += (text.empty() ? "" : "; ") + finding.rule + " at " + finding.at + ": " + finding.text;
    }
    return text;
}

xml::Limits limits_of(const AccessPointConfig& config) {
    auto limits = xhe::envelope_limits();
    limits.bytes = static_cast<std::size_t>(config.max_message);
    return limits;
}

}  // namespace

Checked<> Receiver::check_header(Heard& heard, Time now) const {
    const auto& message = heard.message;
    if (const auto id = federation::ParticipantId::parse(message.final_recipient());
        id && find_participant(workshop_.config, *id) != nullptr) {
        heard.participant = id->folded();
    }
    if (const auto young = check_age(workshop_.config, message, now); !young) {
        const bool early = young.error().retry == Retry::later;
        return std::unexpected(refused_for(early ? as4::Cause::premature : as4::Cause::outdated, young.error()));
    }
    Load load;
    const auto looked = workshop_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(heard.before, recall(tx, message.message_id));
        if (heard.before || heard.participant.empty()) return {};
        BUDKAVLE_TRY(const auto recipient, federation::ParticipantId::parse(message.final_recipient()));
        BUDKAVLE_TRY(load, load_of(tx, recipient, Direction::in));
        return {};
    });
    if (!looked) return std::unexpected(not_now(looked.error()));
    // A copy gets its answer whatever has changed since: the participant may have left, its quota be full.
    if (heard.before) return {};
    const auto served = find_served(workshop_.config, message);
    if (!served) return std::unexpected(refused_for(as4::Cause::not_serviced, served.error()));
    if (const auto space = check_quota(workshop_, (*served)->id, load); !space)
        return std::unexpected(not_now(space.error()));
    if (const auto known = check_origin(workshop_, message); !known) {
        if (known.error().retry == Retry::later) return std::unexpected(not_now(known.error()));
        return std::unexpected(refused_for(as4::Cause::origin, known.error()));
    }
    return {};
}

Checked<> Receiver::check_copy(const Arrival& arrival, const BlobPayloads& payloads) const {
    auto octets = payloads.read(arrival.opened.payloads.front().handle);
    if (!octets) return std::unexpected(not_now(octets.error()));
    const auto judged = xhe::judge_stream(**octets, limits_of(workshop_.config));
    // The first copy had the same octets, and was conformant.
    if (!judged || !judged->envelope)
        return std::unexpected(not_now(judged ? Error{"as4.copy", "AP-6", {}, "The copy cannot be judged.", {}, Retry::later}
                                              : judged.error()));
    if (const auto equal = check_equal(arrival.opened.message, *judged->envelope); !equal)
        return std::unexpected(refused_for(as4::Cause::not_serviced, equal.error()));
    return {};
}

Checked<xhe::Envelope> Receiver::check_envelope(const Arrival& arrival, const BlobPayloads& payloads) const {
    const auto& config = workshop_.config;
    const auto& message = arrival.opened.message;
    const auto served = find_served(config, message);
    if (!served) return std::unexpected(refused_for(as4::Cause::not_serviced, served.error()));

    auto octets = payloads.read(arrival.opened.payloads.front().handle);
    if (!octets) return std::unexpected(not_now(octets.error()));
    auto judged = xhe::judge_stream(**octets, limits_of(config));
    if (!judged && judged.error().code.starts_with("blob.")) return std::unexpected(not_now(judged.error()));
    if (!judged) return std::unexpected(refused_for(as4::Cause::xhe_not_conformant, judged.error()));
    if (!judged->conformant()) {
        return std::unexpected(refused_for(as4::Cause::xhe_not_conformant,
                                           {"as4.xhe_not_conformant",
                                            judged->findings.empty() ? "XHE-02" : judged->findings.front().rule,
                                            {},
                                            cause_list(judged->findings),
                                            {},
                                            Retry::never}));
    }
    // K23: a mismatch takes the same path as a recipient that is not served.
    if (const auto equal = check_equal(message, *judged->envelope); !equal)
        return std::unexpected(refused_for(as4::Cause::not_serviced, equal.error()));
    if (const auto ours = check_federation(config, **served, *judged->envelope); !ours)
        return std::unexpected(refused_for(as4::Cause::not_serviced, ours.error()));
    return std::move(*judged->envelope);
}

}  // namespace budkavle::accesspoint

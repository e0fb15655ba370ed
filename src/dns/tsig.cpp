#include "dns/tsig.hpp"

#include <ldns/ldns.h>

#include <cstdlib>
#include <ctime>

namespace budkavle::dns {
namespace {

constexpr const char* kAlgorithm = "hmac-sha256.";
constexpr std::uint16_t kFudge = 300;

std::unexpected<Error> refuse(std::string_view text) {
    return fail("dns.tsig", "RFC 8945", "TSIG", text, "Check key, clock and name server.", Retry::later);
}

Bytes octets(const ldns_rdf* field) {
    const auto* data = ldns_rdf_data(field);
    return {data, data + ldns_rdf_size(field)};
}

}  // namespace

void PacketDeleter::operator()(ldns_struct_pkt* packet) const {
    ldns_pkt_free(packet);
}

Result<Signed> sign(ldns_struct_pkt* packet, const TsigKey& key) {
    if (ldns_pkt_tsig_sign(packet, key.name.c_str(), key.secret.c_str(), kFudge, kAlgorithm, nullptr) != LDNS_STATUS_OK)
        return fail("dns.failed", "The message cannot be signed: the TSIG key is not base64, or its name no name.");
    std::uint8_t* wire = nullptr;
    std::size_t size = 0;
    if (ldns_pkt2wire(&wire, packet, &size) != LDNS_STATUS_OK)
        return fail("dns.failed", "The message could not be built.");
    Signed out{Bytes(wire, wire + size), octets(ldns_rr_rdf(ldns_pkt_tsig(packet), 3))};
    std::free(wire);
    return out;
}

Result<Bytes> verify(ldns_struct_pkt* packet, ByteView wire, const TsigKey& key, ByteView request_mac,
                     bool continuation) {
    const auto* record = ldns_pkt_tsig(packet);
    if (record == nullptr || ldns_rr_rd_count(record) < 7)
        return refuse("The answer of the name server is not signed.");
    const auto algorithm = octets(ldns_rr_rdf(record, 0));
    std::unique_ptr<ldns_rdf, decltype(&ldns_rdf_deep_free)> ours(ldns_dname_new_frm_str(kAlgorithm),
                                                                  &ldns_rdf_deep_free);
    std::unique_ptr<ldns_rdf, decltype(&ldns_rdf_deep_free)> name(ldns_dname_new_frm_str(key.name.c_str()),
                                                                  &ldns_rdf_deep_free);
    if (!ours || !name || ldns_dname_compare(ours.get(), ldns_rr_rdf(record, 0)) != 0 ||
        ldns_dname_compare(name.get(), ldns_rr_owner(record)) != 0)
        return refuse("The answer of the name server is signed with another key or algorithm.");
    const auto when = octets(ldns_rr_rdf(record, 1));
    const auto fudge = octets(ldns_rr_rdf(record, 2));
    auto mac = octets(ldns_rr_rdf(record, 3));
    constexpr std::size_t kFullMac = 34;  // length, SHA-256
    if (when.size() != 6 || fudge.size() != 2 || mac.size() != kFullMac)
        return refuse("The signature of the answer is malformed or cut.");
    std::int64_t signed_at = 0;
    for (const auto octet : when) signed_at = signed_at << 8 | octet;
    const std::int64_t slack = fudge[0] << 8 | fudge[1];
    const std::int64_t now = std::time(nullptr);
    if (signed_at > now + slack || signed_at < now - slack) return refuse("The answer was signed at another time.");
    std::unique_ptr<ldns_rdf, decltype(&ldns_rdf_deep_free)> before(
        ldns_rdf_new_frm_data(LDNS_RDF_TYPE_INT16_DATA, request_mac.size(), request_mac.data()), &ldns_rdf_deep_free);
    const bool good = ldns_pkt_tsig_verify_next(packet, wire.data(), wire.size(), key.name.c_str(), key.secret.c_str(),
                                                before.get(), continuation ? 1 : 0);
    if (!good) return refuse("The signature of the answer is wrong.");
    return mac;
}

}  // namespace budkavle::dns

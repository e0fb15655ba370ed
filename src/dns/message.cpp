#include "dns/message.hpp"

#include <ldns/ldns.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <string_view>

namespace budkavle::dns {
namespace {

using Packet = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;

/// Presentation form; empty when the name is broken.
std::string name_text(const ldns_rdf* name) {
    char* text = ldns_rdf2str(name);
    if (text == nullptr) return {};
    std::string out(text);
    std::free(text);
    return out;
}

std::string character_string(const ldns_rdf* field) {
    const std::string_view raw(reinterpret_cast<const char*>(ldns_rdf_data(field)), ldns_rdf_size(field));
    return raw.empty() ? std::string{} : std::string(raw.substr(1));
}

bool has_fields(const ldns_rr* record, std::size_t count) {
    if (ldns_rr_rd_count(record) != count) return false;
    for (std::size_t i = 0; i < count; ++i) {
        if (ldns_rr_rdf(record, i) == nullptr) return false;
    }
    return true;
}

/// Adds what the record says to the reply; false when its data is broken.
bool take(const ldns_rr* record, Type type, Reply& reply) {
    if (type == Type::naptr) {
        if (!has_fields(record, 6)) return false;
        Naptr out;
        out.order = ldns_rdf2native_int16(ldns_rr_rdf(record, 0));
        out.preference = ldns_rdf2native_int16(ldns_rr_rdf(record, 1));
        out.flags = character_string(ldns_rr_rdf(record, 2));
        out.service = character_string(ldns_rr_rdf(record, 3));
        out.regexp = character_string(ldns_rr_rdf(record, 4));
        out.replacement = name_text(ldns_rr_rdf(record, 5));
        if (out.replacement.empty()) return false;
        reply.naptr.push_back(std::move(out));
        return true;
    }
    if (!has_fields(record, 1)) return false;
    const std::size_t want = type == Type::a ? 4 : 16;
    if (ldns_rdf_size(ldns_rr_rdf(record, 0)) != want) return false;
    auto text = name_text(ldns_rr_rdf(record, 0));
    if (text.empty()) return false;
    reply.addresses.push_back(std::move(text));
    return true;
}

struct Owned {
    std::string owner;
    const ldns_rr* record;
};

std::vector<Owned> owned_answers(const ldns_pkt* packet) {
    std::vector<Owned> out;
    const ldns_rr_list* list = ldns_pkt_answer(packet);
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
        const ldns_rr* record = ldns_rr_list_rr(list, i);
        if (ldns_rr_get_class(record) == LDNS_RR_CLASS_IN)
            out.push_back({canonical_name(name_text(ldns_rr_owner(record))), record});
    }
    return out;
}

const ldns_rr* find_alias(const std::vector<Owned>& answers, const std::string& name) {
    for (const auto& [owner, record] : answers) {
        if (owner == name && ldns_rr_get_type(record) == LDNS_RR_TYPE_CNAME) return record;
    }
    return nullptr;
}

/// A server that points elsewhere instead of answering: authority names other servers and no SOA.
bool is_referral(const ldns_pkt* packet) {
    if (ldns_pkt_aa(packet)) return false;
    const ldns_rr_list* list = ldns_pkt_authority(packet);
    bool servers = false;
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
        const auto type = ldns_rr_get_type(ldns_rr_list_rr(list, i));
        if (type == LDNS_RR_TYPE_SOA) return false;
        if (type == LDNS_RR_TYPE_NS) servers = true;
    }
    return servers;
}

bool asks_the_same(const ldns_pkt* packet, const Question& question) {
    const ldns_rr_list* list = ldns_pkt_question(packet);
    if (ldns_rr_list_rr_count(list) != 1) return false;
    const ldns_rr* asked = ldns_rr_list_rr(list, 0);
    return static_cast<std::uint16_t>(ldns_rr_get_type(asked)) == static_cast<std::uint16_t>(question.type) &&
           ldns_rr_get_class(asked) == LDNS_RR_CLASS_IN &&
           canonical_name(name_text(ldns_rr_owner(asked))) == canonical_name(question.name);
}

Reply read_answer_section(const ldns_pkt* packet, const Question& question) {
    Reply reply;
    const auto answers = owned_answers(packet);
    std::string name = canonical_name(question.name);
    std::set<std::string> seen{name};
    while (const ldns_rr* alias = find_alias(answers, name)) {
        if (!has_fields(alias, 1)) return {.status = Status::malformed};
        name = canonical_name(name_text(ldns_rr_rdf(alias, 0)));
        if (++reply.aliases > kMaxAliases || !seen.insert(name).second) return {.status = Status::loop};
    }
    for (const auto& [owner, record] : answers) {
        if (owner != name ||
            static_cast<std::uint16_t>(ldns_rr_get_type(record)) != static_cast<std::uint16_t>(question.type))
            continue;
        if (!take(record, question.type, reply)) return {.status = Status::malformed};
    }
    if (ldns_pkt_get_rcode(packet) == LDNS_RCODE_NXDOMAIN) {
        reply.status = Status::no_name;
    } else if (!reply.naptr.empty() || !reply.addresses.empty()) {
        reply.status = Status::answer;
    } else if (reply.aliases > 0) {
        reply.status = Status::answer;
        reply.alias = name;
    } else {
        reply.status = is_referral(packet) ? Status::failed : Status::no_data;
    }
    return reply;
}

}  // namespace

std::string canonical_name(std::string_view name) {
    if (name.size() > 1 && name.ends_with('.')) name.remove_suffix(1);
    return to_lower_ascii(name);
}

Result<Bytes> make_query(const Question& question) {
    ldns_rdf* name = ldns_dname_new_frm_str(question.name.c_str());
    if (name == nullptr || question.name.empty() || question.name.find('\0') != std::string::npos) {
        ldns_rdf_deep_free(name);
        return fail("dns.name", "The name is not a valid domain name.");
    }
    const Packet packet(ldns_pkt_query_new(name, static_cast<ldns_rr_type>(question.type), LDNS_RR_CLASS_IN, LDNS_RD),
                        &ldns_pkt_free);
    if (!packet) return fail("dns.failed", "The question could not be built.", Retry::later);
    ldns_pkt_set_id(packet.get(), question.id);
    ldns_pkt_set_edns_udp_size(packet.get(), kUdpSize);
    ldns_pkt_set_ad(packet.get(), question.ask_authentic);
    std::uint8_t* wire = nullptr;
    std::size_t size = 0;
    if (ldns_pkt2wire(&wire, packet.get(), &size) != LDNS_STATUS_OK)
        return fail("dns.failed", "The question could not be built.", Retry::later);
    Bytes out(wire, wire + size);
    std::free(wire);
    return out;
}

Reply read_reply(ByteView packet, const Question& question) {
    constexpr std::size_t kHeader = 12;
    const bool our_id =
        packet.size() >= kHeader && ((packet[0] << 8) | packet[1]) == question.id && (packet[2] & 0x80) != 0;
    if (!our_id) return {.status = Status::not_ours};
    ldns_pkt* raw = nullptr;
    if (ldns_wire2pkt(&raw, packet.data(), packet.size()) != LDNS_STATUS_OK) {
        // A truncated reply may end in the middle of a record; its flag is enough to ask again over TCP.
        return {.status = (packet[2] & 0x02) != 0 ? Status::truncated : Status::malformed};
    }
    const Packet parsed(raw, &ldns_pkt_free);
    if (ldns_pkt_get_opcode(raw) != LDNS_PACKET_QUERY || !asks_the_same(raw, question))
        return {.status = Status::not_ours};
    if (ldns_pkt_tc(raw)) return {.status = Status::truncated};
    const auto rcode = ldns_pkt_get_rcode(raw);
    if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) return {.status = Status::failed};
    auto reply = read_answer_section(raw, question);
    reply.authentic = ldns_pkt_ad(raw);
    return reply;
}

}  // namespace budkavle::dns

#include "dns/primary.hpp"

#include <ldns/ldns.h>

#include <algorithm>
#include <memory>

#include "dns/tsig.hpp"

namespace budkavle::dns {
namespace {

constexpr std::size_t kMaxUpdate = 62'000;
constexpr std::size_t kMaxRecords = 5'000'000;

using Name = std::unique_ptr<ldns_rdf, decltype(&ldns_rdf_deep_free)>;

Result<Name> name_of(const std::string& text) {
    Name out(text.empty() || text.find('\0') != std::string::npos ? nullptr : ldns_dname_new_frm_str(text.c_str()),
             &ldns_rdf_deep_free);
    if (!out) return fail("dns.name", "The name is not a valid domain name.");
    return out;
}

ldns_rdf* number(std::uint16_t value) {
    return ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, value);
}
Result<ldns_rdf*> text_field(const std::string& text) {
    if (text.size() > 255) return fail("dns.name", "A text of the record is longer than 255 octets.");
    std::string octets(1, static_cast<char>(text.size()));
    octets += text;
    return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, octets.size(), octets.data());
}

/// An RR list that owns what is pushed.
class Records {
public:
    Records() : list_(ldns_rr_list_new(), &ldns_rr_list_deep_free) {}
    [[nodiscard]] ldns_rr_list* get() const { return list_.get(); }

    /// RFC 2136 2.5.2: every record of this name and type goes.
    Result<> clear(const std::string& name, ldns_rr_type type) {
        BUDKAVLE_TRY(auto owner, name_of(name));
        add(std::move(owner), type, LDNS_RR_CLASS_ANY, 0);
        return {};
    }
    Result<> put(const std::string& name, const Naptr& naptr, std::uint32_t ttl) {
        BUDKAVLE_TRY(auto owner, name_of(name));
        BUDKAVLE_TRY(auto replacement, name_of(naptr.replacement));
        BUDKAVLE_TRY(auto* flags, text_field(naptr.flags));
        BUDKAVLE_TRY(auto* service, text_field(naptr.service));
        BUDKAVLE_TRY(auto* regexp, text_field(naptr.regexp));
        auto* record = add(std::move(owner), LDNS_RR_TYPE_NAPTR, LDNS_RR_CLASS_IN, ttl);
        for (auto* field :
             {number(naptr.order), number(naptr.preference), flags, service, regexp, replacement.release()})
            ldns_rr_push_rdf(record, field);
        return {};
    }
    Result<> put_alias(const std::string& name, const std::string& target, std::uint32_t ttl) {
        BUDKAVLE_TRY(auto owner, name_of(name));
        BUDKAVLE_TRY(auto to, name_of(target));
        ldns_rr_push_rdf(add(std::move(owner), LDNS_RR_TYPE_CNAME, LDNS_RR_CLASS_IN, ttl), to.release());
        return {};
    }

private:
    ldns_rr* add(Name owner, ldns_rr_type type, ldns_rr_class klass, std::uint32_t ttl) {
        auto* record = ldns_rr_new();
        ldns_rr_set_owner(record, owner.release());
        ldns_rr_set_type(record, type);
        ldns_rr_set_class(record, klass);
        ldns_rr_set_ttl(record, ttl);
        ldns_rr_list_push_rr(list_.get(), record);
        return record;
    }
    std::unique_ptr<ldns_rr_list, decltype(&ldns_rr_list_deep_free)> list_;
};

/// At most: two deletions and the records, each with its owner and fixed fields.
std::size_t wire_size(const std::string& name, const NameContent& content) {
    constexpr std::size_t kFixed = 10;
    const auto owner = name.size() + 2 + kFixed;
    std::size_t out = 2 * owner;
    for (const auto& record : content.naptr)
        out +=
            owner + 9 + record.flags.size() + record.service.size() + record.regexp.size() + record.replacement.size();
    if (content.cname) out += owner + content.cname->size() + 2;
    return out;
}

Result<> judge(ldns_pkt_rcode code) {
    switch (code) {
        case LDNS_RCODE_NOERROR:
            return {};
        case LDNS_RCODE_REFUSED:
        case LDNS_RCODE_NOTAUTH:
        case LDNS_RCODE_NOTZONE:
        case LDNS_RCODE_FORMERR: {
            const auto* name = code == LDNS_RCODE_REFUSED   ? "REFUSED"
                               : code == LDNS_RCODE_NOTAUTH ? "NOTAUTH"
                               : code == LDNS_RCODE_NOTZONE ? "NOTZONE"
                                                            : "FORMERR";
            return fail("dns.refused", "RFC 2136", "name server", std::string("The name server refuses: ") + name + ".",
                        "Check its key, access rules and zone.");
        }
        default:
            return fail("dns.failed", "RFC 2136", "name server",
                        "The name server failed with code " + std::to_string(static_cast<int>(code)) + ".", {},
                        Retry::later);
    }
}

Result<PacketPtr> read_packet(ByteView wire, std::uint16_t id) {
    ldns_pkt* raw = nullptr;
    if (ldns_wire2pkt(&raw, wire.data(), wire.size()) != LDNS_STATUS_OK)
        return fail("dns.failed", "The name server sent a malformed answer.", Retry::later);
    PacketPtr packet(raw);
    if (ldns_pkt_id(raw) != id || !ldns_pkt_qr(raw))
        return fail("dns.failed", "The name server answered something else.", Retry::later);
    return packet;
}

std::string text_of(const ldns_rdf* name) {
    char* text = ldns_rdf2str(name);
    if (text == nullptr) return {};
    std::string out = canonical_name(text);
    std::free(text);
    return out;
}
std::string string_of(const ldns_rdf* field) {
    const std::string_view raw(reinterpret_cast<const char*>(ldns_rdf_data(field)), ldns_rdf_size(field));
    return raw.empty() ? std::string{} : std::string(raw.substr(1));
}

void take(const ldns_rr* record, std::map<std::string, NameContent>& into) {
    const auto type = ldns_rr_get_type(record);
    if (type == LDNS_RR_TYPE_NAPTR && ldns_rr_rd_count(record) == 6) {
        auto& content = into[text_of(ldns_rr_owner(record))];
        auto replacement = text_of(ldns_rr_rdf(record, 5));
        content.ttl = ldns_rr_ttl(record);
        content.naptr.push_back({ldns_rdf2native_int16(ldns_rr_rdf(record, 0)),
                                 ldns_rdf2native_int16(ldns_rr_rdf(record, 1)), string_of(ldns_rr_rdf(record, 2)),
                                 string_of(ldns_rr_rdf(record, 3)), string_of(ldns_rr_rdf(record, 4)),
                                 std::move(replacement)});
    } else if (type == LDNS_RR_TYPE_CNAME && ldns_rr_rd_count(record) == 1) {
        auto& content = into[text_of(ldns_rr_owner(record))];
        content.ttl = ldns_rr_ttl(record);
        content.cname = text_of(ldns_rr_rdf(record, 0));
    }
}

auto key_of(const Naptr& r) {
    return std::tuple(r.order, r.preference, to_lower_ascii(r.flags), to_lower_ascii(r.service), r.regexp,
                      canonical_name(r.replacement));
}

/// One signed update and its signed answer.
Result<> exchange(const Server& server, const TsigKey& key, std::chrono::milliseconds timeout, const std::string& zone,
                  const Records& updates) {
    BUDKAVLE_TRY(auto apex, name_of(zone));
    PacketPtr packet(ldns_update_pkt_new(apex.release(), LDNS_RR_CLASS_IN, nullptr, updates.get(), nullptr));
    if (!packet) return fail("dns.failed", "The update could not be built.");
    ldns_pkt_set_random_id(packet.get());
    const auto id = ldns_pkt_id(packet.get());
    BUDKAVLE_TRY(const auto request, sign(packet.get(), key));
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    BUDKAVLE_TRY(auto connection, Connection::open(server, deadline));
    BUDKAVLE_CHECK(connection.send(request.wire, deadline));
    BUDKAVLE_TRY(const auto wire, connection.receive(deadline));
    BUDKAVLE_TRY(const auto answer, read_packet(wire, id));
    // An error may come unsigned (the server may not know our key): it can only make us try again.
    BUDKAVLE_CHECK(judge(ldns_pkt_get_rcode(answer.get())));
    BUDKAVLE_CHECK(verify(answer.get(), wire, key, request.mac, false));
    return {};
}

}  // namespace

bool operator==(const NameContent& a, const NameContent& b) {
    if (a.empty() && b.empty()) return true;
    const auto sorted = [](const NameContent& content) {
        std::vector<decltype(key_of(content.naptr.front()))> out;
        for (const auto& record : content.naptr) out.push_back(key_of(record));
        std::ranges::sort(out);
        return out;
    };
    const auto target = [](const NameContent& content) { return content.cname ? canonical_name(*content.cname) : ""; };
    return a.ttl == b.ttl && target(a) == target(b) && sorted(a) == sorted(b);
}

Primary::Primary(Server server, TsigKey key, std::chrono::milliseconds timeout)
    : server_(std::move(server)), key_(std::move(key)), timeout_(timeout) {}

Result<> Primary::replace(const std::string& zone, std::span<const std::pair<std::string, NameContent>> names) const {
    // Measured before it is built, without compression: the library does not take a message over 65,535 octets.
    std::size_t size = 0;
    for (const auto& [name, content] : names) size += wire_size(name, content);
    if (size > kMaxUpdate) return fail("dns.too_long", "The update is too long for one message.");
    // An alias is dropped without a word where other records stand (RFC 2136 3.4.2.2), and Knot looks at what stood
    // there before the message: make room in one of its own.
    Records room;
    Records updates;
    bool aliases = false;
    for (const auto& [name, content] : names) {
        BUDKAVLE_CHECK(updates.clear(name, LDNS_RR_TYPE_NAPTR));
        BUDKAVLE_CHECK(updates.clear(name, LDNS_RR_TYPE_CNAME));
        for (const auto& record : content.naptr) BUDKAVLE_CHECK(updates.put(name, record, content.ttl));
        if (!content.cname) continue;
        aliases = true;
        BUDKAVLE_CHECK(room.clear(name, LDNS_RR_TYPE_NAPTR));
        BUDKAVLE_CHECK(updates.put_alias(name, *content.cname, content.ttl));
    }
    if (aliases) BUDKAVLE_CHECK(exchange(server_, key_, timeout_, zone, room));
    return exchange(server_, key_, timeout_, zone, updates);
}

Result<> Primary::probe(const std::string& zone) const {
    return replace(zone, {});
}

Result<std::map<std::string, NameContent>> Primary::transfer(const std::string& zone) const {
    BUDKAVLE_TRY(auto apex, name_of(zone));
    PacketPtr query(ldns_pkt_query_new(apex.release(), LDNS_RR_TYPE_AXFR, LDNS_RR_CLASS_IN, 0));
    if (!query) return fail("dns.failed", "The question could not be built.");
    ldns_pkt_set_random_id(query.get());
    const auto id = ldns_pkt_id(query.get());
    BUDKAVLE_TRY(const auto request, sign(query.get(), key_));
    const auto end = std::chrono::steady_clock::now() + 30 * timeout_;
    BUDKAVLE_TRY(auto connection, Connection::open(server_, std::chrono::steady_clock::now() + timeout_));
    BUDKAVLE_CHECK(connection.send(request.wire, std::chrono::steady_clock::now() + timeout_));
    std::map<std::string, NameContent> out;
    Bytes mac = request.mac;
    std::size_t records = 0;
    for (bool first = true;; first = false) {
        BUDKAVLE_TRY(const auto wire, connection.receive(std::min(end, std::chrono::steady_clock::now() + timeout_)));
        BUDKAVLE_TRY(const auto packet, read_packet(wire, id));
        BUDKAVLE_CHECK(judge(ldns_pkt_get_rcode(packet.get())));
        BUDKAVLE_TRY(mac, verify(packet.get(), wire, key_, mac, !first));
        const auto* answers = ldns_pkt_answer(packet.get());
        for (std::size_t i = 0; i < ldns_rr_list_rr_count(answers); ++i) {
            const auto* record = ldns_rr_list_rr(answers, i);
            const bool is_soa = ldns_rr_get_type(record) == LDNS_RR_TYPE_SOA;
            // The SOA record is the first and the last of a transfer (RFC 5936 2.2).
            if (records == 0 && !is_soa)
                return fail("dns.failed", "The transfer does not begin with the SOA record.", Retry::later);
            if (records++ > 0 && is_soa) return out;
            if (records > kMaxRecords) return fail("dns.failed", "The zone has more than 5 million records.");
            take(record, out);
        }
        if (std::chrono::steady_clock::now() > end)
            return fail("dns.timeout", "The transfer took too long.", Retry::later);
    }
}

}  // namespace budkavle::dns

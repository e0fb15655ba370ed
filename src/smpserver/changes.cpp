#include "smpserver/changes.hpp"

#include <array>
#include <boost/json.hpp>
#include <utility>

namespace budkavle::smpserver {
namespace {

namespace json = boost::json;

// Names and members, once for writing and reading.
constexpr std::array<std::string_view, std::variant_size_v<Change>> kNames{"operator.put",
                                                                           "operator.state",
                                                                           "operator.remove",
                                                                           "ap-certificate.add",
                                                                           "ap-certificate.remove",
                                                                           "ap-certificate.replace",
                                                                           "endpoint.put",
                                                                           "endpoint.remove",
                                                                           "endpoint.replace",
                                                                           "participant.add",
                                                                           "participant.organisation",
                                                                           "participant.remove",
                                                                           "participant.request-removal",
                                                                           "participant.status",
                                                                           "participant.suspended",
                                                                           "participant.move",
                                                                           "service.put",
                                                                           "service.remove",
                                                                           "certificate.add",
                                                                           "certificate.remove",
                                                                           "participant.republish"};

template <class F>
void members(PutOperator& c, F& f) {
    f("id", c.id);
    f("name", c.name);
}
template <class F>
void members(SetOperatorState& c, F& f) {
    f("id", c.id);
    f("state", c.state);
}
template <class F>
void members(RemoveOperator& c, F& f) {
    f("id", c.id);
}
template <class F>
void members(AddApCertificate& c, F& f) {
    f("operator", c.operator_id);
    f("name", c.name);
    f("certificate", c.certificate);
}
template <class F>
void members(RemoveApCertificate& c, F& f) {
    f("operator", c.operator_id);
    f("sha256", c.sha256);
}
template <class F>
void members(ReplaceApCertificate& c, F& f) {
    f("operator", c.operator_id);
    f("from", c.from_sha256);
    f("to", c.to_sha256);
}
template <class F>
void members(PutEndpoint& c, F& f) {
    f("operator", c.operator_id);
    f("name", c.name);
    f("uri", c.uri);
    f("profile", c.profile);
    f("certificateSha256", c.certificate_sha256);
    f("activation", c.activation);
    f("expiration", c.expiration);
    f("description", c.description);
    f("contact", c.contact);
}
template <class F>
void members(RemoveEndpoint& c, F& f) {
    f("operator", c.operator_id);
    f("name", c.name);
}
template <class F>
void members(ReplaceEndpoint& c, F& f) {
    f("operator", c.operator_id);
    f("from", c.from);
    f("to", c.to);
}
template <class F>
void members(AddParticipant& c, F& f) {
    f("operator", c.operator_id);
    f("participant", c.id);
    f("organisation", c.organisation);
    f("organisationNumber", c.organisation_number);
}
template <class F>
void members(SetOrganisation& c, F& f) {
    f("participant", c.participant);
    f("organisation", c.organisation);
    f("organisationNumber", c.organisation_number);
}
template <class F>
void members(RemoveParticipant& c, F& f) {
    f("participant", c.participant);
}
template <class F>
void members(RequestRemoval& c, F& f) {
    f("participant", c.participant);
    f("wanted", c.wanted);
}
template <class F>
void members(SetStatus& c, F& f) {
    f("participant", c.participant);
    f("status", c.status);
}
template <class F>
void members(SetSuspended& c, F& f) {
    f("participant", c.participant);
    f("suspended", c.suspended);
}
template <class F>
void members(MoveParticipant& c, F& f) {
    f("participant", c.participant);
    f("operator", c.operator_id);
}
template <class F>
void members(PutService& c, F& f) {
    f("participant", c.participant);
    f("document", c.document);
    f("process", c.process);
    f("endpoints", c.endpoints);
}
template <class F>
void members(RemoveService& c, F& f) {
    f("participant", c.participant);
    f("document", c.document);
    f("process", c.process);
}
template <class F>
void members(AddCertificate& c, F& f) {
    f("participant", c.participant);
    f("use", c.use);
    f("unit", c.unit);
    f("certificate", c.certificate);
    f("activation", c.activation);
    f("expiration", c.expiration);
}
template <class F>
void members(RemoveCertificate& c, F& f) {
    f("participant", c.participant);
    f("use", c.use);
    f("unit", c.unit);
    f("sha256", c.sha256);
}
template <class F>
void members(Republish& c, F& f) {
    f("participant", c.participant);
}

struct WriteMembers {
    json::object& out;
    void operator()(std::string_view key, const std::string& value) { out[key] = value; }
    void operator()(std::string_view key, bool value) { out[key] = value; }
    void operator()(std::string_view key, const std::optional<Time>& value) {
        if (value) out[key] = format_utc(*value);
    }
    void operator()(std::string_view key, const std::vector<std::string>& value) {
        out[key] = json::array(value.begin(), value.end());
    }
    template <class E>
        requires std::is_enum_v<E>
    void operator()(std::string_view key, E value) {
        out[key] = std::string(to_string(value));
    }
};

/// Unknown members, and members of another type, make the whole unreadable.
struct ReadMembers {
    const json::object& in;
    std::size_t taken = 1;  ///< "change" itself
    bool good = true;

    const json::value* take(std::string_view key) {
        const auto* found = in.if_contains(key);
        if (found != nullptr) ++taken;
        return found;
    }
    const json::string* take_text(std::string_view key) {
        const auto* found = take(key);
        if (found == nullptr || !found->is_string()) {
            good = good && found == nullptr;
            return nullptr;
        }
        return &found->get_string();
    }
    void operator()(std::string_view key, std::string& value) {
        if (const auto* text = take_text(key)) value = std::string(*text);
    }
    void operator()(std::string_view key, bool& value) {
        if (const auto* found = take(key)) {
            good = good && found->is_bool();
            if (found->is_bool()) value = found->get_bool();
        }
    }
    void operator()(std::string_view key, std::optional<Time>& value) {
        if (const auto* text = take_text(key)) {
            auto at = parse_time(*text);
            good = good && at.has_value();
            if (at) value = *at;
        }
    }
    void operator()(std::string_view key, std::vector<std::string>& value) {
        const auto* found = take(key);
        if (found == nullptr) return;
        if (!found->is_array()) {
            good = false;
            return;
        }
        for (const auto& item : found->get_array()) {
            good = good && item.is_string();
            if (item.is_string()) value.emplace_back(item.get_string());
        }
    }
    void operator()(std::string_view key, OperatorState& value) { read(key, value, parse_operator_state); }
    void operator()(std::string_view key, Status& value) { read(key, value, parse_status); }
    void operator()(std::string_view key, CertificateUse& value) { read(key, value, parse_certificate_use); }

private:
    template <class E, class Parse>
    void read(std::string_view key, E& value, Parse parse) {
        const auto* text = take_text(key);
        const auto parsed = text != nullptr ? parse(*text) : std::nullopt;
        good = good && parsed.has_value();
        if (parsed) value = *parsed;
    }
};

template <std::size_t I = 0>
std::optional<Change> read_as(std::string_view name, const json::object& in) {
    if constexpr (I < std::variant_size_v<Change>) {
        if (name != kNames[I]) return read_as<I + 1>(name, in);
        std::variant_alternative_t<I, Change> out;
        ReadMembers reader{in};
        members(out, reader);
        if (reader.good && reader.taken == in.size()) return out;
    }
    return std::nullopt;
}

bool asks(const SetStatus& change) {
    return change.status != Status::approved;
}
template <class T>
bool asks(const T&) {
    return std::is_same_v<T, SetOperatorState> || std::is_same_v<T, RemoveParticipant> ||
           std::is_same_v<T, RequestRemoval> || std::is_same_v<T, SetSuspended> || std::is_same_v<T, MoveParticipant>;
}

}  // namespace

std::string_view name_of(const Change& change) {
    return kNames[change.index()];
}

bool asks_for_reason(const Change& change) {
    return std::visit([](const auto& one) { return asks(one); }, change);
}

std::string to_json(const Change& change) {
    json::object out{{"change", std::string(name_of(change))}};
    WriteMembers writer{out};
    auto copy = change;
    std::visit([&](auto& one) { members(one, writer); }, copy);
    return json::serialize(out);
}

Result<Change> change_from_json(std::string_view text) {
    boost::system::error_code ec;
    const auto parsed = json::parse(text, ec);
    const auto* object = ec ? nullptr : parsed.if_object();
    const auto* name = object != nullptr ? object->if_contains("change") : nullptr;
    if (name != nullptr && name->is_string()) {
        if (auto change = read_as(name->get_string(), *object)) return *std::move(change);
    }
    return fail("registry.change", "", "change", "This is no change that the register knows.");
}

}  // namespace budkavle::smpserver

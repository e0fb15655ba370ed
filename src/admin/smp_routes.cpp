#include "admin/smp_actor.hpp"
#include "admin/smp_json.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;
namespace smp = smpserver;
using smp_json::of;

// Who may, as `federation.md` 5.1 and 7.5 have it; the register holds the same table and checks it too.
constexpr Roles kOwners = Role::system_administrator | Role::federation_owner;
constexpr Roles kOperators =
    Role::operator_administrator | Role::operator_administrator_plus | Role::client_writer | Role::system_administrator;
constexpr Roles kDeciders = Role::federation_owner | Role::operator_administrator_plus | Role::system_administrator;
constexpr Roles kCertifiers = kDeciders | Role::organisation_administrator;
constexpr Roles kReaders = kOwners | Role::auditor | Role::client_reader | kOperators;
constexpr Roles kParticipantReaders = kReaders | Role::organisation_administrator;

smp::Page page_in(const Context& c) {
    return {.limit = static_cast<std::size_t>(c.page.limit), .after = c.page.after};
}
/// Lists below an operator are that operator's, whoever reads them.
smp::Actor reader(const Context& c) {
    auto actor = smp_actor(c);
    actor.role = smp::Role::operator_admin;
    return actor;
}
template <class T>
Result<Answer> listed(Result<smp::Listed<T>> found) {
    if (!found) return std::unexpected(found.error());
    return Answer{.body = part_of(list_of(found->items, [](const T& one) { return of(one); }), found->next)};
}
template <class T>
Result<Answer> shown(Result<T> found) {
    if (!found) return std::unexpected(found.error());
    return Answer{.body = of(*found), .version = found->version};
}
smp::ChangeOptions options_of(const Context& c) {
    return {.reason = c.reason, .expected_version = c.expected_version};
}

Result<Answer> carry_out(smp::Register& reg, Context& c, const smp::Change& change) {
    json::error_code ec;
    c.changed(std::move(c.old_value), json::parse(smp::to_json(change), ec));
    BUDKAVLE_TRY(const auto done, reg.change(smp_actor(c), change, options_of(c)));
    c.about(std::string(smp::to_string(done.object.kind)), done.object.key);
    return Answer{.body = of(done), .version = done.version};
}

/// The participant of the path, which has to be one of the operator of the path: whoever asks, another operator's is
/// not here (SEC-31).
Result<smp::ParticipantRecord> own_participant(const smp::Register& reg, Context& c) {
    BUDKAVLE_TRY(auto found, reg.participant(smp_actor(c), c.parameter("participant")));
    if (found.operator_id != c.parameter("operator"))
        return fail("registry.unknown", "SEC-31", "path", "There is no such object.", {});
    c.old_value = of(found);
    return found;
}
template <class Make>
Function change_participant(smp::Register* reg, Make make) {
    return [reg, make](Context& c) -> Result<Answer> {
        BUDKAVLE_CHECK(own_participant(*reg, c));
        BUDKAVLE_TRY(const smp::Change change, make(c, c.parameter("participant")));
        return carry_out(*reg, c, change);
    };
}
template <class Make>
Function change_operator(smp::Register* reg, Make make) {
    return [reg, make](Context& c) -> Result<Answer> {
        BUDKAVLE_TRY(const smp::Change change, make(c, c.parameter("operator")));
        return carry_out(*reg, c, change);
    };
}

/// Changes that may come later or in bulk: those that one person alone may make. What needs a second person now would
/// otherwise get by without (SEC-55).
Result<smp::Change> later_change(const Context& c) {
    const auto* given = c.body.if_contains("change");
    BUDKAVLE_TRY(auto change, smp::change_from_json(given == nullptr ? std::string() : json::serialize(*given)));
    const bool alone =
        std::holds_alternative<smp::PutEndpoint>(change) || std::holds_alternative<smp::ReplaceApCertificate>(change) ||
        std::holds_alternative<smp::ReplaceEndpoint>(change) || std::holds_alternative<smp::PutService>(change) ||
        std::holds_alternative<smp::RemoveService>(change);
    if (alone) return change;
    return fail("registry.change", "SEC-55", "body.change", "This kind of change cannot be planned or made in bulk.",
                "Use its own operation.");
}
/// The operator in the path and the one of the change are the same; participants are the register's to check.
Result<> of_this_operator(const smp::Register& reg, const Context& c, const smp::Change& change) {
    std::string named = c.parameter("operator");
    std::string participant;
    std::visit(
        [&](const auto& one) {
            if constexpr (requires { one.operator_id; }) named = one.operator_id;
            if constexpr (requires { one.participant; }) participant = one.participant;
        },
        change);
    if (!participant.empty()) {
        BUDKAVLE_TRY(const auto found, reg.participant(smp_actor(c), participant));
        named = found.operator_id;
    }
    if (named == c.parameter("operator")) return {};
    return fail("registry.unknown", "SEC-31", "path", "There is no such object.", {});
}

Result<Answer> list_operators(const smp::Register& reg, const Context& c) {
    if (c.visible.all) return listed(reg.operators(smp_actor(c), page_in(c)));
    json::array items;
    for (const auto& id : c.visible.operators) {
        const auto one = reg.operator_record(smp_actor(c, id), id);
        if (one) items.push_back(of(*one));
    }
    return Answer{.body = part_of(std::move(items), {})};
}

Schema services_schema() {
    return Schema::object({{"document", Schema::text(1, 500)},
                           optional("process", Schema::text(1, 500)),
                           {"endpoints", Schema::list(Schema::text(1, 128), 10)}});
}

void operator_routes(RouteTable& t, smp::Register* reg) {
    const auto read = [](const char* what) { return Permission(what, Action::read, Reach::one_operator, kReaders); };
    const auto own = [](const char* what, Action action) {
        return Permission(what, action, Reach::one_operator, kOperators);
    };
    t.get("/operators", "smp.operators", {"List the operators", "Lista operatörer"},
          Permission("operator", Action::read, Reach::collection, kReaders))
        .with_cursor()
        .returns(Schema::part_of(smp_json::operator_schema()))
        .does([reg](Context& c) { return list_operators(*reg, c); });
    t.get("/operators/{operator}", "smp.operator", {"Show an operator", "Visa en operatör"}, read("operator"))
        .returns(smp_json::operator_schema())
        .does([reg](Context& c) { return shown(reg->operator_record(smp_actor(c), c.parameter("operator"))); });
    const Permission manage("operator", Action::change, Reach::one_operator, Role::system_administrator);
    t.put("/operators/{operator}", "smp.put-operator",
          {"Add or rename an operator", "Lägg till eller byt namn på en operatör"}, manage)
        .takes(Schema::object({{"name", Schema::text(1, 200)}}))
        .returns(smp_json::outcome_schema())
        .does(change_operator(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::PutOperator{.id = id, .name = c.text("name")};
        }));
    t.post("/operators/{operator}/state", "smp.operator-state",
           {"Activate, suspend or close an operator", "Aktivera, stäng av eller avsluta en operatör"}, manage)
        .takes(Schema::object({{"state", Schema::choice({"active", "suspended", "closed"})}}))
        .returns(smp_json::outcome_schema())
        .explained()
        .does(change_operator(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::SetOperatorState{.id = id, .state = *smp::parse_operator_state(c.text("state"))};
        }));
    t.remove("/operators/{operator}", "smp.remove-operator",
             {"Remove an operator that has nothing left", "Ta bort en operatör som inte har något kvar"},
             Permission("operator", Action::remove, Reach::one_operator, Role::system_administrator))
        .returns(smp_json::outcome_schema())
        .explained()
        .does(change_operator(reg, [](const Context&, const std::string& id) -> Result<smp::Change> {
            return smp::RemoveOperator{.id = id};
        }));

    t.get("/operators/{operator}/ap-certificates", "smp.ap-certificates",
          {"List access point certificates", "Lista accesspunktscertifikat"}, read("ap-certificate"))
        .with_cursor()
        .returns(Schema::part_of(smp_json::ap_certificate_schema()))
        .does(
            [reg](Context& c) { return listed(reg->ap_certificates(reader(c), c.parameter("operator"), page_in(c))); });
    t.get("/operators/{operator}/ap-certificates/{sha256}", "smp.ap-certificate",
          {"Show an access point certificate", "Visa ett accesspunktscertifikat"}, read("ap-certificate"))
        .returns(smp_json::ap_certificate_schema())
        .does([reg](Context& c) {
            return shown(reg->ap_certificate(reader(c), c.parameter("operator"), c.parameter("sha256")));
        });
    t.post("/operators/{operator}/ap-certificates", "smp.add-ap-certificate",
           {"Add an access point certificate", "Lägg till ett accesspunktscertifikat"},
           own("ap-certificate", Action::create))
        .takes(Schema::object({{"name", Schema::text(1, 128)}, {"certificate", pem_text()}}))
        .returns(smp_json::outcome_schema())
        .idempotent()
        .does(change_operator(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::AddApCertificate{
                .operator_id = id, .name = c.text("name"), .certificate = c.text("certificate")};
        }));
    t.remove("/operators/{operator}/ap-certificates/{sha256}", "smp.remove-ap-certificate",
             {"Remove an unused access point certificate", "Ta bort ett oanvänt accesspunktscertifikat"},
             own("ap-certificate", Action::remove))
        .returns(smp_json::outcome_schema())
        .does(change_operator(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::RemoveApCertificate{.operator_id = id, .sha256 = c.parameter("sha256")};
        }));
    t.post("/operators/{operator}/ap-certificates/{sha256}/replacement", "smp.replace-ap-certificate",
           {"Let every endpoint use another certificate and publish all of them anew",
            "Låt alla ändpunkter använda ett annat certifikat och publicera om"},
           own("ap-certificate", Action::execute))
        .takes(Schema::object({{"by", sha256_text()}}))
        .returns(smp_json::outcome_schema())
        .does(change_operator(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::ReplaceApCertificate{
                .operator_id = id, .from_sha256 = c.parameter("sha256"), .to_sha256 = c.text("by")};
        }));

    t.get("/operators/{operator}/endpoints", "smp.endpoints",
          {"List endpoint configurations", "Lista ändpunktskonfigurationer"}, read("endpoint"))
        .with_cursor()
        .returns(Schema::part_of(smp_json::endpoint_schema()))
        .does([reg](Context& c) { return listed(reg->endpoints(reader(c), c.parameter("operator"), page_in(c))); });
    t.get("/operators/{operator}/endpoints/{endpoint}", "smp.endpoint",
          {"Show an endpoint configuration", "Visa en ändpunktskonfiguration"}, read("endpoint"))
        .returns(smp_json::endpoint_schema())
        .does([reg](Context& c) {
            return shown(reg->endpoint(reader(c), c.parameter("operator"), c.parameter("endpoint")));
        });
    t.put("/operators/{operator}/endpoints/{endpoint}", "smp.put-endpoint",
          {"Add or change an endpoint; all that use it are published anew",
           "Lägg till eller ändra en ändpunkt; allt som använder den publiceras om"},
          own("endpoint", Action::change))
        .takes(Schema::object({{"uri", Schema::text(1, 500)},
                               {"profile", Schema::text(1, 128)},
                               {"certificateSha256", sha256_text()},
                               optional("activation", Schema::time()),
                               optional("expiration", Schema::time()),
                               optional("description", short_text()),
                               optional("contact", short_text(500))}))
        .returns(smp_json::outcome_schema())
        .does([reg](Context& c) -> Result<Answer> {
            const auto id = c.parameter("operator");
            if (const auto old = reg->endpoint(reader(c), id, c.parameter("endpoint"))) c.old_value = of(*old);
            BUDKAVLE_TRY(const auto activation, time_in(c, "activation"));
            BUDKAVLE_TRY(const auto expiration, time_in(c, "expiration"));
            return carry_out(*reg, c,
                             smp::PutEndpoint{.operator_id = id,
                                              .name = c.parameter("endpoint"),
                                              .uri = c.text("uri"),
                                              .profile = c.text("profile"),
                                              .certificate_sha256 = c.text("certificateSha256"),
                                              .activation = activation,
                                              .expiration = expiration,
                                              .description = c.text("description"),
                                              .contact = c.text("contact")});
        });
    t.remove("/operators/{operator}/endpoints/{endpoint}", "smp.remove-endpoint",
             {"Remove an unused endpoint", "Ta bort en oanvänd ändpunkt"}, own("endpoint", Action::remove))
        .returns(smp_json::outcome_schema())
        .does(change_operator(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::RemoveEndpoint{.operator_id = id, .name = c.parameter("endpoint")};
        }));
    t.post("/operators/{operator}/endpoints/{endpoint}/replacement", "smp.replace-endpoint",
           {"Let every service use another endpoint", "Låt alla tjänster använda en annan ändpunkt"},
           own("endpoint", Action::execute))
        .takes(Schema::object({{"by", Schema::text(1, 128)}}))
        .returns(smp_json::outcome_schema())
        .does(change_operator(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::ReplaceEndpoint{.operator_id = id, .from = c.parameter("endpoint"), .to = c.text("by")};
        }));
}

void participant_routes(RouteTable& t, smp::Register* reg) {
    const auto may = [](const char* what, Action action, Roles roles) {
        return Permission(what, action, Reach::one_organisation, roles);
    };
    const std::string one = "/operators/{operator}/participants/{participant}";
    t.get("/operators/{operator}/participants", "smp.participants",
          {"List and search participants", "Lista och sök deltagare"},
          Permission("participant", Action::read, Reach::one_operator, kReaders))
        .with_cursor()
        .asks("status", Schema::choice({"pending", "approved", "rejected"}))
        .asks("publishState", Schema::choice({"none", "queued", "published", "failed"}))
        .asks("text", Schema::text(1, 128), "part of identifier or organisation")
        .returns(Schema::part_of(smp_json::participant_schema()))
        .does([reg](Context& c) {
            const smp::ParticipantFilter filter{.operator_id = c.parameter("operator"),
                                                .status = smp::parse_status(c.asked("status")),
                                                .publish_state = smp::parse_publish_state(c.asked("publishState")),
                                                .text = c.asked("text")};
            return listed(reg->participants(reader(c), filter, page_in(c)));
        });
    t.get(one, "smp.participant",
          {"Show a participant with services and certificates", "Visa en deltagare med tjänster och certifikat"},
          may("participant", Action::read, kParticipantReaders))
        .returns(smp_json::participant_schema())
        .does([reg](Context& c) { return shown(own_participant(*reg, c)); });
    t.post("/operators/{operator}/participants", "smp.add-participant",
           {"Register a participant; it waits for approval", "Registrera en deltagare; den väntar på godkännande"},
           Permission("participant", Action::create, Reach::one_operator, kOperators))
        .takes(Schema::object({{"id", Schema::token(200)},
                               optional("organisation", short_text()),
                               optional("organisationNumber", Schema::text(10, 11))}))
        .returns(smp_json::outcome_schema(), 201)
        .idempotent()
        .does(change_operator(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::AddParticipant{.operator_id = id,
                                       .id = c.text("id"),
                                       .organisation = c.text("organisation"),
                                       .organisation_number = c.text("organisationNumber")};
        }));
    t.put(one + "/organisation", "smp.set-organisation",
          {"Set name and number of the organisation", "Ange organisationens namn och nummer"},
          may("participant", Action::change, kDeciders))
        .takes(Schema::object({{"organisation", short_text()}, {"organisationNumber", Schema::text(0, 11)}}))
        .returns(smp_json::outcome_schema())
        .does(change_participant(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::SetOrganisation{.participant = id,
                                        .organisation = c.text("organisation"),
                                        .organisation_number = c.text("organisationNumber")};
        }));
    t.remove(one, "smp.remove-participant",
             {"Remove a participant with metadata, certificates and DNS record",
              "Ta bort en deltagare med metadata, certifikat och DNS-post"},
             may("participant", Action::remove, kDeciders | kOperators))
        .returns(smp_json::outcome_schema())
        .explained()
        .does(change_participant(reg, [](const Context&, const std::string& id) -> Result<smp::Change> {
            return smp::RemoveParticipant{.participant = id};
        }));
    t.post(one + "/removal-request", "smp.request-removal",
           {"Ask the federation to remove a participant", "Be federationen att ta bort en deltagare"},
           may("participant", Action::change, kOperators))
        .takes(Schema::object({{"wanted", Schema::boolean()}}))
        .returns(smp_json::outcome_schema())
        .explained()
        .does(change_participant(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::RequestRemoval{.participant = id, .wanted = c.flag("wanted", true)};
        }));
    t.post(one + "/status", "smp.status",
           {"Approve or reject a participant, or make it pending",
            "Godkänn eller avslå en deltagare, eller återställ till väntande"},
           may("participant", Action::decide, kDeciders))
        .takes(Schema::object({{"status", Schema::choice({"pending", "approved", "rejected"})}}))
        .returns(smp_json::outcome_schema())
        .four_eyes(FourEyes::standard, kDeciders)
        .does(change_participant(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::SetStatus{.participant = id, .status = *smp::parse_status(c.text("status"))};
        }));
    t.post(one + "/suspension", "smp.suspend",
           {"Suspend a participant at once, or end that", "Stäng av en deltagare genast, eller häv det"},
           may("participant", Action::decide, kDeciders))
        .takes(Schema::object({{"suspended", Schema::boolean()}}))
        .returns(smp_json::outcome_schema())
        .explained()
        .does(change_participant(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::SetSuspended{.participant = id, .suspended = c.flag("suspended", true)};
        }));
    t.post(one + "/move", "smp.move",
           {"Move a participant to another operator", "Flytta en deltagare till en annan operatör"},
           may("participant", Action::execute, kOwners))
        .takes(Schema::object({{"to", Schema::token(64)}}))
        .returns(smp_json::outcome_schema())
        .explained()
        .four_eyes(FourEyes::standard, kOwners)
        .does(change_participant(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            return smp::MoveParticipant{.participant = id, .operator_id = c.text("to")};
        }));
    t.post(one + "/publication", "smp.republish",
           {"Try again at once what is queued or failed", "Försök genast igen med det som köar eller misslyckats"},
           may("participant", Action::execute, kOperators | kDeciders))
        .returns(smp_json::outcome_schema())
        .does(change_participant(reg, [](const Context&, const std::string& id) -> Result<smp::Change> {
            return smp::Republish{.participant = id};
        }));
    t.post(one + "/services", "smp.put-service",
           {"Add or replace a service: document type, process, endpoints",
            "Lägg till eller ersätt en tjänst: dokumenttyp, process, ändpunkter"},
           may("service", Action::change, kOperators))
        .takes(services_schema())
        .returns(smp_json::outcome_schema())
        .does(change_participant(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            smp::PutService put{.participant = id, .document = c.text("document"), .endpoints = c.texts("endpoints")};
            if (c.has("process")) put.process = c.text("process");
            return put;
        }));
    t.post(one + "/service-removals", "smp.remove-service",
           {"Remove a service; with the last one the participant is unpublished",
            "Ta bort en tjänst; med den sista avpubliceras deltagaren"},
           may("service", Action::remove, kOperators))
        .takes(Schema::object({{"document", Schema::text(1, 500)}, optional("process", Schema::text(1, 500))}))
        .returns(smp_json::outcome_schema())
        .does(change_participant(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            smp::RemoveService remove{.participant = id, .document = c.text("document")};
            if (c.has("process")) remove.process = c.text("process");
            return remove;
        }));
    t.post(one + "/certificates", "smp.add-certificate",
           {"Publish a participant certificate (CertPub)", "Publicera ett deltagarcertifikat (CertPub)"},
           may("certificate", Action::create, kCertifiers))
        .takes(Schema::object({{"use", Schema::choice({"signing", "encryption"})},
                               {"certificate", pem_text()},
                               optional("unit", Schema::text(1, 200)),
                               optional("activation", Schema::time()),
                               optional("expiration", Schema::time())}))
        .returns(smp_json::outcome_schema())
        .four_eyes(FourEyes::standard, kCertifiers)
        .does(change_participant(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            BUDKAVLE_TRY(const auto activation, time_in(c, "activation"));
            BUDKAVLE_TRY(const auto expiration, time_in(c, "expiration"));
            return smp::AddCertificate{.participant = id,
                                       .use = *smp::parse_certificate_use(c.text("use")),
                                       .certificate = c.text("certificate"),
                                       .unit = c.text("unit"),
                                       .activation = activation,
                                       .expiration = expiration};
        }));
    t.remove(one + "/certificates/{use}/{sha256}", "smp.remove-certificate",
             {"Withdraw a participant certificate", "Dra tillbaka ett deltagarcertifikat"},
             may("certificate", Action::remove, kCertifiers))
        .asks("unit", Schema::text(1, 200))
        .returns(smp_json::outcome_schema())
        .explained()
        .does(change_participant(reg, [](const Context& c, const std::string& id) -> Result<smp::Change> {
            const auto use = smp::parse_certificate_use(c.parameter("use"));
            if (!use) return fail("request.path", {}, "use", "The use is neither signing nor encryption.", {});
            return smp::RemoveCertificate{
                .participant = id, .use = *use, .sha256 = c.parameter("sha256"), .unit = c.asked("unit")};
        }));
    t.get(one + "/history", "smp.history",
          {"Show every version of a participant: who, when, why, before, after",
           "Visa alla versioner av en deltagare: vem, när, varför, före, efter"},
          may("history", Action::read, kParticipantReaders))
        .with_cursor()
        .returns(Schema::part_of(smp_json::history_schema()))
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_CHECK(own_participant(*reg, c));
            return listed(reg->history(
                reader(c), {smp::ObjectKind::participant, c.parameter("operator"), c.parameter("participant")},
                page_in(c)));
        });
    t.post(
         one + "/rollback", "smp.roll-back",
         {"Make a participant say again what it said at a version", "Återställ en deltagare till en tidigare version"},
         may("history", Action::execute, kDeciders))
        .takes(Schema::object({{"version", Schema::integer(1)}}))
        .returns(smp_json::outcome_schema())
        .explained()
        .four_eyes(FourEyes::standard, kDeciders)  // certificates come back with it
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_CHECK(own_participant(*reg, c));
            BUDKAVLE_TRY(const auto done, reg->roll_back(smp_actor(c),
                                                         {smp::ObjectKind::participant, c.parameter("operator"),
                                                          c.parameter("participant")},
                                                         c.number("version"), options_of(c)));
            return Answer{.body = of(done), .version = done.version};
        });
}

void work_routes(RouteTable& t, smp::Register* reg) {
    const auto read = [](const char* what) { return Permission(what, Action::read, Reach::one_operator, kReaders); };
    const auto own = [](const char* what, Action action) {
        return Permission(what, action, Reach::one_operator, kOperators);
    };
    const auto change =
        Schema::object({{"change", Schema::anything(), true, "as `change` of a planned change shows it"}});
    const std::string base = "/operators/{operator}";
    t.get(base + "/endpoints/{endpoint}/history", "smp.endpoint-history",
          {"Show every version of an endpoint", "Visa alla versioner av en ändpunkt"}, read("history"))
        .with_cursor()
        .returns(Schema::part_of(smp_json::history_schema()))
        .does([reg](Context& c) {
            return listed(reg->history(
                reader(c), {smp::ObjectKind::endpoint, c.parameter("operator"), c.parameter("endpoint")}, page_in(c)));
        });
    t.post(base + "/endpoints/{endpoint}/rollback", "smp.roll-back-endpoint",
           {"Make an endpoint say again what it said at a version", "Återställ en ändpunkt till en tidigare version"},
           own("history", Action::execute))
        .takes(Schema::object({{"version", Schema::integer(1)}}))
        .returns(smp_json::outcome_schema())
        .explained()
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto done,
                         reg->roll_back(smp_actor(c),
                                        {smp::ObjectKind::endpoint, c.parameter("operator"), c.parameter("endpoint")},
                                        c.number("version"), options_of(c)));
            return Answer{.body = of(done), .version = done.version};
        });
    t.post(base + "/previews", "smp.preview",
           {"Show which published answers a change would alter, and how",
            "Visa vilka publicerade svar en ändring skulle påverka och hur"},
           own("preview", Action::execute))
        .takes(change)
        .returns(smp_json::preview_schema())
        .does([reg](Context& c) -> Result<Answer> {
            const auto* given = c.body.if_contains("change");
            BUDKAVLE_TRY(const auto wanted, smp::change_from_json(json::serialize(*given)));
            BUDKAVLE_CHECK(of_this_operator(*reg, c, wanted));
            BUDKAVLE_TRY(const auto found, reg->preview(smp_actor(c), wanted));
            return Answer{.body = of(found)};
        });
    t.post(base + "/planned-changes", "smp.plan", {"Plan a change for a moment", "Planera en ändring till en tidpunkt"},
           own("planned-change", Action::create))
        .takes(Schema::object({{"change", Schema::anything()}, {"at", Schema::time()}}))
        .returns(smp_json::planned_schema(), 201)
        .idempotent()
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto wanted, later_change(c));
            BUDKAVLE_CHECK(of_this_operator(*reg, c, wanted));
            BUDKAVLE_TRY(const auto at, parse_time(c.text("at")));
            c.changed(nullptr, c.body);
            BUDKAVLE_TRY(const auto made, reg->plan(smp_actor(c), wanted, at, options_of(c)));
            return Answer{.body = of(made)};
        });
    t.get(base + "/planned-changes", "smp.planned", {"List planned changes", "Lista planerade ändringar"},
          read("planned-change"))
        .with_cursor()
        .returns(Schema::part_of(smp_json::planned_schema()))
        .does([reg](Context& c) { return listed(reg->planned(reader(c), page_in(c))); });
    t.remove(base + "/planned-changes/{change}", "smp.cancel-planned",
             {"Cancel a planned change", "Avbryt en planerad ändring"}, own("planned-change", Action::remove))
        .returns_nothing()
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_CHECK(reg->cancel_planned(smp_actor(c), c.parameter("change")));
            return Answer{};
        });
    t.post(base + "/bulk-changes", "smp.start-bulk",
           {"Change all participants of an operator: signed in the background, switched at once",
            "Ändra alla operatörens deltagare: signeras i bakgrunden, byts på en gång"},
           own("bulk-change", Action::create))
        .takes(change)
        .returns(smp_json::bulk_schema(), 202)
        .idempotent()
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto wanted, later_change(c));
            BUDKAVLE_CHECK(of_this_operator(*reg, c, wanted));
            c.changed(nullptr, c.body);
            BUDKAVLE_TRY(const auto made, reg->start_bulk(smp_actor(c), wanted, options_of(c)));
            return Answer{.body = of(made),
                          .location = "/smp/operators/" + c.parameter("operator") + "/bulk-changes/" + made.id};
        });
    t.get(base + "/bulk-changes", "smp.bulks", {"List bulk changes", "Lista massändringar"}, read("bulk-change"))
        .with_cursor()
        .returns(Schema::part_of(smp_json::bulk_schema()))
        .does([reg](Context& c) { return listed(reg->bulks(reader(c), page_in(c))); });
    t.get(base + "/bulk-changes/{change}", "smp.bulk",
          {"Show the progress of a bulk change", "Visa hur långt en massändring kommit"}, read("bulk-change"))
        .returns(smp_json::bulk_schema())
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto found, reg->bulk(reader(c), c.parameter("change")));
            if (found.operator_id != c.parameter("operator"))
                return fail("registry.unknown", "SEC-31", "path", "There is no such object.", {});
            return Answer{.body = of(found)};
        });
    t.remove(base + "/bulk-changes/{change}", "smp.cancel-bulk", {"Cancel a bulk change", "Avbryt en massändring"},
             own("bulk-change", Action::remove))
        .returns_nothing()
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_CHECK(reg->cancel_bulk(smp_actor(c), c.parameter("change")));
            return Answer{};
        });
    t.get(base + "/events", "smp.events", {"Show what was changed, newest first", "Visa vad som ändrats, nyast först"},
          read("history"))
        .with_cursor()
        .returns(Schema::part_of(smp_json::history_schema()))
        .does([reg](Context& c) { return listed(reg->events(reader(c), page_in(c))); });
    t.get(base + "/locator-queue", "smp.queue",
          {"Show what is on its way to SML or DNS", "Visa vad som är på väg till SML eller DNS"}, read("locator-queue"))
        .with_cursor()
        .returns(Schema::part_of(smp_json::locator_schema()))
        .does([reg](Context& c) { return listed(reg->locator_queue(reader(c), page_in(c))); });
    t.get(base + "/certificate-findings", "smp.findings",
          {"Show certificates that end, are revoked or not trusted",
           "Visa certifikat som går ut, är spärrade eller inte betrodda"},
          read("finding"))
        .with_cursor()
        .returns(Schema::part_of(smp_json::finding_schema()))
        .does([reg](Context& c) { return listed(reg->findings(reader(c), page_in(c))); });
    t.post("/publication", "smp.publish-all",
           {"Sign anew whatever differs: a new signer or address",
            "Signera om allt som skiljer: ny signerare eller adress"},
           Permission("publication", Action::execute, Reach::installation, Role::system_administrator))
        .returns(Schema::object({{"queued", Schema::integer()}}))
        .explained()
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto queued, reg->publish_all(smp_actor(c)));
            return Answer{.body = json::object{{"queued", queued}}};
        });
}

}  // namespace

Routes smp_routes(const Services& services) {
    RouteTable t("/smp");
    operator_routes(t, services.registry);
    participant_routes(t, services.registry);
    work_routes(t, services.registry);
    return t.take();
}

}  // namespace budkavle::admin

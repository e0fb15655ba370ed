/// as4-wire.md 1.4 UserMessage, access-point.md 1 processing mode.

#include "as4/names.hpp"
#include "catalogue.hpp"

namespace budkavle::conformance {
namespace {

Catalogue::Change in_message(std::function<void(as4::UserMessage&, Draw&)> change) {
    return [change](MessageForge& forge, Draw& draw, const Cast&) { change(forge.message, draw); };
}

/// Without one element of the markup.
Catalogue::Change without(std::vector<std::pair<std::string, std::string>> elements) {
    return [elements](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_messaging = [element = draw.turn(elements)](std::string& text) {
            cut(text, element.first, element.second);
        };
    };
}

void add_message_info(Catalogue& all) {
    all.adverse("1.4-message-id-characters", "as4-wire 1.4 MessageId", "EBMS:0009", 6,
                in_message([](auto& message, Draw& draw) {
                    message.message_id = draw.turn(std::vector<std::string>{"a b@host", "a\tb@host", "\xC3\xA5@host",
                                                                            "a\nb", "x\xE2\x80\x8B@h", "a b"}) +
                                         std::to_string(draw.below(1000));
                }));
    all.adverse(
        "1.4-message-id-length", "as4-wire 1.4 MessageId", "EBMS:0009", 3, in_message([](auto& message, Draw& draw) {
            message.message_id = draw.variant == 2 ? "" : std::string(256 + draw.variant * 300 + draw.below(100), 'm');
        }));
    all.adverse("1.4-message-id-missing", "as4-wire 1.4 MessageI", "EBMS:0009", 1,
                without({{"<eb:MessageId>", "</eb:MessageId>"}}));
    all.adverse(
        "1.4-timestamp", "as4-wire 1.4 Timestamp", "EBMS:0009", 8, [](MessageForge& forge, Draw& draw, const Cast&) {
            const auto value = draw.turn(
                std::vector<std::string>{"yesterday", "2026-11-22", "2026-11-22T10:00:00", "2026-02-30T10:00:00.000Z",
                                         "2026-11-22T25:00:00.000Z", "", "20261122T100000Z", "2026-11-22 10:00:00Z"});
            forge.on_messaging = [value](std::string& text) {
                const auto [first, size] = span_of(text, "<eb:Timestamp>", "</eb:Timestamp>");
                text.replace(first, size, "<eb:Timestamp>" + value + "</eb:Timestamp>");
            };
        });
    all.adverse("1.4-message-info-missing", "as4-wire 1.4", "EBMS:0009", 2,
                without({{"<eb:MessageInfo>", "</eb:MessageInfo>"}, {"<eb:Timestamp>", "</eb:Timestamp>"}}));
    all.adverse("1.4-mpc", "as4-wire 1.4 mpc", "EBMS:0001", 2, in_message([](auto& message, Draw& draw) {
                    message.mpc = draw.turn(std::vector<std::string>{
                        "urn:other", "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/defaultMPC/x"});
                }));
}

void add_messages(Catalogue& all) {
    all.adverse("1.4-two-user-messages", "as4-wire 1.4 UserMessage", "EBMS:0003", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_messaging = [empty = draw.variant == 0](std::string& text) {
                        const auto [first, size] = span_of(text, "<eb:UserMessage", "</eb:UserMessage>");
                        text.insert(first + size, empty ? "<eb:UserMessage/>" : text.substr(first, size));
                    };
                });
    all.adverse("1.4-no-user-message", "as4-wire 1.4 UserMessage", "EBMS:0009", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_messaging = [other = draw.variant == 1](std::string& text) {
                        cut(text, "<eb:UserMessage", "</eb:UserMessage>");
                        if (other) replace(text, "</eb:Messaging>", "<x:x xmlns:x=\"urn:x\"/></eb:Messaging>");
                    };
                });
    all.adverse("1.4-schema-order", "as4-wire 1.4", "EBMS:0009", 4, [](MessageForge& forge, Draw& draw, const Cast&) {
        const auto swap =
            draw.turn(std::vector<std::pair<std::string, std::string>>{{"MessageInfo", "PartyInfo"},
                                                                       {"CollaborationInfo", "MessageProperties"},
                                                                       {"MessageProperties", "PayloadInfo"},
                                                                       {"Service", "Action"}});
        forge.on_messaging = [swap](std::string& text) {
            const auto first = cut(text, "<eb:" + swap.first, "</eb:" + swap.first + ">");
            const auto end = "</eb:" + swap.second + ">";
            replace(text, end, end + first);
        };
    });
    all.adverse("1.4-schema-unknown", "as4-wire 1.4", "EBMS:0009", 6,
                in_messaging({{"<eb:Action>", "<eb:Unknown/><eb:Action>"},
                              {"<eb:MessageInfo>", R"(<eb:MessageInfo x="1">)"},
                              {"<eb:PartyInfo>", "<eb:PartyInfo>text"},
                              {"</eb:PartyInfo>", "<eb:Bcc/></eb:PartyInfo>"},
                              {"<eb:Role>", "<eb:Role><x/>"},
                              {"<eb:UserMessage>", R"(<eb:UserMessage other="1">)"}}));
}

void add_parties(Catalogue& all) {
    all.adverse("1.4-two-party-ids", "TA03", "EBMS:0003", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_messaging = [to = draw.variant == 1](std::string& text) {
            const auto at = text.find("<eb:Role>", to ? text.find("<eb:To>") : 0);
            text.insert(
                at,
                R"(<eb:PartyId type="urn:fdc:digg.se:edelivery:transportprofile:as4:partytype:ap">AP0009</eb:PartyId>)");
        };
    });
    all.adverse("1.4-party-missing", "as4-wire 1.4", "EBMS:0009", 4,
                without({{"<eb:PartyInfo>", "</eb:PartyInfo>"},
                         {"<eb:From>", "</eb:From>"},
                         {"<eb:To>", "</eb:To>"},
                         {"<eb:Role>", "</eb:Role>"}}));
    all.adverse("1.4-party-id-empty", "as4-wire 1.4 PartyId", "EBMS:0009", 2, in_message([](auto& message, Draw& draw) {
                    (draw.variant == 0 ? message.from : message.to).id.clear();
                }));
    all.adverse("1-to-party", "AP-04", "EBMS:0010", 4, in_message([](auto& message, Draw& draw) {
                    message.to.id = draw.turn(std::vector<std::string>{
                        "AP9999-SDK-DEMO", message.from.id, message.to.id + "x", to_lower_ascii(message.to.id)});
                }));
    all.adverse("1-party-type", "access-point 1 Party type", "EBMS:0010", 4, in_message([](auto& message, Draw& draw) {
                    (draw.variant % 2 == 0 ? message.from : message.to).type =
                        draw.variant < 2 ? "urn:oasis:names:tc:ebcore:partyid-type:unregistered" : "";
                }));
    all.adverse("1-roles", "AP-02", "EBMS:0010", 5, in_message([](auto& message, Draw& draw) {
                    const auto& profiles = federation::transport_profiles();
                    if (draw.variant == 0)
                        std::swap(message.from.role, message.to.role);
                    else if (draw.variant == 1)
                        message.to.role = profiles.back().responder_role;
                    else if (draw.variant == 2)
                        message.from.role = profiles.back().initiator_role;
                    else if (draw.variant == 3)
                        message.from.role = "urn:example:seller";
                    else
                        message.to.role = message.from.role;
                }));
}

void add_collaboration(Catalogue& all) {
    all.adverse("1.4-collaboration-missing", "as4-wire 1.4", "EBMS:0009", 4,
                without({{"<eb:CollaborationInfo>", "</eb:CollaborationInfo>"},
                         {"<eb:Service", "</eb:Service>"},
                         {"<eb:Action>", "</eb:Action>"},
                         {"<eb:ConversationId>", "</eb:ConversationId>"}}));
    all.adverse("1.4-collaboration-empty", "as4-wire 1.4", "EBMS:0009", 2, in_message([](auto& message, Draw& draw) {
                    (draw.variant == 0 ? message.service : message.action).clear();
                }));
    all.adverse("1-service", "as4-wire 1.7", "EBMS:0004", 3, in_message([](auto& message, Draw& draw) {
                    message.service = draw.turn(
                        std::vector<std::string>{"bdx:process", "urn:www.cenbii.eu:profile:bii04", "bdx:noprocess2"});
                }))
        .detail = "NOT_SERVICED";
    all.adverse("1-service-type", "as4-wire 1.7", "EBMS:0004", 2, in_message([](auto& message, Draw& draw) {
                    message.service_type =
                        draw.turn(std::vector<std::string>{"cenbii-procid-ubl", "urn:fdc:digg.se:edelivery:other"});
                }))
        .detail = "NOT_SERVICED";
    all.adverse("1-action", "as4-wire 1.7", "EBMS:0004", 3, in_message([](auto& message, Draw& draw) {
                    message.action = draw.turn(
                        std::vector<std::string>{message.action.substr(19), "submit", "busdox-docid-qns::"});
                }))
        .detail = "NOT_SERVICED";
}

void add_properties(Catalogue& all) {
    all.adverse("1.4-property-twice", "as4-wire 1.4 Property", "EBMS:0003", 3,
                in_message([](auto& message, Draw& draw) {
                    auto copy = message.properties[draw.variant % 2];
                    if (draw.variant == 2) copy.value += "x";
                    message.properties.push_back(copy);
                }));
    all.adverse("1.4-property-missing", "4CT_TA01", "EBMS:0010", 4, in_message([](auto& message, Draw& draw) {
                    if (draw.variant < 2)
                        message.properties.erase(message.properties.begin() + draw.variant);
                    else if (draw.variant == 2)
                        message.properties.clear();
                    else
                        message.properties[0].name = "OriginalSender";
                }));
    all.adverse("1.4-property-value", "as4-wire 1.4 Property", "EBMS:0009", 3,
                in_message([](auto& message, Draw& draw) {
                    message.properties[1].value = draw.variant == 0 ? "" : std::string(1025 + draw.below(2000), 'v');
                }));
    all.adverse("1.4-property-without-name", "as4-wire 1.4", "EBMS:0009", 1,
                in_messaging({{R"( name="originalSender")", ""}}));
    all.adverse("1-property-type", "AP-02", "EBMS:0010", 3, in_message([](auto& message, Draw& draw) {
                    message.properties[draw.variant % 2].type = draw.turn(std::vector<std::string>{
                        "urn:unknown", "urn:fdc:digg.se:edelivery:transportprofile:as4:partytype:ap", "string"});
                }));
}

void add_part_info(Catalogue& all) {
    all.adverse("1.4-href", "TA08", "EBMS:0011", 8,
                in_messaging({{R"(href="cid:message")", R"(href="http://127.0.0.1:9/x")"},
                              {R"(href="cid:message")", R"(href="file:///etc/hostname")"},
                              {R"(href="cid:message")", R"(href="#BODY-1")"},
                              {R"( href="cid:message")", ""},
                              {R"(href="cid:message")", R"(href="")"},
                              {R"(href="cid:message")", R"(href="cid:")"},
                              {R"(href="cid:message")", R"(href="message")"},
                              {R"(href="cid:message")", R"(href="ftp://127.0.0.1/x")"}}));
    all.adverse("1.4-href-twice", "as4-wire 1.4 PartInfo", "EBMS:0011", 1, [](MessageForge& forge, Draw&, const Cast&) {
        forge.on_messaging = [](std::string& text) {
            const auto [first, size] = span_of(text, "<eb:PartInfo", "</eb:PartInfo>");
            text.insert(first + size, text.substr(first, size));
        };
    });
    all.adverse("1.4-mime-type-missing", "TA26", "EBMS:0003", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_messaging = [all = draw.variant == 1](std::string& text) {
            if (all)
                cut(text, "<eb:PartProperties>", "</eb:PartProperties>");
            else
                cut(text, R"(<eb:Property name="MimeType">)", "</eb:Property>");
        };
    });
    all.adverse("1.4-compression-type", "TA25", "EBMS:0003", 3,
                in_messaging({{"application/gzip", "application/zip"},
                              {"application/gzip", "gzip"},
                              {"application/gzip", "application/x-brotli"}}));
    all.adverse(
        "1.4-character-set", "TA29", "EBMS:0003", 3,
        in_messaging(
            {{"</eb:PartProperties>", R"(<eb:Property name="CharacterSet">klingon</eb:Property></eb:PartProperties>)"},
             {"</eb:PartProperties>",
              R"(<eb:Property name="CharacterSet">utf8 or so</eb:Property></eb:PartProperties>)"},
             {"</eb:PartProperties>", R"(<eb:Property name="CharacterSet">UTF-7</eb:Property></eb:PartProperties>)"}}));
    all.adverse("1.4-payload-info-empty", "as4-wire 1.4", "EBMS:0009", 1, [](MessageForge& forge, Draw&, const Cast&) {
        forge.on_messaging = [](std::string& text) { cut(text, "<eb:PartInfo", "</eb:PartInfo>"); };
    });
    all.adverse("1-no-payload", "access-point 1 Payload part", "EBMS:0011", 1,
                [](MessageForge& forge, Draw&, const Cast&) {
                    forge.parts.clear();
                    forge.plain = true;
                    forge.content_type = "application/soap+xml; charset=UTF-8";
                });
    all.adverse("1-payload-id", "access-point 1 Payload part", "EBMS:0010", 3,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.parts[0].cid = draw.turn(std::vector<std::string>{"payload", "message1", "MESSAGE"});
                });
    all.adverse("1-payload-type", "access-point 1 Payload part", "EBMS:0010", 3,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.parts[0].mime_type = draw.turn(
                        std::vector<std::string>{"application/octet-stream", "application/json", "text/plain"});
                });
    all.adverse("1-second-payload", "access-point 1 Payload part", "EBMS:0010", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.parts.push_back({.cid = draw.variant == 0 ? "attachment" : "message2",
                                           .mime_type = "application/octet-stream",
                                           .payload = Bytes(draw.below(5000), 1)});
                });
}

}  // namespace

void add_header_faults(Catalogue& all) {
    add_message_info(all);
    add_messages(all);
    add_parties(all);
    add_collaboration(all);
    add_properties(all);
    add_part_info(all);
}

}  // namespace budkavle::conformance

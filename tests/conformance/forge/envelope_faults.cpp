/// as4-wire.md 1.7 signals on the wrong way, access-point.md 4–6: duplicates, four corners, envelopes.

#include "as4/names.hpp"
#include "catalogue.hpp"

namespace budkavle::conformance {
namespace {

const std::string kNotServiced = "NOT_SERVICED";
const std::string kNotConformant = "XHE_NOT_CONFORMANT";

void signal(MessageForge& forge, const std::string& inner) {
    forge.parts.clear();
    forge.plain = true;
    forge.content_type = "application/soap+xml; charset=UTF-8";
    forge.on_messaging = [inner, id = forge.message.message_id,
                          now = format_utc(forge.message.timestamp)](std::string& text) {
        const auto [first, size] = span_of(text, "<eb:UserMessage", "</eb:UserMessage>");
        text.replace(first, size,
                     "<eb:SignalMessage><eb:MessageInfo><eb:Timestamp>" + now + "</eb:Timestamp><eb:MessageId>" + id +
                         "</eb:MessageId><eb:RefToMessageId>unknown@x</eb:RefToMessageId></eb:MessageInfo>" + inner +
                         "</eb:SignalMessage>");
    };
}

void add_signals(Catalogue& all) {
    all.adverse("1.7-signal-as-request", "as4-wire 1.7", "EBMS:0010", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
        signal(
            forge,
            draw.turn(std::vector<std::string>{
                R"(<eb:Receipt><ebbp:NonRepudiationInformation xmlns:ebbp="http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0"/></eb:Receipt>)",
                R"(<eb:Error errorCode="EBMS:0004" severity="failure"/>)", R"(<eb:PullRequest/>)"}));
    });
}

/// A known MessageId again with something else in it.
void add_duplicates(Catalogue& all) {
    all.harmless("AP-6-original", "AP-6", 3, [](MessageForge& forge, Draw& draw, const Cast& cast) {
        forge.message.message_id = cast.message_id("AP-6-" + std::to_string(draw.variant));
    });
    all.adverse("AP-6-other-content", "AP-6", "EBMS:0003", 2, [](MessageForge& forge, Draw& draw, const Cast& cast) {
        forge.message.message_id = cast.message_id("AP-6-" + std::to_string(draw.variant));
    });
    all.adverse("AP-6-other-sender", "AP-6", "EBMS:0003", 1, [](MessageForge& forge, Draw&, const Cast& cast) {
        forge.message.message_id = cast.message_id("AP-6-2");
        forge.signer = cast.stranger;
        forge.message.from.id = cast.stranger.certificate().common_name();
    });
}

Catalogue::Change with_envelope(std::function<EnvelopeChange(Draw&, const Cast&)> change) {
    return [change](MessageForge& forge, Draw& draw, const Cast& cast) {
        forge.parts[0].payload = cast.envelope(change(draw, cast));
    };
}

void add_four_corners(Catalogue& all) {
    const auto not_serviced = [&](std::string name, std::string log, unsigned variants, Catalogue::Change change) {
        auto& one = all.adverse(std::move(name), log, "EBMS:0004", variants, std::move(change));
        one.detail = kNotServiced;
    };
    not_serviced("AP-4.6-recipient-not-served", "AP-4.6", 3, [](MessageForge& forge, Draw& draw, const Cast& cast) {
        const auto to = draw.turn(std::vector<std::string>{cast.elsewhere, "0203:okand.example.se", "0007:2021006883"});
        forge.message.properties[1].value = to;
        forge.parts[0].payload = cast.envelope({.to = to});
    });
    not_serviced("AP-4.6-recipient-malformed", "AP-4.6", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.message.properties[1].value =
            draw.turn(std::vector<std::string>{"nobody", "0203:", "http://0203:x.example.se"});
    });
    not_serviced("AP-4.6-type-not-taken", "AP-4.6", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
        // On the federation's list, but the participant does not take the transport model Bas; or on no list.
        auto& action = forge.message.action;
        if (draw.variant == 2) {
            action += "x";
            return;
        }
        if (draw.variant == 1) action = as4::action_of(federation::kReceiptDocument);
        action.resize(action.rfind("::"));
        action += "::tm-base";
    });
    not_serviced("K23-sender", "K23", 2, with_envelope([](Draw& draw, const Cast& cast) {
                     return EnvelopeChange{.from = draw.variant == 0 ? cast.elsewhere : "0203:okand.example.se"};
                 }));
    not_serviced("K23-recipient", "K23", 2, with_envelope([](Draw& draw, const Cast& cast) {
                     return EnvelopeChange{.to = draw.variant == 0 ? cast.elsewhere : cast.from};
                 }));
    not_serviced("K23-document", "K23", 2, with_envelope([](Draw& draw, const Cast&) {
                     return EnvelopeChange{.document = draw.variant == 0 ? std::string(federation::kReceiptDocument)
                                                                         : std::string("urn:other::x")};
                 }));
    not_serviced("K23-process", "K23", 2, with_envelope([](Draw& draw, const Cast&) {
                     return EnvelopeChange{.edit = [other = draw.variant == 0](std::string& text) {
                         if (other)
                             replace(text, ">bdx:noprocess<", ">bdx:other<");
                         else
                             replace(text, ">urn:fdc:digg.se:edelivery:process<", ">urn:fdc:digg.se:edelivery:other<");
                     }};
                 }));
    not_serviced("AP-4.9-federation", "AP-4.9", 2, with_envelope([](Draw& draw, const Cast&) {
                     return EnvelopeChange{
                         .federation_id = draw.variant == 0 ? "urn:fdc:digg.se:edelivery:federation:other" : "sdk"};
                 }));
}

struct Fault {
    std::string from, to;
};
std::string criterion(const std::string& code) {
    return "<xhb:BusinessScopeCriterionTypeCode>" + code + "</xhb:BusinessScopeCriterionTypeCode>";
}

/// xhe.md 3: one fault per rule, in an envelope signed after the change.
void add_envelopes(Catalogue& all) {
    const auto add = [&](std::string rule, std::vector<Fault> faults) {
        auto& one = all.adverse("TF-09-" + rule, rule, "EBMS:0004", static_cast<unsigned>(faults.size()),
                                with_envelope([faults](Draw& draw, const Cast&) {
                                    return EnvelopeChange{.edit = [fault = draw.turn(faults)](std::string& text) {
                                        replace(text, fault.from, fault.to);
                                    }};
                                }));
        one.detail = kNotConformant;
    };
    add("R1-XHE", {{"</xhb:ID><xhb:CreationDateTime>",
                    "</xhb:ID><xhb:UUID>5b0d3c1e-0000-4000-8000-000000000001</xhb:UUID><xhb:CreationDateTime>"},
                   {"<xha:Header>", "<xhb:ProfileID>x</xhb:ProfileID><xha:Header>"},
                   {"<xhb:ID schemeID", "<xhb:ID schemeName=\"x\" schemeID"}});
    add("R2-XHE", {{"<xhb:DocumentTypeCode>", "<xhb:DocumentTypeCode listID=\"\">"}});
    add("R3-XHE", {{"urn:fdc:digg.se:edelivery:xhe:1", "urn:fdc:digg.se:edelivery:xhe:2"}});
    add("R4-XHE", {{criterion("DOCUMENTID"), criterion("DOCUMENTID_X")}});
    add("R5-XHE", {{criterion("DOCUMENTID_SCHEME"), criterion("DOCUMENTID")}});
    add("R6-XHE", {{criterion("PROCESSID"), criterion("PROCESSID_X")}});
    add("R7-XHE", {{criterion("PROCESSID_SCHEME"), criterion("PROCESSID")}});
    add("R8-XHE", {{criterion("FEDERATIONID"), criterion("FEDERATION")}});
    add("R9-XHE", {{">1.0</xhb:XHEVersionID>", ">1.1</xhb:XHEVersionID>"},
                   {">1.0</xhb:XHEVersionID>", ">2.0</xhb:XHEVersionID>"}});
    add("R10-XHE", {{R"(<xha:FromParty><xha:PartyIdentification><xhb:ID schemeID="iso6523-actorid-upis">)",
                     R"(<xha:FromParty><xha:PartyIdentification><xhb:ID schemeID="iso6523">)"}});
    add("R11-XHE", {{R"(<xha:ToParty><xha:PartyIdentification><xhb:ID schemeID="iso6523-actorid-upis">)",
                     R"(<xha:ToParty><xha:PartyIdentification><xhb:ID schemeID="iso6523">)"}});
    add("R13-XHE", {{">true</xhb:InstanceEncryptionIndicator>", ">false</xhb:InstanceEncryptionIndicator>"}});
    add("XHE-01", {{"<x:XHE", "<!DOCTYPE x><x:XHE"}, {"</x:XHE>", ""}});
    auto& clear = all.adverse("TF-09-R12-XHE", "R12-XHE", "EBMS:0004", 2, with_envelope([](Draw& draw, const Cast&) {
                                  return EnvelopeChange{.edit = [text_beside = draw.variant == 1](std::string& text) {
                                      const auto [first, size] =
                                          span_of(text, "<xenc:EncryptedData", "</xenc:EncryptedData>");
                                      if (text_beside)
                                          text.insert(first, "text");
                                      else
                                          text.replace(first, size, "<a xmlns=\"urn:a\">clear</a>");
                                  }};
                              }));
    clear.detail = kNotConformant;
    auto& doubled = all.adverse("TF-09-R14-XHE", "R14-XHE", "EBMS:0004", 2, with_envelope([](Draw& draw, const Cast&) {
                                    return EnvelopeChange{.edit = [payload = draw.variant == 1](std::string& text) {
                                        const std::string name = payload ? "xha:Payload>" : "xha:ToParty>";
                                        const auto [first, size] = span_of(text, "<" + name, "</" + name);
                                        text.insert(first + size, text.substr(first, size));
                                    }};
                                }));
    doubled.detail = kNotConformant;
    auto& other =
        all.adverse("TF-09-no-envelope", "XHE-0", "EBMS:0004", 4, [](MessageForge& forge, Draw& draw, const Cast&) {
            forge.parts[0].payload = to_bytes(
                draw.turn(std::vector<std::string>{"", "<not-even/>", "no markup", "<x:XHE xmlns:x=\"urn:other\"/>"}));
        });
    other.detail = kNotConformant;
}

}  // namespace

void add_envelope_faults(Catalogue& all) {
    add_signals(all);
    add_duplicates(all);
    add_four_corners(all);
    add_envelopes(all);
}

}  // namespace budkavle::conformance

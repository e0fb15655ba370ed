/// What a receiver must take: the Accept columns of as4-wire.md 1.1–1.7 and AP-02.

#include "as4/names.hpp"
#include "catalogue.hpp"
#include "references.hpp"

namespace budkavle::conformance {
namespace {

void add_content_types(Catalogue& all) {
    all.harmless("1.1-content-type", "as4-wire 1.1 Content-Type", 12, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.boundary = "forge_1";
        forge.root_head = "Content-Type: application/soap+xml\r\nContent-ID: <root@x>\r\n\r\n";
        forge.content_type = draw.turn(std::vector<std::string>{
            R"(multipart/related; boundary=forge_1; type="application/soap+xml")",
            R"(multipart/related; type="application/soap+xml"; boundary="forge_1"; start="<root@x>")",
            R"(multipart/related;boundary="forge_1")",
            R"(Multipart/Related; BOUNDARY="forge_1"; Type=application/soap+xml)",
            R"(multipart/related; start="<root@x>"; start-info="application/soap+xml"; type="application/xop+xml"; boundary="forge_1")",
            R"(multipart/related; boundary="forge_1"; type="application/soap+xml"; action="")",
            R"(multipart/related; boundary="forge_1"; charset=UTF-8)", R"(multipart/related;  boundary = "forge_1")",
            R"(multipart/related; boundary="forge_1"; x="a;b\"c")",
            R"(multipart/related; boundary="forge_1"; start=root@x)",
            R"(multipart/related; boundary="forge_1"; start="root@x")", R"(multipart/related; boundary="forge_1";)"});
        if (draw.variant == 7)
            forge.content_type = R"(multipart/related;	boundary="forge_1"  ; type="application/soap+xml")";
    });
    all.harmless("1.1-boundary", "as4-wire 1.1 boundary", 5, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.boundary = draw.turn(
            std::vector<std::string>{"----=_Part_0_1", "uuid:1-2-3", "'()+_,-./:=?", std::string(70, 'b'), "a b"});
        forge.content_type = R"(multipart/related; boundary=")" + forge.boundary + R"("; type="application/soap+xml")";
        if (draw.variant < 2) forge.content_type = "multipart/related; boundary=" + forge.boundary;
    });
}

void add_package(Catalogue& all) {
    all.harmless("1.2-bare-lf", "as4-wire 1.2 LF", 1,
                 [](MessageForge& forge, Draw&, const Cast&) { forge.line_end = "\n"; });
    all.harmless("1.2-preamble", "as4-wire 1.2 preamble", 5, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.preamble =
            draw.turn(std::vector<std::string>{"\r\n", "\xEF\xBB\xBF", "This is MIME.\r\n", "\n", "\xEF\xBB\xBF\r\n"});
    });
    all.harmless("1.2-epilogue", "as4-wire 1.2 epilogue", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_body = [more =
                             draw.turn(std::vector<std::string>{"epilogue\r\n", "\r\n\r\n", ""})](std::string& body) {
            if (more.empty()) body.resize(body.size() - 2);
            body += more;
        };
    });
    all.harmless("1.2-boundary-space", "as4-wire 1.2 boundary", 1, [](MessageForge& forge, Draw&, const Cast&) {
        forge.on_body = [](std::string& body) { body.insert(body.find("--=_forge", 2) + 9, " \t"); };
    });
    all.harmless("1.2-root-head", "as4-wire 1.2 root part", 5, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.root_head = draw.turn(std::vector<std::string>{
            "\r\n",
            "Content-Type: application/soap+xml; charset=UTF-8\r\nContent-Transfer-Encoding: binary\r\nContent-ID: "
            "<r@x>\r\n\r\n",
            "Content-Transfer-Encoding: 8bit\r\nContent-Type: application/soap+xml\r\n\r\n",
            "content-type: application/xop+xml;\r\n charset=UTF-8\r\nMIME-Version: 1.0\r\n\r\n",
            "Content-Type: application/soap+xml\r\nContent-Description: envelope\r\n\r\n"});
    });
    all.harmless("1.2-part-head", "as4-wire 1.2 part head", 6, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.parts[0].head = draw.turn(std::vector<std::string>{
            "", "Content-Type: application/gzip\r\n",
            "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\nContent-Description: "
            "Attachment\r\n",
            "Content-Transfer-Encoding: 8bit\r\n",
            "Content-Type: application/octet-stream; name=\"x.bin\"\r\nContent-Disposition: attachment\r\n",
            "CONTENT-TYPE: application/octet-stream\r\nX-Anything: goes\r\n"});
    });
    all.harmless(
        "1.2-base64", "as4-wire 1.2 Content-Transfer-Encoding", 4, [](MessageForge& forge, Draw& draw, const Cast&) {
            forge.parts[0].head +=
                draw.variant == 1 ? "Content-Transfer-Encoding: BASE64\r\n" : "Content-Transfer-Encoding: base64\r\n";
            forge.on_cipher = [variant = draw.variant](auto& parts) {
                const auto text = base64_encode(parts[0].cipher);
                std::string lines;
                const std::size_t width = variant == 2 ? 64 : variant == 3 ? text.size() : 76;
                for (std::size_t at = 0; at < text.size(); at += width)
                    lines += text.substr(at, width) + (variant == 2 ? "\n" : "\r\n");
                parts[0].encoded = lines;
            };
        });
    all.harmless("1.2-content-id", "as4-wire 1.2 Content-ID", 5, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.parts[0].content_id = draw.turn(
            std::vector<std::string>{"Content-ID: message\r\n", "Content-Id: <message>\r\n", "CONTENT-ID:<message>\r\n",
                                     "Content-ID: <mess%61ge>\r\n", "Content-ID:\r\n <message>\r\n"});
    });
    all.harmless("1.2-href", "as4-wire 1.2 href", 3,
                 in_messaging({{"cid:message", "cid:mess%61ge"},
                               {"cid:message", "CID:message"},
                               {"\"cid:message\"", "\" cid:message \""}}));
    all.harmless("1.2-root-behind-its-part", "as4-wire 1.2 start", 1, [](MessageForge& forge, Draw&, const Cast&) {
        forge.root_head = "Content-Type: application/soap+xml\r\nContent-ID: <root@x>\r\n\r\n";
        forge.content_type += R"(; start="<root@x>")";
        forge.on_body = [](std::string& body) {
            const std::string line = "--=_forge\r\n";
            const auto second = body.find(line, 1);
            const auto end = body.rfind("--=_forge--");
            body = body.substr(second, end - second) + body.substr(0, second) + body.substr(end);
        };
    });
}

void add_soap(Catalogue& all) {
    all.harmless("1.3-envelope-start", "as4-wire 1.3 BOM", 4, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_signed_envelope = [start = draw.turn(std::vector<std::string>{
                                        "\xEF\xBB\xBF", R"(<?xml version="1.0" encoding="UTF-8"?>)",
                                        "\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8' standalone='no'?>\n",
                                        "<!-- note -->"})](std::string& text) { text = start + text; };
    });
    all.harmless("1.3-header-order", "as4-wire 1.3 order", 1,
                 [](MessageForge& forge, Draw&, const Cast&) { forge.messaging_first = true; });
    all.harmless("1.3-must-understand-1", "as4-wire 1.3 mustUnderstand", 2,
                 [](MessageForge& forge, Draw& draw, const Cast&) {
                     forge.on_envelope = [both = draw.variant == 1](std::string& text) {
                         replace(text, R"(mustUnderstand="true")", R"(mustUnderstand="1")");
                         if (both) replace(text, R"(mustUnderstand="true")", R"(mustUnderstand="1")");
                     };
                 });
    all.harmless("1.3-prefix", "as4-wire 1.3 prefixes", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_envelope = [prefix = draw.turn(std::vector<std::string>{"env", "soapenv", "s"})](std::string& text) {
            for (auto at = text.find("S12:"); at != std::string::npos; at = text.find("S12:", at + 1))
                text.replace(at, 4, prefix + ":");
            replace(text, "xmlns:S12=", "xmlns:" + prefix + "=");
        };
    });
    all.harmless("1.3-unknown-block", "as4-wire 1.3 Header", 2,
                 in_envelope({{"</S12:Header>", R"(<x:y xmlns:x="urn:x">optional</x:y></S12:Header>)"},
                              {"<S12:Header>", R"(<S12:Header><x:y xmlns:x="urn:x" S12:mustUnderstand="false"/>)"}}));
    all.harmless(
        "1.3-extra-declarations", "as4-wire 1.3 prefixes", 2,
        in_envelope(
            {{"<S12:Header>",
              R"(<S12:Header xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">)"},
             {"<S12:Envelope ", R"(<S12:Envelope xmlns:unused="urn:unused" )"}}));
    all.harmless("1.3-two-ids", "as4-wire 1.3 Id", 1,
                 in_messaging({{R"(wsu:Id="MSG-1")", R"(wsu:Id="MSG-1" id="MSG-1")"}}));
    all.harmless(
        "1.3-white-space", "as4-wire 1.3 white space", 2,
        in_envelope({{"<S12:Header>", "\n  <S12:Header>\n"}, {"</S12:Header>", "\n</S12:Header>\n<!-- c -->"}}));
}

void add_header(Catalogue& all) {
    all.harmless("1.4-message-id", "as4-wire 1.4 MessageId", 4, [](MessageForge& forge, Draw& draw, const Cast& cast) {
        forge.message.message_id =
            cast.run + draw.turn(std::vector<std::string>{"bare", "!#$%&'*+-/=?^_`{|}~@x",
                                                          std::string(255 - cast.run.size(), 'm'), "<in:brackets>"});
    });
    all.harmless(
        "1.4-agreement", "as4-wire 1.4 AgreementRef", 3,
        in_messaging({{"<eb:Service", "<eb:AgreementRef/><eb:Service"},
                      {"<eb:Service", "<eb:AgreementRef>urn:a</eb:AgreementRef><eb:Service"},
                      {"<eb:Service", R"(<eb:AgreementRef type="t" pmode="p">urn:a</eb:AgreementRef><eb:Service)"}}));
    all.harmless("1.4-conversation", "as4-wire 1.4 ConversationId", 2,
                 [](MessageForge& forge, Draw& draw, const Cast&) {
                     forge.message.conversation_id = draw.variant == 0 ? "" : "with blanks in it";
                 });
    all.harmless("1.4-white-space", "as4-wire 1.4 white space", 4,
                 in_messaging({{"<eb:Action>", "<eb:Action>\n  "},
                               {"</eb:MessageId>", " </eb:MessageId>"},
                               {"</eb:Role>", "\t</eb:Role>"},
                               {"<eb:PartyInfo>", "\n <eb:PartyInfo>\n "}}));
    all.harmless("1.4-timestamp", "as4-wire 1.4 Timestamp", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_messaging = [variant = draw.variant](std::string& text) {
            const auto at = text.find(".", text.find("<eb:Timestamp>"));
            text.replace(at, 5, variant == 0 ? "Z" : variant == 1 ? ".123456Z" : ".000+00:00");
        };
    });
    all.harmless("1.4-mpc", "as4-wire 1.4 mpc", 1,
                 [](MessageForge& forge, Draw&, const Cast&) { forge.message.mpc = as4::kDefaultMpc; });
    all.harmless("1.4-ref-to", "as4-wire 1.4 RefToMessageId", 1,
                 [](MessageForge& forge, Draw&, const Cast&) { forge.message.ref_to_message_id = "earlier@x"; });
    all.harmless("4CT_TA02-more-properties", "4CT_TA02", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.message.properties.push_back(
            {"trackingIdentifier", draw.variant == 0 ? "x" : std::string(1024, 'v'), ""});
    });
    all.harmless(
        "1.4-part-properties", "as4-wire 1.4 PartProperties", 4,
        in_messaging(
            {{"</eb:PartProperties>", R"(<eb:Property name="CharacterSet">UTF-8</eb:Property></eb:PartProperties>)"},
             {"</eb:PartProperties>", R"(<eb:Property name="CharacterSet">utf-16</eb:Property></eb:PartProperties>)"},
             {"</eb:PartProperties>", R"(<eb:Property name="FileName">x.xml</eb:Property></eb:PartProperties>)"},
             {"<eb:PartProperties>", R"(<eb:Description xml:lang="sv">bilaga</eb:Description><eb:PartProperties>)"}}));
    all.harmless("AP-02-roles", "AP-02", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        const auto& profile = federation::transport_profiles()[draw.variant];
        forge.message.from.role = profile.initiator_role;
        forge.message.to.role = profile.responder_role;
    });
    all.harmless("AP-02-property-type", "AP-02", 4, [](MessageForge& forge, Draw& draw, const Cast&) {
        const std::vector<std::string> types{"", std::string(federation::kParticipantScheme),
                                             std::string(as4::kParticipantPartyType)};
        forge.message.properties[0].type = draw.variant == 3 ? types[0] : draw.turn(types);
        forge.message.properties[1].type = draw.variant == 3 ? types[2] : draw.turn(types);
    });
    all.harmless("K20-case", "K20", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        draw.variant == 0 ? forge.message.service = "BDX:NOPROCESS"
                          : forge.message.properties[1].value = "0203:Region-Ost.Example.SE";
    });
    all.harmless("1-service-type-missing", "access-point 1 Service", 1,
                 [](MessageForge& forge, Draw&, const Cast&) { forge.message.service_type.clear(); });
    all.harmless("1-payload-type", "access-point 1 Payload part", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.parts[0].mime_type = draw.variant == 0 ? "application/xml" : "TEXT/XML";
    });
    all.harmless("TA17-ping", "TA17", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.message.service = as4::kTestService;
        forge.message.service_type.clear();
        forge.message.action = as4::kTestAction;
        if (draw.variant == 0) {
            forge.parts.clear();
            forge.plain = true;
            forge.content_type = "application/soap+xml; charset=UTF-8";
        }
    });
}

}  // namespace

void add_harmless_package(Catalogue& all) {
    add_content_types(all);
    add_package(all);
    add_soap(all);
    add_header(all);
}

}  // namespace budkavle::conformance

/// as4-wire.md 1.3 SOAP envelope.

#include "as4/names.hpp"
#include "catalogue.hpp"

namespace budkavle::conformance {
namespace {

std::string repeated(std::string_view text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
}

void add_structure(Catalogue& all) {
    all.adverse("1.3-soap11", "as4-wire 1.3 Envelope", "fault", 1,
                after_signing({{std::string(as4::kSoap12), std::string(as4::kSoap11)}}));
    all.adverse("1.3-root-other", "as4-wire 1.3 Envelope", "EBMS:0009", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_signed_envelope = [other = draw.variant == 0](std::string& text) {
                        text = other ? "<html/>" : "<S12:Body xmlns:S12=\"" + std::string(as4::kSoap12) + "\"/>";
                    };
                });
    all.adverse("1.3-two-headers", "as4-wire 1.3 Header", "EBMS:0009", 2,
                after_signing({{"<S12:Header>", "<S12:Header/><S12:Header>"},
                               {"</S12:Envelope>", "<S12:Header/></S12:Envelope>"}}));
    all.adverse("1.3-no-header", "as4-wire 1.3 Messaging", "EBMS:0009", 1, [](MessageForge& forge, Draw&, const Cast&) {
        forge.on_signed_envelope = [](std::string& text) { cut(text, "<S12:Header>", "</S12:Header>"); };
    });
    all.adverse("1.3-no-messaging", "as4-wire 1.3 Messaging", "EBMS:0009", 1,
                [](MessageForge& forge, Draw&, const Cast&) {
                    forge.on_signed_envelope = [](std::string& text) { cut(text, "<eb:Messaging", "</eb:Messaging>"); };
                });
    all.adverse("1.3-messaging-wrong-namespace", "as4-wire 1.3", "fault", 1,
                in_envelope({{"ns/core/200704/\" xmlns:wsu", "ns/core/200705/\" xmlns:wsu"}}));
    all.adverse(
        "1.3-two-messaging", "as4-wire 1.3 Messaging", "EBMS:0009", 2,
        [](MessageForge& forge, Draw& draw, const Cast&) {
            forge.on_envelope = [copy = draw.variant == 0](std::string& text) {
                auto second = std::string(
                    R"(<eb:Messaging xmlns:eb="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"/>)");
                if (copy) {
                    const auto [first, size] = span_of(text, "<eb:Messaging", "</eb:Messaging>");
                    second = text.substr(first, size);
                    replace(second, "MSG-1", "MSG-2");
                }
                replace(text, "</S12:Header>", second + "</S12:Header>");
            };
        });
    all.adverse("1.3-no-body", "as4-wire 1.3 Body", "EBMS:0009", 1, [](MessageForge& forge, Draw&, const Cast&) {
        forge.on_signed_envelope = [](std::string& text) { cut(text, "<S12:Body", "</S12:Body>"); };
    });
    all.adverse("1.3-two-bodies", "as4-wire 1.3 Body", "EBMS:0009", 1,
                after_signing({{"</S12:Envelope>", "<S12:Body/></S12:Envelope>"}}));
    all.adverse("1.3-something-beside", "as4-wire 1.3 Body", "EBMS:0009", 2,
                in_envelope({{"<S12:Body", "<x:x xmlns:x=\"urn:x\"/><S12:Body"},
                             {"</S12:Envelope>", "<x:x xmlns:x=\"urn:x\"/></S12:Envelope>"}}));
    all.adverse("1.3-body-not-empty", "as4-wire 1.3 Body", "EBMS:0010", 4,
                in_envelope({{"></S12:Body>", "><x/></S12:Body>"},
                             {"></S12:Body>", ">text</S12:Body>"},
                             {"></S12:Body>", "><![CDATA[x]]></S12:Body>"},
                             {"></S12:Body>", "><x:XHE xmlns:x=\"urn:x\">payload</x:XHE></S12:Body>"}}));
}

void add_must_understand(Catalogue& all) {
    all.adverse(
        "1.3-unknown-block", "as4-wire 1.3 mustUnderstand", "fault", 3,
        in_envelope(
            {{"<S12:Header>", R"(<S12:Header><x:y xmlns:x="urn:x" S12:mustUnderstand="1"/>)"},
             {"</S12:Header>", R"(<x:y xmlns:x="urn:x" S12:mustUnderstand="true"/></S12:Header>)"},
             {"<S12:Header>",
              R"(<S12:Header><wsa:To xmlns:wsa="http://www.w3.org/2005/08/addressing" S12:mustUnderstand="true">x</wsa:To>)"}}));
    all.adverse("1.3-messaging-need-not-be-understood", "as4-wire 1.3 mustUnderstand", "EBMS:0009", 3,
                in_messaging({{R"( S12:mustUnderstand="true")", ""},
                              {R"(S12:mustUnderstand="true")", R"(S12:mustUnderstand="false")"},
                              {R"(S12:mustUnderstand="true")", R"(S12:mustUnderstand="0")"}}));
    all.adverse("1.3-security-need-not-be-understood", "as4-wire 1.3 mustUnderstand", "EBMS:0009", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_envelope = [gone = draw.variant == 0](std::string& text) {
                        const auto at = text.find(R"( S12:mustUnderstand="true")", text.find("<wsse:Security"));
                        text.replace(at, std::string_view(R"( S12:mustUnderstand="true")").size(),
                                     gone ? "" : R"( S12:mustUnderstand="0")");
                    };
                });
    all.adverse("1.3-id-no-ncname", "as4-wire 1.3 Id", "EBMS:0103", 3,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    const auto id = draw.turn(std::vector<std::string>{"1MSG", "a:b", "-MSG"});
                    forge.on_messaging = [id](std::string& text) { replace(text, "MSG-1", id); };
                    forge.on_references = [id](auto& all) { all[0].uri = "#" + id; };
                });
}

void add_xml(Catalogue& all) {
    all.adverse("1.3-doctype", "as4-wire 1.3 DOCTYPE", "EBMS:0009", 5,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_signed_envelope =
                        [type = draw.turn(std::vector<std::string>{
                             "<!DOCTYPE x>", R"(<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>)",
                             R"(<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">)",
                             R"(<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>)",
                             R"(<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]>)"})](std::string& text) {
                            text = type + text;
                        };
                });
    all.adverse("1.3-not-well-formed", "as4-wire 1.3", "EBMS:0009", 6,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_signed_envelope = [variant = draw.variant, at = draw.below(300)](std::string& text) {
                        if (variant == 0)
                            text.resize(text.size() / 2 + at);
                        else if (variant == 1)
                            replace(text, "</S12:Header>", "</S12:Head>");
                        else if (variant == 2)
                            text += "<more/>";
                        else if (variant == 3)
                            replace(text, "<S12:Body", "<S12:Body a=1");
                        else if (variant == 4)
                            replace(text, "<S12:Body", "&undeclared;<S12:Body");
                        else
                            text = "plain text";
                    };
                });
    all.adverse("1.3-not-utf8", "as4-wire 1.3 UTF-8", "EBMS:0009", 5, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_signed_envelope = [variant = draw.variant](std::string& text) {
            if (variant == 0)
                replace(text, "<S12:Header>", "<S12:Header><!--\xE5-->");
            else if (variant == 1)
                replace(text, "<S12:Header>", "<S12:Header><!--\xC0\x80-->");
            else if (variant == 2)
                replace(text, "<S12:Header>", "<S12:Header><!--\xED\xA0\x80-->");
            else if (variant == 3)
                text = R"(<?xml version="1.0" encoding="ISO-8859-1"?>)" + text;
            else {
                std::string wide = "\xFF\xFE";
                for (const char c : text) {
                    wide += c;
                    wide += '\0';
                }
                text = wide;
            }
        };
    });
    all.adverse("1.3-limits", "as4-wire 1.3 limits", "EBMS:0009", 5, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_signed_envelope = [variant = draw.variant](std::string& text) {
            std::string more;
            if (variant == 0)
                more = repeated("<d>", 40) + repeated("</d>", 40);
            else if (variant == 1) {
                more = "<a";
                for (int i = 0; i < 80; ++i) more += " a" + std::to_string(i) + "=\"\"";
                more += "/>";
            } else if (variant == 2)
                more = repeated("<e/>", 21'000);
            else if (variant == 3)
                more = "<" + std::string(300, 'n') + "/>";
            else
                more = "<deep xmlns:d=\"urn:d\">" + repeated("<d:d>", 5000) + repeated("</d:d>", 5000) + "</deep>";
            replace(text, "</S12:Header>", "<x:x xmlns:x=\"urn:x\">" + more + "</x:x></S12:Header>");
        };
    });
}

}  // namespace

void add_soap_faults(Catalogue& all) {
    add_structure(all);
    add_must_understand(all);
    add_xml(all);
}

}  // namespace budkavle::conformance

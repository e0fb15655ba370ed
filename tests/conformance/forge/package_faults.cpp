/// as4-wire.md 1.1 HTTP, 1.2 MIME package.

#include "catalogue.hpp"

namespace budkavle::conformance {
namespace {

Catalogue::Change content_type(std::vector<std::string> values) {
    return [values](MessageForge& forge, Draw& draw, const Cast&) { forge.content_type = draw.turn(values); };
}
Catalogue::Change part_head(std::vector<std::string> heads) {
    return [heads](MessageForge& forge, Draw& draw, const Cast&) { forge.parts[0].head = draw.turn(heads); };
}

void add_http(Catalogue& all) {
    all.adverse("1.1-media-type", "as4-wire 1.1 Content-Type", "EBMS:0007", 8,
                content_type({"text/html", "application/octet-stream", "application/json",
                              R"(multipart/mixed; boundary="=_forge")", R"(multipart/form-data; boundary="=_forge")",
                              "application/xml", "text/plain; charset=utf-8", "image/png"}));
    all.adverse(
        "1.1-malformed", "as4-wire 1.1 Content-Type", "EBMS:0007", 6,
        content_type({"multipart", "/", "multipart/related; boundary", R"(multipart/related; boundary="=_forge)",
                      R"(multipart/related; boundary=a; boundary="=_forge")", R"(multipart related; boundary="x")"}));
    all.adverse("1.1-boundary", "as4-wire 1.2 boundary", "EBMS:0007", 5,
                content_type({R"(multipart/related; type="application/soap+xml")", R"(multipart/related; boundary="")",
                              R"(multipart/related; boundary=")" + std::string(71, 'b') + "\"",
                              R"(multipart/related; boundary="a{b}")", R"(multipart/related; boundary="=_other")"}));
    all.adverse("1.1-start", "as4-wire 1.1 start", "EBMS:0007", 2,
                content_type({R"(multipart/related; boundary="=_forge"; start="<>")",
                              R"(multipart/related; boundary="=_forge"; start="<a b>")"}));
    all.adverse("1.1-start-nowhere", "as4-wire 1.2 root part", "EBMS:0007", 2,
                content_type({R"(multipart/related; boundary="=_forge"; start="<nobody@x>")",
                              R"(multipart/related; boundary="=_forge"; start="nobody")"}));
    all.adverse("1.1-soap11-type", "as4-wire 1.1 Content-Type", "EBMS:0007", 1,
                [](MessageForge& forge, Draw&, const Cast&) {
                    forge.plain = true;
                    forge.content_type = "text/xml; charset=utf-8";
                });
}

void add_structure(Catalogue& all) {
    all.adverse("1.2-cut", "as4-wire 1.2 boundary", "EBMS:0007", 10, [](MessageForge& forge, Draw& draw, const Cast&) {
        const auto tail = 3 + draw.below(200) + (draw.variant == 0 ? 0 : 6);
        forge.on_body = [tail](std::string& body) { body.resize(body.size() - tail - 4); };
    });
    all.adverse("1.2-no-closing-boundary", "as4-wire 1.2 boundary", "EBMS:0007", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_body = [plain = draw.variant == 0](std::string& body) {
                        body.resize(body.rfind("--=_forge--") + (plain ? 0 : 9));
                    };
                });
    all.adverse("1.2-boundary-with-more", "as4-wire 1.2 boundary", "EBMS:0007", 3,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_body = [junk = draw.turn(std::vector<std::string>{"x", "-", " a"})](std::string& body) {
                        body.insert(body.find("--=_forge", 2) + 9, junk);
                    };
                });
    all.adverse("1.2-empty-package", "as4-wire 1.2", "EBMS:0007", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_body = [body = draw.turn(std::vector<std::string>{"", "--=_forge--\r\n", "\r\n\r\n"})](
                            std::string& out) { out = body; };
    });
    all.adverse("1.2-preamble-too-long", "as4-wire 1.2 limits", "EBMS:0007", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.preamble = std::string(17'000 + draw.below(100), 'p') + "\r\n";
                });
    all.adverse("1.2-too-many-parts", "as4-wire 1.2 limits", "EBMS:0007", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.content_type += R"(; start="<root@x>")";
                    forge.root_head = "Content-Type: application/soap+xml\r\nContent-ID: <root@x>\r\n\r\n";
                    const auto count = draw.variant == 0 ? 201U : 2000U;
                    forge.on_body = [count](std::string& body) {
                        std::string parts;
                        for (unsigned i = 0; i < count; ++i)
                            parts += "--=_forge\r\nContent-ID: <x" + std::to_string(i) + ">\r\n\r\nx\r\n";
                        body.insert(0, parts);
                    };
                });
    all.adverse("1.2-soap-part-too-large", "as4-wire 1.3 limits", "EBMS:0009", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_signed_envelope = [more = draw.below(1000)](std::string& text) {
                        replace(text, "<S12:Header>",
                                "<!--" + std::string((std::size_t{1} << 20) + more, 'c') + "--><S12:Header>");
                    };
                });
}

void add_part_headers(Catalogue& all) {
    all.adverse("1.2-header-malformed", "as4-wire 1.2 header", "EBMS:0007", 5,
                part_head({"Content-Type application/octet-stream\r\n", ": nameless\r\n", " continuation first\r\n",
                           "Content-Type: a\x01"
                           "b\r\n",
                           "Content Type: application/octet-stream\r\n"}));
    all.adverse("1.2-header-twice", "as4-wire 1.2 header", "EBMS:0007", 3,
                part_head({"Content-Type: application/octet-stream\r\nContent-Type: application/gzip\r\n",
                           "Content-Transfer-Encoding: binary\r\ncontent-transfer-encoding: base64\r\n",
                           "Content-ID: <other>\r\n"}));
    all.adverse("1.2-header-line-too-long", "as4-wire 1.2 limits", "EBMS:0007", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.parts[0].head = "X-Long: " + std::string(991 + draw.below(2000), 'h') + "\r\n";
                });
    all.adverse("1.2-header-block-too-long", "as4-wire 1.2 limits", "EBMS:0007", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    for (unsigned i = 0; i < 40 + draw.below(40); ++i)
                        forge.parts[0].head += "X-" + std::to_string(i) + ": " + std::string(500, 'h') + "\r\n";
                });
    all.adverse("1.2-transfer-encoding", "as4-wire 1.2 Content-Transfer-Encoding", "EBMS:0007", 4,
                part_head({"Content-Transfer-Encoding: quoted-printable\r\n", "Content-Transfer-Encoding: gzip\r\n",
                           "Content-Transfer-Encoding: x-uuencode\r\n", "Content-Transfer-Encoding: base65\r\n"}));
    all.adverse("1.2-base64-broken", "as4-wire 1.2 Content-Transfer-Encoding", "EBMS:0007", 3,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.parts[0].head += "Content-Transfer-Encoding: base64\r\n";
                    forge.on_cipher = [junk = draw.turn(std::vector<std::string>{"*", "=", "a"}),
                                       at = draw.below(60)](auto& parts) {
                        auto text = base64_encode(parts[0].cipher);
                        while (text.ends_with('=')) text.pop_back();
                        text.resize(text.size() / 4 * 4);
                        text.insert(junk == "a" ? text.size() : at, junk);
                        parts[0].encoded = text;
                    };
                });
    all.adverse("1.2-content-id-malformed", "as4-wire 1.2 Content-ID", "EBMS:0007", 3,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.parts[0].content_id = draw.turn(std::vector<std::string>{
                        "Content-ID: <>\r\n", "Content-ID: <a b>\r\n", "Content-ID: <%zz>\r\n"});
                });
    all.adverse("1.2-content-id-twice", "as4-wire 1.2 Content-ID", "EBMS:0007", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_cipher = [encoded = draw.variant == 1](auto& parts) {
                        parts.push_back(parts[0]);
                        if (encoded) parts[1].content_id = "Content-ID: <mess%61ge>\r\n";
                    };
                });
}

void add_parts(Catalogue& all) {
    all.adverse("1.2-part-missing", "as4-wire 1.2 parts", "EBMS:0011", 1,
                [](MessageForge& forge, Draw&, const Cast&) { forge.on_cipher = [](auto& parts) { parts.clear(); }; });
    all.adverse(
        "1.2-part-not-named", "as4-wire 1.2 parts", "EBMS:0011", 4, [](MessageForge& forge, Draw& draw, const Cast&) {
            forge.on_cipher = [front = draw.variant % 2 == 0, size = draw.below(4000)](auto& parts) {
                parts.insert(front ? parts.begin() : parts.end(), ForgedPart{.cid = "extra", .cipher = Bytes(size, 7)});
            };
        });
    all.adverse(
        "1.2-part-renamed", "as4-wire 1.2 parts", "EBMS:0011", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
            forge.parts[0].content_id =
                "Content-ID: <" + draw.turn(std::vector<std::string>{"massage", "Message", "messagex"}) + ">\r\n";
        });
    all.adverse("1.2-part-without-content-id", "as4-wire 1.2 parts", "EBMS:0011", 1,
                [](MessageForge& forge, Draw&, const Cast&) { forge.parts[0].content_id = "X-Nothing: here\r\n"; });
    all.adverse("1.2-plain-though-payload", "as4-wire 1.2 parts", "EBMS:0011", 1,
                [](MessageForge& forge, Draw&, const Cast&) {
                    forge.plain = true;
                    forge.content_type = "application/soap+xml; charset=UTF-8";
                });
}

}  // namespace

void add_package_faults(Catalogue& all) {
    add_http(all);
    add_structure(all);
    add_part_headers(all);
    add_parts(all);
}

}  // namespace budkavle::conformance

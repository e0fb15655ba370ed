#pragma once
/// Test only: one change at a time to every element of a document, and the verdict of libxml2's XSD validator on the
/// results.

#include <unistd.h>

#include <map>
#include <set>

#include "base/random.hpp"
#include "sdk/test_support.hpp"

namespace budkavle::sdk::test {

struct Span {
    std::string name;       // qualified
    std::size_t begin = 0;  // of the start tag
    std::size_t inner = 0;  // after the start tag
    std::size_t after = 0;  // of the end tag
    std::size_t end = 0;    // after the end tag
    bool leaf = true;
    std::size_t parent_after = 0;  // of the parent's end tag
};

/// Elements of markup without comments, CDATA, empty-element tags and declaration, root first.
inline std::vector<Span> spans(const std::string& text) {
    std::vector<Span> out;
    std::vector<std::size_t> open;
    for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
        const auto close = text.find('>', at);
        if (text[at + 1] == '/') {
            out[open.back()].after = at;
            out[open.back()].end = close + 1;
            open.pop_back();
        } else {
            if (!open.empty()) out[open.back()].leaf = false;
            open.push_back(out.size());
            out.push_back({text.substr(at + 1, text.find_first_of(" >", at) - at - 1), at, close + 1, 0, 0, true, 0});
        }
    }
    for (Span& span : out)
        for (const Span& parent : out)
            if (parent.inner <= span.begin && span.end <= parent.after) span.parent_after = parent.after;
    return out;
}

/// Every mutation by a name that says what was done to what.
inline std::map<std::string, std::string> mutations(const std::string& text) {
    static constexpr std::string_view kForeign = "<f:x xmlns:f=\"urn:example.se:tillagg\">t</f:x>";
    static constexpr std::string_view kXsi =
        " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" ";
    std::map<std::string, std::string> out;
    unsigned number = 0;
    for (const Span& span : spans(text)) {
        const std::string whole = text.substr(span.begin, span.end - span.begin);
        const std::string id = std::to_string(1000 + ++number) + "-" + span.name.substr(span.name.find(':') + 1);
        const auto with = [&](std::string_view what, std::string_view in_place_of_whole) {
            out[id + "-" + std::string(what)] =
                text.substr(0, span.begin) + std::string(in_place_of_whole) + text.substr(span.end);
        };
        const auto attribute = [&](std::string_view what, const std::string& markup) {
            with(what, "<" + span.name + " " + markup + whole.substr(1 + span.name.size()));
        };
        const std::string xsi(kXsi);
        attribute("attribute-plain", "a=\"b\"");
        attribute("attribute-foreign", "xmlns:f=\"urn:example.se:tillagg\" f:a=\"b\"");
        attribute("attribute-xml-lang", "xml:lang=\"sv\"");
        attribute("xsi-nil-true", xsi + "xsi:nil=\"true\"");
        attribute("xsi-nil-false", xsi + "xsi:nil=\"false\"");
        attribute("xsi-schemalocation", xsi + "xsi:schemaLocation=\"urn:a urn:b\"");
        for (const auto* type : {"xs:string", "xs:token", "xs:dateTime", "xs:boolean", "xs:int", "xs:anyType",
                                 "m:IIType", "m:CVType", "m:MessageType", "m:SenderType", "m:nothing", "unbound:x"})
            if (std::string_view(type).starts_with("xs:") || std::string_view(type).starts_with("unbound:") ||
                text.contains("xmlns:m="))
                attribute("xsi-type-" + replaced(type, ":", "-"), xsi + "xsi:type=\"" + type + "\"");
        with("empty",
             text.substr(span.begin, span.inner - span.begin) + text.substr(span.after, span.end - span.after));
        with("white",
             text.substr(span.begin, span.inner - span.begin) + " \n" + text.substr(span.after, span.end - span.after));
        with("text-inside", text.substr(span.begin, span.inner - span.begin) + "tillagd" +
                                text.substr(span.inner, span.end - span.inner));
        with("foreign-first", text.substr(span.begin, span.inner - span.begin) + std::string(kForeign) +
                                  text.substr(span.inner, span.end - span.inner));
        with("foreign-last", text.substr(span.begin, span.after - span.begin) + std::string(kForeign) +
                                 text.substr(span.after, span.end - span.after));
        with("no-namespace-last", text.substr(span.begin, span.after - span.begin) + "<x xmlns=\"\">t</x>" +
                                      text.substr(span.after, span.end - span.after));
        if (span.leaf)
            with("long", text.substr(span.begin, span.inner - span.begin) + std::string(257, 'x') +
                             text.substr(span.after, span.end - span.after));
        if (span.parent_after == 0) continue;  // the root
        with("missing", "");
        with("doubled", whole + whole);
        with("comment-before", "<!-- c -->" + whole);
        with("foreign-instead", kForeign);
        with("wrong-namespace", "<w:" + id.substr(5) + " xmlns:w=\"urn:example.se:fel\">" +
                                    text.substr(span.inner, span.after - span.inner) + "</w:" + id.substr(5) + ">");
        out[id + "-moved-last"] = text.substr(0, span.begin) + text.substr(span.end, span.parent_after - span.end) +
                                  whole + text.substr(span.parent_after);
    }
    return out;
}

/// Names of the documents that `xmllint --schema` refuses.
inline std::set<std::string> refused_by_xmllint(const std::filesystem::path& schema,
                                                const std::map<std::string, std::string>& documents) {
    const auto folder = std::filesystem::temp_directory_path() / ("budkavle-sdk-" + new_uuid());
    std::filesystem::create_directories(folder);
    for (const auto& [name, text] : documents) std::ofstream(folder / (name + ".xml"), std::ios::binary) << text;
    const auto report = folder / "report.txt";
    const std::string command = "cd '" + folder.string() +
                                "' && find . -name '*.xml' | sort | xargs xmllint --nonet --noout --schema '" +
                                schema.string() + "' >report.txt 2>&1";
    (void)std::system(command.c_str());
    std::set<std::string> refused;
    std::size_t answered = 0;
    std::istringstream lines(load_text(report));
    for (std::string line; std::getline(lines, line);) {
        const bool good = line.ends_with(".xml validates");
        const bool bad = line.ends_with(".xml fails to validate");
        if (good || bad) ++answered;
        if (bad) refused.insert(line.substr(2, line.rfind(".xml ") - 2));
    }
    EXPECT_EQ(answered, documents.size()) << "xmllint did not judge every document";
    std::filesystem::remove_all(folder);
    return refused;
}

}  // namespace budkavle::sdk::test

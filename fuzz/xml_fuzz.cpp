// Whatever the octets are: no crash, no leak, and what was accepted stays the same when written and read again.
#include <cstdlib>

#include "xml/c14n.hpp"
#include "xml/document.hpp"

using namespace budkavle;

namespace {

const xml::Limits kLimits{.bytes = 1 << 20, .elements = 2000, .text = 1 << 16, .markup = 1 << 14};

std::string canonical(const xml::Document& document, const xml::C14n& how) {
    MemorySink sink(SIZE_MAX);
    // Relative namespace names are refused.
    return xml::canonicalise(document, how, sink) ? std::string(as_text(sink.bytes())) : std::string();
}

void walk(xml::Element at) {
    static_cast<void>(at.path());
    static_cast<void>(at.namespaces_in_scope());
    static_cast<void>(at.attributes());
    if (at.text().size() != at.text_size()) std::abort();
    for (const auto child : at.children()) walk(child);
}

void check(const xml::Document& document) {
    walk(document.root());
    const xml::C14n inclusive{.method = xml::C14nMethod::inclusive_1_0, .prefixes = {}};
    const xml::C14n exclusive{.method = xml::C14nMethod::exclusive, .prefixes = {"a", "#default"}};
    const auto first = canonical(document, inclusive);
    xml::Limits wide = kLimits;
    wide.bytes = wide.markup = std::size_t{16} << 20;
    const auto again = xml::Document::parse(as_bytes(document.to_string()), wide);
    if (!again || canonical(*again, inclusive) != first ||
        canonical(*again, exclusive) != canonical(document, exclusive))
        std::abort();
    if (first.empty()) return;
    const auto from_canonical = xml::Document::parse(as_bytes(first), wide);
    if (!from_canonical || canonical(*from_canonical, inclusive) != first) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView octets(data, size);
    if (const auto document = xml::Document::parse(octets, kLimits)) check(*document);
    MemorySource source(octets);
    if (const auto document = xml::Document::parse_pruned(source, 7, kLimits)) walk(document->root());
    static const auto envelope =
        xml::Document::parse(as_bytes("<x xmlns='urn:d' xmlns:a='urn:a?b&amp;c' xmlns:b='urn:b'><c/></x>"));
    if (const auto document = xml::Document::parse_in_context(octets, envelope->root(), kLimits)) check(*document);
    return 0;
}

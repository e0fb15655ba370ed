#pragma once
/// Canonical XML: inclusive 1.0, inclusive 1.1, exclusive 1.0, each without comments.

#include <string>
#include <vector>

#include "xml/document.hpp"

namespace budkavle::xml {

enum class C14nMethod : std::uint8_t { inclusive_1_0, inclusive_1_1, exclusive };

struct C14n {
    C14nMethod method = C14nMethod::exclusive;
    std::vector<std::string>
        prefixes;  ///< InclusiveNamespaces PrefixList; "#default" allowed; unbound prefixes are ignored
};

/// Writes the canonical octets of the subtree at `apex` into `into`, leaving out `exclude` (the enveloped signature)
/// when given. Errors: those of `into`; "c14n.base" for inclusive 1.1 below an element with xml:base, "c14n.namespace"
/// for a namespace name that is no absolute URI (found after octets have been written).
Result<> canonicalise(Element apex, const C14n& how, Sink& into, Element exclude = {});
/// Of the whole document (comments outside the root are left out too).
Result<> canonicalise(const Document& document, const C14n& how, Sink& into, Element exclude = {});

}  // namespace budkavle::xml

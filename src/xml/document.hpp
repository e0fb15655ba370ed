#pragma once
/// Reading XML from hostile sources: no DTD, no entities but the five, no network, no XInclude, limits on everything
/// (SEC-64).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/stream.hpp"

struct _xmlDoc;
struct _xmlNode;

namespace budkavle::xml {

/// What a document may cost. Only UTF-8 and XML 1.0 are read, whatever the limits.
struct Limits {
    std::size_t bytes = std::size_t{64} << 20;  ///< octets of the document
    std::size_t depth = 64;
    std::size_t attributes = 64;                ///< per element, namespace declarations included
    std::size_t namespaces = 256;               ///< namespace declarations in force at one place
    std::size_t elements = 200'000;             ///< elements and processing instructions
    std::size_t all_attributes = 400'000;       ///< of the whole document, namespace declarations included
    std::size_t text = std::size_t{64} << 20;   ///< octets of one text run
    std::size_t name = 1024;                    ///< octets of one name (its two parts separately)
    std::size_t attribute_value = 64 * 1024;    ///< octets of one attribute value or namespace name
    std::size_t markup = std::size_t{1} << 20;  ///< octets of one tag, comment or processing instruction
};

/// One finding of a validation: which rule, where, what. Text never holds document content.
struct Finding {
    std::string rule;  ///< rule id, or "XSD"
    std::string at;    ///< path like /m:messagePayload/m:message[1]/…; unprefixed names where the document uses none
    std::string text;
};

class Elements;

/// An element of a living Document: a light cursor, valid as long as its Document.
class Element {
public:
    Element() = default;
    explicit Element(_xmlNode* node) : node_(node) {}
    explicit operator bool() const { return node_ != nullptr; }
    bool operator==(const Element&) const = default;

    [[nodiscard]] std::string_view name() const;  ///< local name
    [[nodiscard]] std::string_view ns() const;    ///< namespace URI, empty when none
    [[nodiscard]] std::string_view prefix() const;
    [[nodiscard]] bool is(std::string_view ns, std::string_view name) const;
    [[nodiscard]] Elements children() const;
    /// First child with that name; empty Element when none.
    [[nodiscard]] Element child(std::string_view ns, std::string_view name) const;
    [[nodiscard]] std::vector<Element> children(std::string_view ns, std::string_view name) const;
    [[nodiscard]] Element parent() const;  ///< empty at the root
    /// All character data directly inside, comments and PIs skipped, CDATA included, pieces joined.
    [[nodiscard]] std::string text() const;
    /// The same handed out in pieces without a copy of the whole (long base64).
    void for_each_text(const std::function<void(std::string_view)>& visit) const;
    [[nodiscard]] std::size_t text_size() const;
    [[nodiscard]] bool has_text() const;  ///< character data other than white space directly inside
    [[nodiscard]] bool has_element_children() const;
    [[nodiscard]] std::optional<std::string> attribute(std::string_view name) const;  ///< without namespace
    [[nodiscard]] std::optional<std::string> attribute(std::string_view ns, std::string_view name) const;
    struct Attribute {
        std::string ns;
        std::string name;
        std::string value;
    };
    [[nodiscard]] std::vector<Attribute> attributes() const;  ///< no namespace declarations
    /// Namespaces in scope: prefix → URI (empty prefix = default), innermost wins.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> namespaces_in_scope() const;
    [[nodiscard]] std::string path()
        const;  ///< for findings and errors: with the document's own prefixes and [n] where siblings share the name
    [[nodiscard]] int line() const;
    [[nodiscard]] _xmlNode* raw() const { return node_; }

private:
    _xmlNode* node_ = nullptr;
};

/// Range over child elements (comments, text and PIs skipped).
class Elements {
public:
    explicit Elements(Element parent) : parent_(parent) {}
    class Iterator {
    public:
        using value_type = Element;
        using difference_type = std::ptrdiff_t;
        Iterator() = default;
        explicit Iterator(Element at) : at_(at) {}
        Element operator*() const { return at_; }
        Iterator& operator++();
        Iterator operator++(int) {
            auto old = *this;
            ++*this;
            return old;
        }
        bool operator==(const Iterator&) const = default;

    private:
        Element at_;
    };
    [[nodiscard]] Iterator begin() const;
    [[nodiscard]] Iterator end() const { return {}; }

private:
    Element parent_;
};

/// A parsed document. Move only. Comments are dropped while reading and CDATA sections become text, so that a value is
/// always one piece and what is read is what canonical XML without comments signs.
class Document {
public:
    /// Errors: "xml.doctype" (SEC-64), "xml.malformed" (namespaces included), "xml.encoding", "xml.limit", each with
    /// line; errors of `source` are handed on. A UTF-8 BOM is accepted. After an error nothing more is read.
    static Result<Document> parse(ByteView octets, const Limits& limits = {});
    static Result<Document> parse(Source& source, const Limits& limits = {});
    /// Parses a fragment that is one element, in the namespace context of `context` (XHE-10: prefixes declared only on
    /// the envelope). Leading BOM and XML declaration are accepted. The result is a document of its own; its root
    /// carries the namespaces of `context`, so it can be serialised and canonicalised alone.
    static Result<Document> parse_in_context(ByteView octets, Element context, const Limits& limits = {});
    /// Streams `source` and keeps the tree, but of any run of text longer than `keep` octets only the first `keep`
    /// (for the access point, which must judge an envelope without holding its payload). Here `limits.text` is
    /// for all that is kept, attribute values included, and a CDATA section counts as markup.
    static Result<Document> parse_pruned(Source& source, std::size_t keep, const Limits& limits = {});

    Document(Document&&) noexcept;
    Document& operator=(Document&&) noexcept;
    Document(const Document&) = delete;
    Document& operator=(const Document&) = delete;
    ~Document();

    [[nodiscard]] Element root() const;
    /// Parses `markup` (one element that declares its own namespaces) and makes it the last child of `parent`: a
    /// signature is made in place, because inclusive canonical XML renders the namespaces in scope there.
    /// Errors as parse, "xml.memory".
    Result<Element> append(Element parent, std::string_view markup);
    /// Gives an element that has no content its text.
    void set_text(Element element, std::string_view text);
    [[nodiscard]] _xmlDoc* raw() const { return doc_; }
    /// The octets of this tree as UTF-8 with no declaration and no reformatting.
    [[nodiscard]] Result<> serialise(Sink& into) const;
    [[nodiscard]] std::string to_string() const;

private:
    friend class TreeBuilder;
    explicit Document(_xmlDoc* doc) : doc_(doc) {}
    _xmlDoc* doc_ = nullptr;
};

}  // namespace budkavle::xml

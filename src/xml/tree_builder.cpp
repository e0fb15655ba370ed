#include "xml/tree_builder.hpp"

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include <algorithm>
#include <cstring>

namespace budkavle::xml {
namespace {

std::size_t length_of(const xmlChar* text) {
    return text == nullptr ? 0 : std::strlen(reinterpret_cast<const char*>(text));
}

bool only_white_space(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// libxml2 counts text in int; far below that, and far above every message.
constexpr std::size_t kLargestText = std::size_t{512} << 20;

struct ContextDeleter {
    void operator()(xmlParserCtxt* context) const {
        if (context->myDoc != nullptr) xmlFreeDoc(context->myDoc);
        context->myDoc = nullptr;
        xmlFreeParserCtxt(context);
    }
};

}  // namespace

// The parser is never halted from inside a callback (it frees buffers that its callers still use): events are switched
// off and the reader reports the end, so that at most the octets already buffered are looked at.
struct TreeBuilder::Events {
    static TreeBuilder& of(void* context) {
        return *static_cast<TreeBuilder*>(static_cast<xmlParserCtxt*>(context)->_private);
    }

    static int read(void* self, char* into, int size) {
        auto& builder = *static_cast<TreeBuilder*>(self);
        if (builder.error_ || builder.ended_ || size <= 0) return 0;
        const std::span<std::uint8_t> room(reinterpret_cast<std::uint8_t*>(into), static_cast<std::size_t>(size));
        auto got = builder.source_->read(room);
        if (!got) {
            builder.refuse(std::move(got).error());
            return 0;
        }
        const auto checked = *got == 0 ? builder.guard_.finish() : builder.guard_.check(room.first(*got));
        builder.ended_ = *got == 0;
        if (!checked) {
            builder.refuse(checked.error());
            return 0;
        }
        return static_cast<int>(*got);
    }

    static void start_document(void* context) {
        auto* parser = static_cast<xmlParserCtxt*>(context);
        const auto* encoding = parser->encoding != nullptr ? parser->encoding : parser->input->encoding;
        if (encoding != nullptr && xmlStrcasecmp(encoding, BAD_CAST "UTF-8") != 0)
            return of(context).refuse("xml.encoding", "The document is not declared as UTF-8.");
        if (parser->version != nullptr && xmlStrcmp(parser->version, BAD_CAST "1.0") != 0)
            return of(context).refuse("xml.malformed", "The document is not XML 1.0.");
        xmlSAX2StartDocument(context);
    }

    static void doctype(void* context, const xmlChar*, const xmlChar*, const xmlChar*) {
        of(context).refuse("xml.doctype", "The document has a DOCTYPE.");
    }

    static void start_element(void* context, const xmlChar* name, const xmlChar* prefix, const xmlChar* uri,
                              int namespaces_size, const xmlChar** namespaces, int attributes_size, int defaulted,
                              const xmlChar** attributes) {
        auto& builder = of(context);
        const auto& limits = builder.options_.limits;
        if (!builder.start_element(static_cast<std::size_t>(namespaces_size),
                                   static_cast<std::size_t>(attributes_size)))
            return;
        bool name_too_long = length_of(name) > limits.name || length_of(prefix) > limits.name;
        bool value_too_long = false;
        for (int i = 0; i < namespaces_size; ++i) {
            name_too_long |= length_of(namespaces[2 * i]) > limits.name;
            value_too_long |= length_of(namespaces[2 * i + 1]) > limits.attribute_value;
        }
        for (int i = 0; i < attributes_size; ++i) {
            const xmlChar** one = attributes + 5 * i;
            name_too_long |= length_of(one[0]) > limits.name || length_of(one[1]) > limits.name;
            const auto size = static_cast<std::size_t>(one[4] - one[3]);
            value_too_long |= size > limits.attribute_value;
            builder.keep(size);
        }
        if (name_too_long) return builder.refuse("xml.limit", "A name is too long.");
        if (value_too_long) return builder.refuse("xml.limit", "An attribute value is too long.");
        if (!builder.error_)
            xmlSAX2StartElementNs(context, name, prefix, uri, namespaces_size, namespaces, attributes_size, defaulted,
                                  attributes);
    }

    static void end_element(void* context, const xmlChar* name, const xmlChar* prefix, const xmlChar* uri) {
        of(context).end_element();
        xmlSAX2EndElementNs(context, name, prefix, uri);
    }

    static void text(void* context, const xmlChar* octets, int size) {
        const auto taken =
            of(context).take_text({reinterpret_cast<const char*>(octets), static_cast<std::size_t>(size)});
        if (taken > 0) xmlSAX2Characters(context, octets, static_cast<int>(taken));
    }

    static void instruction(void* context, const xmlChar* target, const xmlChar* data) {
        auto& builder = of(context);
        if (length_of(target) > builder.options_.limits.name) return builder.refuse("xml.limit", "A name is too long.");
        builder.count_element();
        builder.keep(length_of(data));
        if (!builder.error_) xmlSAX2ProcessingInstruction(context, target, data);
    }

    static void error(void* context, xmlErrorPtr error) {
        if (error == nullptr || error->level < XML_ERR_ERROR) return;
        switch (error->code) {
            case XML_ERR_UNKNOWN_ENCODING:
            case XML_ERR_UNSUPPORTED_ENCODING:
            case XML_ERR_INVALID_ENCODING:
                return of(context).refuse("xml.encoding", "The document is not UTF-8.");
            default:
                // The parser's own words would quote the document; its number tells an expert as much.
                return of(context).refuse("xml.malformed", "The document is not well-formed XML (libxml2 error " +
                                                               std::to_string(error->code) + ").");
        }
    }
};

TreeBuilder::TreeBuilder(const Options& options) : options_(options), guard_(options.limits, options.keep.has_value()) {
    options_.limits.text = std::min(options_.limits.text, kLargestText);
    if (options_.wrapped) ++options_.limits.depth, ++options_.limits.elements;
}

void TreeBuilder::refuse(Error error) {
    if (!error_) error_ = std::move(error);
    if (context_ != nullptr) {
        context_->wellFormed = 0;
        context_->disableSAX = 1;
    }
}

void TreeBuilder::refuse(std::string_view code, std::string_view text) {
    const auto line = context_ != nullptr && context_->input != nullptr ? std::max(context_->input->line, 1) : 1;
    refuse(fail(code, "SEC-64", line_place(static_cast<std::size_t>(line)), text).error());
}

bool TreeBuilder::start_element(std::size_t namespaces, std::size_t attributes) {
    run_ = 0;
    declared_.push_back(namespaces);
    in_force_ += namespaces;
    attributes_ += namespaces + attributes;
    count_element();
    const auto depth = declared_.size();
    if (depth > options_.limits.depth) {
        refuse("xml.limit", "The document is nested too deeply.");
    } else if (attributes_ > options_.limits.all_attributes) {
        refuse("xml.limit", "The document has too many attributes.");
    } else if (options_.wrapped && depth == 1) {
        return true;
    } else if (in_force_ > options_.limits.namespaces) {
        refuse("xml.limit", "Too many namespaces are declared.");
    } else if (namespaces + attributes > options_.limits.attributes) {
        refuse("xml.limit", "An element has too many attributes.");
    }
    if (depth == 2) ++wrapped_elements_;
    return !error_;
}

void TreeBuilder::count_element() {
    if (++elements_ > options_.limits.elements)
        refuse("xml.limit", "The document has too many elements or processing instructions.");
}

void TreeBuilder::keep(std::size_t octets) {
    kept_ += octets;
    if (options_.keep && kept_ > options_.limits.text)
        refuse("xml.limit", "The document has too much text in too many places.");
}

void TreeBuilder::end_element() {
    run_ = 0;
    in_force_ -= declared_.back();
    declared_.pop_back();
}

std::size_t TreeBuilder::take_text(std::string_view text) {
    if (options_.wrapped && declared_.size() == 1) {
        if (!only_white_space(text)) refuse("xml.malformed", "The fragment has text beside its root element.");
        return 0;
    }
    const auto before = run_;
    run_ += text.size();
    if (!options_.keep) {
        if (run_ > options_.limits.text) refuse("xml.limit", "A text is too long.");
        return error_ ? 0 : text.size();
    }
    auto taken = text.size();
    if (run_ > *options_.keep) {
        taken = before >= *options_.keep ? 0 : *options_.keep - before;
        while (taken > 0 && (static_cast<std::uint8_t>(text[taken]) & 0xC0) == 0x80) --taken;
    }
    keep(taken);
    return error_ ? 0 : taken;
}

Result<Document> TreeBuilder::build(Source& source) {
    static const bool initialised = (xmlInitParser(), true);
    static_cast<void>(initialised);
    source_ = &source;

    xmlSAXHandler sax{};
    sax.initialized = XML_SAX2_MAGIC;
    sax.startDocument = Events::start_document;
    sax.endDocument = xmlSAX2EndDocument;
    sax.internalSubset = Events::doctype;
    sax.startElementNs = Events::start_element;
    sax.endElementNs = Events::end_element;
    sax.characters = Events::text;
    sax.ignorableWhitespace = Events::text;
    sax.cdataBlock = Events::text;
    sax.processingInstruction = Events::instruction;
    sax.serror = Events::error;

    const std::unique_ptr<xmlParserCtxt, ContextDeleter> context(
        xmlCreateIOParserCtxt(&sax, nullptr, Events::read, nullptr, this, XML_CHAR_ENCODING_NONE));
    if (!context)
        return error_ ? std::unexpected(*error_)
                      : fail("xml.malformed", "SEC-64", "line 1", "The document is not XML.");
    context_ = context.get();
    context->_private = this;
    context->userData = context.get();
    // The size limits of libxml2 give way to ours. Without NOENT it would leave &amp; in namespace names as "&#38;";
    // there is nothing else to substitute, since no entity can be declared without a DOCTYPE.
    xmlCtxtUseOptions(context.get(), XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_BIG_LINES | XML_PARSE_NOENT);
    if (error_) return std::unexpected(*error_);

    xmlParseDocument(context.get());
    if (!error_ && (context->wellFormed == 0 || context->nsWellFormed == 0 || context->myDoc == nullptr ||
                    xmlDocGetRootElement(context->myDoc) == nullptr))
        refuse("xml.malformed", "The document is not well-formed XML.");
    if (!error_ && options_.wrapped && wrapped_elements_ != 1)
        refuse("xml.malformed", "The fragment is not exactly one element.");
    context_ = nullptr;
    if (error_) return std::unexpected(*error_);
    Document document(context->myDoc);
    context->myDoc = nullptr;
    return document;
}

}  // namespace budkavle::xml

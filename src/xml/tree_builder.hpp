#pragma once
/// The only place where an XML parser runs: libxml2's SAX events, judged, then made into a tree.

#include <optional>
#include <vector>

#include "xml/guard.hpp"

struct _xmlParserCtxt;

namespace budkavle::xml {

class TreeBuilder {
public:
    struct Options {
        Limits limits;
        std::optional<std::size_t> keep{};  ///< of every text run, when pruning
        bool wrapped = false;               ///< the root is a wrapper around exactly one element
    };
    explicit TreeBuilder(const Options& options);
    TreeBuilder(const TreeBuilder&) = delete;
    TreeBuilder& operator=(const TreeBuilder&) = delete;

    /// Call once.
    Result<Document> build(Source& source);

private:
    struct Events;
    friend struct Events;

    void refuse(Error error);
    void refuse(std::string_view code, std::string_view text);
    [[nodiscard]] bool start_element(std::size_t namespaces, std::size_t attributes);
    void end_element();
    [[nodiscard]] std::size_t take_text(std::string_view text);
    void keep(std::size_t octets);
    void count_element();

    Options options_;
    Guard guard_;
    Source* source_ = nullptr;
    _xmlParserCtxt* context_ = nullptr;
    std::optional<Error> error_;
    bool ended_ = false;
    std::vector<std::size_t> declared_;  ///< namespace declarations of every open element
    std::size_t in_force_ = 0;
    std::size_t elements_ = 0;
    std::size_t attributes_ = 0;
    std::size_t kept_ = 0;  ///< octets of text and attribute values in the tree
    std::size_t wrapped_elements_ = 0;
    std::size_t run_ = 0;
};

}  // namespace budkavle::xml

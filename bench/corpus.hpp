#pragma once
/// Messages made beforehand, one file: records of four strings, each with its length (32 bits, little endian) in front.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace budkavle::bench {

struct Message {
    std::string id;            ///< MessageId of AS4, or id of the envelope
    std::string content_type;  ///< empty: `body` is an envelope for interface C
    std::string evidence;      ///< to judge the receipt by
    std::string body;
};

class CorpusWriter {
public:
    static Result<std::unique_ptr<CorpusWriter>> create(const std::filesystem::path& file);
    ~CorpusWriter();
    CorpusWriter(const CorpusWriter&) = delete;
    CorpusWriter& operator=(const CorpusWriter&) = delete;
    Result<> add(const Message& message);

private:
    explicit CorpusWriter(std::FILE* file) : file_(file) {}
    std::FILE* file_;
};

Result<std::vector<Message>> read_corpus(const std::filesystem::path& file);

}  // namespace budkavle::bench

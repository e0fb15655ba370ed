#include "corpus.hpp"

#include <array>

namespace budkavle::bench {
namespace {

std::unexpected<Error> broken() {
    return fail("bench.corpus", "The file of messages cannot be read or written.");
}

bool put(std::FILE* file, const std::string& text) {
    const auto size = static_cast<std::uint32_t>(text.size());
    return std::fwrite(&size, sizeof size, 1, file) == 1 &&
           (text.empty() || std::fwrite(text.data(), text.size(), 1, file) == 1);
}

bool get(std::FILE* file, std::string& text) {
    std::uint32_t size = 0;
    if (std::fread(&size, sizeof size, 1, file) != 1) return false;
    text.resize(size);
    return size == 0 || std::fread(text.data(), size, 1, file) == 1;
}

}  // namespace

Result<std::unique_ptr<CorpusWriter>> CorpusWriter::create(const std::filesystem::path& file) {
    auto* handle = std::fopen(file.c_str(), "wb");
    if (handle == nullptr) return broken();
    return std::unique_ptr<CorpusWriter>(new CorpusWriter(handle));
}
CorpusWriter::~CorpusWriter() {
    std::fclose(file_);
}

Result<> CorpusWriter::add(const Message& message) {
    for (const auto* text : {&message.id, &message.content_type, &message.evidence, &message.body})
        if (!put(file_, *text)) return broken();
    return {};
}

Result<std::vector<Message>> read_corpus(const std::filesystem::path& file) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> handle(std::fopen(file.c_str(), "rb"), &std::fclose);
    if (!handle) return broken();
    std::vector<Message> messages;
    for (Message one; get(handle.get(), one.id);) {
        if (!get(handle.get(), one.content_type) || !get(handle.get(), one.evidence) || !get(handle.get(), one.body))
            return broken();
        messages.push_back(std::move(one));
    }
    return messages;
}

}  // namespace budkavle::bench

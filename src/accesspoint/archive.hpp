#pragma once
/// Form of a backup inside its encryption: entries of name, length and octets, then an end mark, so that nothing can
/// be missing unseen.

#include <filesystem>
#include <functional>
#include <string>

#include "base/stream.hpp"

namespace budkavle::accesspoint {

class ArchiveWriter {
public:
    explicit ArchiveWriter(Sink& to) : to_(to) {}
    Result<> add(const std::string& name, ByteView octets);
    Result<> add_file(const std::string& name, const std::filesystem::path& file);
    Result<> end();

private:
    Result<> head(const std::string& name, std::uint64_t length);
    Sink& to_;
};

/// Calls `take` for each entry; it must read the entry to its end. Error "restore.damaged".
Result<> read_archive(Source& from, const std::function<Result<>(const std::string& name, Source& octets)>& take);

}  // namespace budkavle::accesspoint

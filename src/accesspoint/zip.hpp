#pragma once
/// ZIP files without compression, in one form only: what is read must be octet by octet what this would write. So a
/// changed octet anywhere, also between the files, is found.

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace budkavle::accesspoint {

struct ZipEntry {
    std::string name;  ///< `A-Za-z0-9._/-`, at most 100, no ".."
    Bytes octets;
    bool operator==(const ZipEntry&) const = default;
};

[[nodiscard]] Bytes write_zip(const std::vector<ZipEntry>& entries);
/// At most 200 entries and 256 MiB. Error "package.zip".
[[nodiscard]] Result<std::vector<ZipEntry>> read_zip(ByteView octets);

}  // namespace budkavle::accesspoint

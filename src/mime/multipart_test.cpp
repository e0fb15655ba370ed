// multipart/related: foreign input (AS4 vectors, Python's email package), boundaries at every split, hostile packages.
#include "mime/multipart.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/random.hpp"

namespace budkavle::mime {
namespace {

namespace fs = std::filesystem;

/// Gives the octets in two pieces, cut at `cut`, then at most `step` octets a call.
class SplitSource final : public Source {
public:
    SplitSource(std::string_view text, std::size_t cut, std::size_t step = SIZE_MAX)
        : text_(text), cut_(cut), step_(step) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        auto n = std::min({into.size(), step_, text_.size() - at_});
        if (at_ < cut_) n = std::min(n, cut_ - at_);
        std::copy_n(as_bytes(text_).begin() + static_cast<std::ptrdiff_t>(at_), n, into.begin());
        at_ += n;
        return n;
    }

private:
    std::string_view text_;
    std::size_t cut_;
    std::size_t step_;
    std::size_t at_ = 0;
};

struct Seen {
    std::string id;
    std::string type;
    std::string octets;
    bool operator==(const Seen&) const = default;
};

Result<std::vector<Seen>> read_package(Source& body, std::string_view content_type, Limits limits = {}) {
    BUDKAVLE_TRY(const auto type, parse_content_type(content_type));
    BUDKAVLE_TRY(auto reader, MultipartReader::create(body, type, limits));
    std::vector<Seen> out;
    while (true) {
        BUDKAVLE_TRY(Part * part, reader->next());
        if (part == nullptr) return out;
        BUDKAVLE_TRY(const auto octets, read_all(*part, std::size_t{64} << 20));
        out.push_back({part->content_id().value_or("-"), part->content_type(), std::string(as_text(octets))});
    }
}

Result<std::vector<Seen>> read_text(std::string_view body,
                                    std::string_view content_type = "multipart/related; boundary=b") {
    MemorySource source(body);
    return read_package(source, content_type);
}

std::string code_of(std::string_view body) {
    const auto result = read_text(body);
    return result ? "accepted" : result.error().code;
}

fs::path vectors() {
    const char* shared = std::getenv("BUDKAVLE_SHARED");
    const fs::path dir = (shared ? fs::path(shared) : fs::path(BUDKAVLE_SOURCE_DIR) / ".." / "shared") / "as4-vectors";
    EXPECT_TRUE(fs::exists(dir))
        << "The AS4 vectors are missing; set BUDKAVLE_SHARED to the folder that holds as4-vectors.";
    return dir;
}

std::string slurp(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string header_of(const fs::path& headers) {
    auto text = slurp(headers);
    text = text.substr(text.find(':') + 1);
    return std::string(trim(text));
}

class TempDir {
public:
    TempDir() : path_(fs::temp_directory_path() / ("budkavle-mime-" + new_uuid())) { fs::create_directory(path_); }
    ~TempDir() { fs::remove_all(path_); }
    [[nodiscard]] fs::path file(const std::string& name, std::string_view text) const {
        std::ofstream(path_ / name, std::ios::binary) << text;
        return path_ / name;
    }

private:
    fs::path path_;
};

std::string run(const std::string& command) {
    std::string out;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return out;
    std::array<char, 4096> piece{};
    while (const auto n = std::fread(piece.data(), 1, piece.size(), pipe)) out.append(piece.data(), n);
    EXPECT_EQ(::pclose(pipe), 0) << command;
    return out;
}

/// Lines "id length hex" as Python's email package reads the package.
constexpr std::string_view kPythonReads = R"(
import sys, email, email.policy
head, body = open(sys.argv[1], 'rb').read(), open(sys.argv[2], 'rb').read()
m = email.message_from_bytes(b'Content-Type: ' + head.strip() + b'\r\n\r\n' + body, policy=email.policy.HTTP)
for p in m.get_payload():
    octets = p.get_payload(decode=True)
    print((p['Content-ID'] or '-').strip('<>'), len(octets), octets.hex())
)";

std::string listing(const std::vector<Seen>& parts) {
    std::string out;
    for (const auto& part : parts)
        out += part.id + " " + std::to_string(part.octets.size()) + " " + hex_encode(as_bytes(part.octets)) + "\n";
    return out;
}

TEST(MultipartVectors, EveryPackageIsReadAsIndexTellsAndPythonReads) {
    const TempDir dir;
    const auto script = dir.file("read.py", kPythonReads);
    std::size_t packages = 0;
    for (const auto& entry : fs::directory_iterator(vectors())) {
        if (entry.path().extension() != ".headers") continue;
        auto body_path = entry.path();
        body_path.replace_extension(".body");
        const auto type = header_of(entry.path());
        const auto body = slurp(body_path);
        SCOPED_TRACE(body_path.filename().string());
        if (!type.starts_with("multipart/")) {
            MemorySource source(body);
            EXPECT_EQ(read_package(source, type).error().code, "mime.not_multipart");
            continue;
        }
        ++packages;
        const auto parts = read_text(body, type);
        if (body_path.stem() == "neg-66-truncated-mime") {
            ASSERT_FALSE(parts);
            EXPECT_EQ(parts.error().code, "mime.truncated");
            continue;
        }
        ASSERT_TRUE(parts) << parts.error().describe();
        const auto head = dir.file("head", type);
        EXPECT_EQ(listing(*parts), run("python3 " + script.string() + " " + head.string() + " " + body_path.string()));
    }
    EXPECT_GE(packages, 20U);
}

TEST(MultipartVectors, BoundaryIsFoundWhereverTheBodyIsSplit) {
    for (const auto* name : {"pos-01-phase4-bst", "pos-03-axis2-issuerserial", "pos-24-cte-base64"}) {
        const auto type = header_of(vectors() / (std::string(name) + ".headers"));
        const auto body = slurp(vectors() / (std::string(name) + ".body"));
        const auto whole = read_text(body, type);
        ASSERT_TRUE(whole);
        ASSERT_EQ(whole->size(), 2U);
        for (std::size_t cut = 0; cut <= body.size(); ++cut) {
            SplitSource source(body, cut);
            const auto parts = read_package(source, type);
            ASSERT_TRUE(parts && *parts == *whole) << name << " cut at " << cut;
        }
        SplitSource drops(body, 0, 1);
        EXPECT_EQ(read_package(drops, type).value(), *whole);
    }
}

TEST(MultipartVectors, CutAnywhereNeverLooksComplete) {
    const auto type = header_of(vectors() / "pos-02-domibus-bst.headers");
    const auto body = slurp(vectors() / "pos-02-domibus-bst.body");
    const auto end = body.rfind("--") + 2;  // the closing boundary; the line end behind it is epilogue
    for (std::size_t length = 0; length < end; length += length < end - 400 ? 97 : 1) {
        const auto parts = read_text(std::string_view(body).substr(0, length), type);
        ASSERT_FALSE(parts) << length;
        ASSERT_EQ(parts.error().code, "mime.truncated") << length;
    }
    EXPECT_TRUE(read_text(std::string_view(body).substr(0, end), type));
}

TEST(MultipartRead, ErrorOfATruncatedPartStays) {
    MemorySource body("--b\r\nContent-ID: <x>\r\n\r\nhalf a par");
    auto reader = MultipartReader::create(body, *parse_content_type("multipart/related; boundary=b")).value();
    Part* part = reader->next().value();
    ASSERT_NE(part, nullptr);
    Bytes piece(100);
    auto n = part->read(piece);
    while (n && *n > 0) n = part->read(piece);
    ASSERT_FALSE(n);
    EXPECT_EQ(n.error().code, "mime.truncated");
    EXPECT_EQ(part->read(piece).error().code, "mime.truncated");
    EXPECT_EQ(reader->next().error().code, "mime.truncated");
}

TEST(MultipartRead, BoundaryAcrossOwnBufferEdges) {
    // The reader's pieces are 64 KiB: lay the boundary at every offset around that.
    for (std::size_t size = kPiece - 120; size <= kPiece + 10; ++size) {
        std::string payload(size, 'x');
        payload[size / 2] = '\n';
        const auto body =
            "--frontier\r\nContent-ID: <a>\r\n\r\n" + payload + "\r\n--frontier\r\n\r\nend\r\n--frontier--";
        MemorySource source(body);
        const auto parts = read_package(source, "multipart/related; boundary=frontier");
        ASSERT_TRUE(parts) << size;
        ASSERT_EQ(parts->at(0).octets, payload) << size;
        ASSERT_EQ(parts->at(1).octets, "end") << size;
    }
}

TEST(MultipartRead, LineEndBeforeBoundaryBelongsToIt) {
    const auto parts = read_text("--b\r\n\r\n\r\r\n\n\r\n--b\r\n\r\n\r\n\r\n--b--\r\n");
    ASSERT_TRUE(parts);
    EXPECT_EQ(parts->at(0).octets, "\r\r\n\n");
    EXPECT_EQ(parts->at(1).octets, "\r\n");
}

TEST(MultipartRead, AmongBareLineFeedsACarriageReturnIsContent) {  // as4-wire 1.2: bare LF
    EXPECT_EQ(read_text("--b\nContent-ID: <a>\nContent-Type: text/xml\n\none\r\n--b\n\n--b--").value(),
              (std::vector<Seen>{{"a", "text/xml", "one\r"}, {"-", "", ""}}));
    EXPECT_EQ(read_text("--b\n\n\r\n--b\n\n\r\r\n--b--").value(), (std::vector<Seen>{{"-", "", "\r"}, {"-", "", "\r\r"}}));
}

TEST(MultipartRead, AcceptsWhatPeersSend) {
    const std::vector<Seen> expected{{"a", "text/xml", "one"}, {"-", "", ""}};
    EXPECT_EQ(read_text("--b\nContent-ID: <a>\nContent-Type: text/xml\n\none\n--b\n\n--b--").value(),
              expected);  // bare LF
    EXPECT_EQ(
        read_text(
            "\r\n--b\r\ncontent-id:a\r\nCONTENT-TYPE:\ttext/xml \r\n\r\none\r\n--b \t\r\n\r\n\r\n--b--  \r\nepilogue")
            .value(),
        expected);
    EXPECT_EQ(
        read_text(
            "\xEF\xBB\xBF--b\r\nContent-ID: <%61>\r\nContent-Type:\r\n  text/xml\r\n\r\none\r\n--b\r\n\r\n\r\n--b--")
            .value(),
        expected);
    EXPECT_EQ(read_text("preamble\r\n--b\r\nContent-ID: <a>\r\nContent-Type: "
                        "text/xml\r\n\r\none\r\n--b\r\n\r\n--b--\r\n--b\r\nignored")
                  .value(),
              expected);
}

TEST(MultipartRead, RefusesWithTheCause) {
    EXPECT_EQ(code_of(""), "mime.truncated");
    EXPECT_EQ(code_of("no boundary at all"), "mime.truncated");
    EXPECT_EQ(code_of("--b--"), "accepted");  // no part: for the caller to judge
    EXPECT_EQ(code_of("--b\r\n\r\nx\r\n--b-"), "mime.truncated");
    EXPECT_EQ(code_of("--b\r\n\r\nx\r\n--b\r\n"), "mime.truncated");
    EXPECT_EQ(code_of("--b\r\n\r\nx\r\n--bc\r\n\r\n--b--"), "mime.boundary");
    EXPECT_EQ(code_of("--b\r\n\r\nx\r\n--b--c\r\n--b--"), "mime.boundary");
    EXPECT_EQ(code_of("--b\r\nno colon\r\n\r\nx\r\n--b--"), "mime.header");
    EXPECT_EQ(code_of("--b\r\nName : v\r\n\r\nx\r\n--b--"), "mime.header");
    EXPECT_EQ(code_of("--b\r\n folded: first\r\n\r\nx\r\n--b--"), "mime.header");
    EXPECT_EQ(code_of("--b\r\nA: b\rc\r\n\r\nx\r\n--b--"), "mime.header");
    EXPECT_EQ(code_of("--b\r\nContent-ID: <a>\r\ncontent-id: <b>\r\n\r\nx\r\n--b--"), "mime.header_twice");
    EXPECT_EQ(code_of("--b\r\nContent-ID: <a@x>\r\n\r\n1\r\n--b\r\nContent-ID: <a%40x>\r\n\r\n2\r\n--b--"),
              "mime.content_id_twice");
    EXPECT_EQ(code_of("--b\r\nContent-ID: <>\r\n\r\n1\r\n--b--"), "mime.content_id");
    EXPECT_EQ(code_of("--b\r\nContent-ID: <%zz>\r\n\r\n1\r\n--b--"), "mime.content_id");
    EXPECT_EQ(code_of("--b\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n1\r\n--b--"), "mime.transfer_encoding");
    EXPECT_EQ(code_of("--b\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJ*\r\n--b--"), "base64.malformed");
    EXPECT_EQ(code_of("--b\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJDR\r\n--b--"), "base64.malformed");
}

TEST(MultipartRead, LimitsSec64) {
    const auto many = [](int n) {
        std::string body;
        for (int i = 0; i < n; ++i) body += "--b\r\n\r\nx\r\n";
        return body + "--b--";
    };
    EXPECT_EQ(code_of(many(200)), "accepted");
    EXPECT_EQ(code_of(many(201)), "mime.limit");
    const auto line = [](std::size_t n) { return "--b\r\nA: " + std::string(n - 3, 'x') + "\r\n\r\nx\r\n--b--"; };
    EXPECT_EQ(code_of(line(998)), "accepted");
    EXPECT_EQ(code_of(line(999)), "mime.limit");
    EXPECT_EQ(code_of("--b\r\nA: " + std::string(1 << 20, 'x')), "mime.limit");
    std::string block;
    for (int i = 0; i < 17; ++i) block += "A: " + std::string(990, 'x') + "\r\n";
    EXPECT_EQ(code_of("--b\r\n" + block + "\r\nx\r\n--b--"), "mime.limit");
    EXPECT_EQ(code_of(std::string(20'000, '\n') + "--b\r\n\r\nx\r\n--b--"), "mime.limit");
    const auto with_boundary = [](std::size_t n) {
        MemorySource source("");
        return MultipartReader::create(source,
                                       *parse_content_type("multipart/related; boundary=" + std::string(n, 'x')))
            .has_value();
    };
    EXPECT_TRUE(with_boundary(70));
    EXPECT_FALSE(with_boundary(71));
}

TEST(MultipartRead, UnreadPartsAreSkipped) {
    MemorySource body("--b\r\nContent-ID: <a>\r\n\r\nlong\r\nenough\r\n--b\r\nContent-ID: <b>\r\n\r\ntwo\r\n--b--");
    auto reader = MultipartReader::create(body, *parse_content_type("multipart/related; boundary=b")).value();
    ASSERT_NE(reader->next().value(), nullptr);
    Part* second = reader->next().value();
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(second->content_id(), "b");
    EXPECT_EQ(second->number(), 2U);
    EXPECT_EQ(reader->next().value(), nullptr);
    EXPECT_EQ(reader->next().value(), nullptr);
}

TEST(MultipartForeign, PackageBuiltByPython) {
    const TempDir dir;
    const auto script = dir.file("write.py", R"(
import sys
from email.mime.multipart import MIMEMultipart
from email.mime.application import MIMEApplication
from email.encoders import encode_base64
m = MIMEMultipart('related', type='application/soap+xml')
for i in range(3):
    p = MIMEApplication(bytes(range(256)) * (i * 200), 'octet-stream', encode_base64)
    p['Content-ID'] = '<part%d@py.example.se>' % i
    m.attach(p)
sys.stdout.buffer.write(m.as_bytes())
)");
    const auto message = run("python3 " + script.string());
    const auto body_at = message.find("\n\n") + 2;
    const auto type_at = message.find("Content-Type:") + 13;
    const auto parts = read_text(std::string_view(message).substr(body_at),
                                 message.substr(type_at, message.find("\nMIME-Version") - type_at));
    ASSERT_TRUE(parts) << parts.error().describe();
    ASSERT_EQ(parts->size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(parts->at(i).id, "part" + std::to_string(i) + "@py.example.se");
        EXPECT_EQ(parts->at(i).octets.size(), i * 200 * 256);
    }
}

TEST(MultipartWrite, PythonReadsOurPackageAndTheLengthIsKnownBefore) {
    const std::string root = "<Envelope/>";
    const std::string payload("\r\n\0\xff--binary\n\r\n\r", 16);
    const auto layout = MultipartLayout::create({{"application/soap+xml;charset=UTF-8", "root@ap.example.se"},
                                                 {"application/octet-stream", "message"},
                                                 {"application/octet-stream", "empty"}})
                            .value();
    MemorySource a(root), b(payload), c(std::string_view{});
    const std::array<Source*, 3> sources{&a, &b, &c};
    MemorySink sink(10'000);
    ASSERT_TRUE(layout.write(sources, sink));
    const std::array<std::uint64_t, 3> lengths{root.size(), payload.size(), 0};
    EXPECT_EQ(layout.total_length(lengths), sink.bytes().size());
    EXPECT_EQ(layout.content_type().find("charset"), std::string::npos);

    const TempDir dir;
    const auto script = dir.file("read.py", kPythonReads);
    const auto head = dir.file("head", layout.content_type());
    const auto body = dir.file("body", as_text(sink.bytes()));
    const auto expected = "root@ap.example.se 11 " + hex_encode(as_bytes(root)) + "\nmessage 16 " +
                          hex_encode(as_bytes(payload)) + "\nempty 0 \n";
    EXPECT_EQ(run("python3 " + script.string() + " " + head.string() + " " + body.string()), expected);
    EXPECT_EQ(listing(read_text(as_text(sink.bytes()), layout.content_type()).value()), expected);
}

TEST(MultipartWrite, RefusesValuesThatPeersReadDifferently) {
    const auto code = [](PartHead second) {
        const auto layout = MultipartLayout::create({{"application/soap+xml", "root"}, std::move(second)});
        return layout ? "accepted" : layout.error().code;
    };
    EXPECT_EQ(code({"application/gzip", "message"}), "accepted");
    EXPECT_EQ(code({"application/gzip", "a+b"}), "mime.content_id");
    EXPECT_EQ(code({"application/gzip", ""}), "mime.content_id");
    EXPECT_EQ(code({"application/gzip", "root"}), "mime.content_id_twice");
    EXPECT_EQ(code({"application/gzip\r\nX: y", "message"}), "mime.header");
}

}  // namespace
}  // namespace budkavle::mime

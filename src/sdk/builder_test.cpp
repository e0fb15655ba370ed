#include "sdk/builder.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>

#include "base/random.hpp"
#include "sdk/check.hpp"
#include "sdk/mutation.hpp"
#include "sdk/sample_message.hpp"

namespace budkavle::sdk {
namespace {

const Time kNow = *parse_time("2026-03-02T09:15:03.900Z");

Address address(const std::string& organisation, const std::string& function) {
    return {.organisation = *federation::ParticipantId::parse(organisation),
            .organisation_label = "",
            .function = function,
            .function_label = "",
            .persons = {},
            .references = {}};
}

Draft sample() {
    Draft draft = new_draft(kNow, address("0203:skolan.example.se", "sdk:elevhalsa"),
                            address("0203:kommunen.example.se", "sdk:socialjour"));
    draft.subject = "Mötestid";
    draft.documents.push_back({.name = "Handling", .files = {}, .texts = {"Hej & <välkommen>\r\n"}});
    return draft;
}

Result<std::string> written(const Draft& draft, std::uint64_t limit = kSendLimit) {
    MemorySink sink(std::size_t{40} << 20);
    BUDKAVLE_CHECK(write_message(draft, sink, limit));
    return std::string(as_text(sink.bytes()));
}

TEST(Builder, WritesWhatItsOwnChecksAccept) {
    auto draft = sample();
    const Bytes pdf = to_bytes("%PDF-1.4\n");
    MemorySource source(pdf);
    draft.documents[0].files.push_back({"a.pdf", "application/pdf", &source});
    draft.confidentiality = true;
    const auto text = written(draft);
    ASSERT_TRUE(text) << text.error().describe();
    EXPECT_TRUE(check_message(as_bytes(*text)).valid());
    const auto document = xml::Document::parse(as_bytes(*text));
    const auto message = read_message(document->root());
    EXPECT_EQ(message.header.message_id, draft.message_id);
    EXPECT_EQ(message.header.conversation_id, draft.message_id) << "a new message begins its conversation (section 5)";
    EXPECT_FALSE(message.header.ref_to_message_id);
    EXPECT_EQ(message.header.created, "2026-03-02T09:15:03.900Z");
    EXPECT_TRUE(message.header.confidentiality);
    ASSERT_EQ(message.documents.size(), 1U);
    EXPECT_EQ(message.documents[0].texts.at(0), "Hej & <välkommen>\r\n") << "the carriage return survives";
    MemorySink content(100);
    ASSERT_TRUE(write_content(message.documents[0].files.at(0), content));
    EXPECT_EQ(content.bytes(), pdf);
}

TEST(Builder, RefusesWhatWouldNotBeValid) {
    Bytes empty;
    MemorySource nothing(empty);
    const std::vector<std::pair<std::string, std::function<void(Draft&)>>> faults{
        {"19", [](Draft& d) { d.message_id = "x"; }},
        {"19", [](Draft& d) { d.conversation_id = ""; }},
        {"19", [](Draft& d) { d.ref_to_message_id = "5b0d"; }},
        {"verifyNonEmptyElements", [](Draft& d) { d.subject = " \t"; }},
        {"5a", [](Draft& d) { d.subject = std::string(257, 'x'); }},
        {"", [](Draft& d) { d.subject = "a\x01"; }},
        {"", [](Draft& d) { d.subject = "a\xFF"; }},
        {"", [](Draft& d) { d.subject = "a\xEF\xBF\xBF"; }},
        {"verifyNonEmptyElements", [](Draft& d) { d.recipient.function = ""; }},
        {"K14", [](Draft& d) { d.sender.organisation = *federation::ParticipantId::parse("0007:2021006883"); }},
        {"5a", [](Draft& d) { d.sender.organisation_label = std::string(257, 'x'); }},
        {"5a", [](Draft& d) { d.recipient.persons.push_back({Identifier{"r", std::string(257, 'x')}, std::nullopt}); }},
        {"", [](Draft& d) { d.recipient.persons.push_back({}); }},
        {"verifyNonEmptyElements", [](Draft& d) { d.sender.references.push_back({{"dnr", ""}, std::nullopt}); }},
        {"K14", [](Draft& d) { d.documents.clear(); }},
        {"K14", [](Draft& d) { d.documents[0].texts.clear(); }},
        {"verifyNonEmptyElements", [](Draft& d) { d.documents[0].texts = {"\n"}; }},
        {"", [&](Draft& d) { d.documents[0].files.push_back({"a/b.pdf", "application/pdf", &nothing}); }},
        {"MSG-02", [&](Draft& d) { d.documents[0].files.push_back({"b.pdf", "pdf", &nothing}); }},
        {"verifyNonEmptyElements",
         [&](Draft& d) { d.documents[0].files.push_back({"b.pdf", "application/pdf", &nothing}); }},
    };
    ASSERT_TRUE(written(sample()));
    for (std::size_t i = 0; i < faults.size(); ++i) {
        auto draft = sample();
        faults[i].second(draft);
        const auto text = written(draft);
        ASSERT_FALSE(text) << i;
        EXPECT_EQ(text.error().code, "message.field") << i;
        EXPECT_EQ(text.error().rule, faults[i].first) << i;
    }
}

TEST(Builder, StopsAtTheSizeLimit) {  // MSG-03, TF 2.3.1
    const auto text = written(sample());
    EXPECT_TRUE(written(sample(), text->size()));
    const auto refused = written(sample(), text->size() - 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "message.too_long");
    EXPECT_EQ(refused.error().rule, "MSG-03");
}

/// Octets without an end that memory would notice.
class Counted final : public Source {
public:
    explicit Counted(std::size_t size) : left_(size) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        const std::size_t size = std::min({into.size(), left_, std::size_t{10'007}});
        for (std::size_t i = 0; i < size; ++i) into[i] = static_cast<std::uint8_t>(next_++ * 7);
        left_ -= size;
        return size;
    }

private:
    std::size_t left_;
    std::size_t next_ = 0;
};

/// Remembers the longest single write: what has to be held in memory at once.
class WidestSink final : public Sink {
public:
    Result<> write(ByteView bytes) override {
        widest = std::max(widest, bytes.size());
        total += bytes.size();
        return {};
    }
    std::size_t widest = 0;
    std::size_t total = 0;
};

TEST(Builder, StreamsLargeAttachments) {
    auto draft = sample();
    Counted large(20'000'000);
    draft.documents[0].files.push_back({"a.pdf", "application/pdf", &large});
    WidestSink sink;
    ASSERT_TRUE(write_message(draft, sink));
    EXPECT_GT(sink.total, 26'000'000U);
    EXPECT_LT(sink.widest, 100'000U);
    Counted too_large(23'000'000);
    draft.documents[0].files[0].content = &too_large;
    EXPECT_EQ(write_message(draft, sink).error().code, "message.too_long");
}

TEST(Conversations, ReplyAndComplement) {  // section 5, 3.2
    const auto document = xml::Document::parse(as_bytes(test::replaced(
        test::kSampleMessage,
        "<m:extension>sdk:elevhalsa:0203:skolan.example.se</m:extension></m:organizationId></m:subOrganization>",
        "<m:extension>sdk:elevhalsa:0203:skolan.example.se</m:extension></m:organizationId></m:subOrganization>"
        "<m:reference><m:referenceId><m:root>dnr</m:root><m:extension>S-9</m:extension></m:referenceId></"
        "m:reference>")));
    const Header header = read_header(document->root());
    auto reply = reply_draft(kNow, header);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->conversation_id, header.conversation_id);
    EXPECT_EQ(reply->ref_to_message_id, header.message_id);
    EXPECT_NE(reply->message_id, header.message_id);
    EXPECT_EQ(reply->recipient.organisation.text(), "0203:skolan.example.se");
    EXPECT_EQ(reply->sender.function, "sdk:socialjour:0203:kommunen.example.se");
    ASSERT_EQ(reply->recipient.references.size(), 1U) << "the sender's reference is returned under recipient";
    EXPECT_EQ(reply->recipient.references[0].id, (Identifier{"dnr", "S-9"}));
    reply->subject = "Sv";
    reply->documents.push_back({.name = "x", .files = {}, .texts = {"ja"}});
    EXPECT_TRUE(check_message(as_bytes(*written(*reply))).valid());

    const auto complement = complement_draft(kNow, header);
    ASSERT_TRUE(complement);
    EXPECT_EQ(complement->conversation_id, header.conversation_id);
    EXPECT_EQ(complement->ref_to_message_id, header.message_id);
    EXPECT_EQ(complement->sender.organisation.text(), "0203:skolan.example.se");

    Header no_address = header;
    no_address.sender.attention.reset();
    EXPECT_EQ(reply_draft(kNow, no_address).error().code, "message.no_reply_address");  // K9
}

TEST(Reader, PresentsDocumentsByNumericIndex) {  // MSG-04
    std::string documents;
    for (const auto* index : {"10", "2", "", "001", "99999999999999999999999999", "x"})
        documents += std::string("<m:documents><m:documentID>") + (*index ? index : "none") + "</m:documentID>" +
                     (*index ? std::string("<m:index>") + index + "</m:index>" : "") +
                     "<m:ContentText><m:characterSequence>t</m:characterSequence></m:ContentText></m:documents>";
    auto text = test::kSampleMessage;
    const auto from = text.find("<m:documents>");
    text = text.substr(0, from) + documents + text.substr(text.find("</m:messageBody>"));
    const auto document = xml::Document::parse(as_bytes(text));
    std::string order;
    for (const auto& part : read_message(document->root()).documents) order += part.id + " ";
    EXPECT_EQ(order, "001 2 10 99999999999999999999999999 none x ");
}

/// Random drafts, each from a printed seed.
class Random {
public:
    explicit Random(unsigned seed) : engine_(seed) {}
    std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_); }
    bool coin() { return below(2) == 0; }
    std::string text(std::size_t longest) {
        static constexpr std::string_view kPieces[] = {"a",           "Å",
                                                       "€",           "\xF0\x9F\x93\xA8",
                                                       " ",           "&",
                                                       "<",           ">",
                                                       "]]>",         "\"",
                                                       "'",           "\n",
                                                       "\r\n",        "\t",
                                                       "<!--",        "&#13;",
                                                       "\xC2\x85",    "\xE2\x80\xA8",
                                                       "\xEF\xBB\xBF"};
        std::string out = "x";
        const std::size_t size = below(longest);
        for (std::size_t length = 1; length + 6 < size;) {  // no piece has more than five characters
            const auto piece = kPieces[below(std::size(kPieces))];
            length += utf8_length(piece);
            out += piece;
        }
        return out;
    }
    Bytes octets(std::size_t longest) {
        Bytes out(1 + below(longest));
        for (auto& octet : out) octet = static_cast<std::uint8_t>(engine_());
        return out;
    }
    std::optional<std::string> maybe(std::size_t longest) {
        return coin() ? std::optional(text(longest)) : std::nullopt;
    }
    Address address(const std::string& organisation) {
        Address out = sdk::address(organisation, text(256));
        if (coin()) out.organisation_label = text(256);
        if (coin()) out.function_label = text(256);
        for (std::size_t i = below(3); i > 0; --i)
            out.persons.push_back({coin() ? std::optional(Identifier{text(50), text(256)}) : std::nullopt, text(256)});
        for (std::size_t i = below(3); i > 0; --i) out.references.push_back({{text(50), text(256)}, maybe(256)});
        return out;
    }

private:
    std::mt19937 engine_;
};

struct Made {
    Draft draft;
    std::vector<std::vector<Bytes>> contents;
    std::vector<std::unique_ptr<MemorySource>> sources;
};

Made make(Random& random) {
    Made made;
    made.draft = new_draft(kNow, random.address("0203:skolan.example.se"), random.address("0203:kommunen.example.se"));
    made.draft.subject = random.text(257);
    made.draft.confidentiality = random.coin();
    made.draft.generating_system = {random.text(100), random.text(100)};
    if (random.coin()) made.draft.ref_to_message_id = new_uuid();
    const std::size_t documents = 1 + random.below(3);
    for (std::size_t i = 0; i < documents; ++i) {
        DraftDocument document{.name = random.text(300), .files = {}, .texts = {random.text(1000)}};
        if (random.coin()) document.texts.push_back(random.text(100));
        auto& contents = made.contents.emplace_back();
        for (std::size_t j = random.below(3); j > 0; --j) contents.push_back(random.octets(j == 1 ? 20'000 : 7));
        for (const auto& content : contents) {
            made.sources.push_back(std::make_unique<MemorySource>(content));
            document.files.push_back({"fil " + std::to_string(random.below(99)) + ".bin", "application/octet-stream",
                                      made.sources.back().get()});
        }
        made.draft.documents.push_back(std::move(document));
    }
    return made;
}

void expect_party(const Party& read, const Address& drafted) {
    EXPECT_EQ(read.organisation, (Identifier{"iso6523-actorid-upis", drafted.organisation.text()}));
    EXPECT_EQ(read.label.value_or(""), drafted.organisation_label);
    ASSERT_TRUE(read.attention);
    EXPECT_EQ(read.attention->function.extension, drafted.function);
    EXPECT_EQ(read.attention->function_label.value_or(""), drafted.function_label);
    EXPECT_EQ(read.attention->persons, drafted.persons);
    EXPECT_EQ(read.attention->references, drafted.references);
}

TEST(Property, WhatIsWrittenIsReadBack) {
    for (unsigned seed = 0; seed < 60; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Random random(seed);
        const Made made = make(random);
        const auto text = written(made.draft);
        ASSERT_TRUE(text) << text.error().describe();
        ASSERT_TRUE(check_message(as_bytes(*text)).valid());
        const auto document = xml::Document::parse(as_bytes(*text));
        const auto message = read_message(document->root());
        EXPECT_EQ(message.header.label, made.draft.subject);
        EXPECT_EQ(message.header.generating_system, made.draft.generating_system);
        EXPECT_EQ(message.header.ref_to_message_id, made.draft.ref_to_message_id);
        expect_party(message.header.recipient, made.draft.recipient);
        expect_party(message.header.sender, made.draft.sender);
        ASSERT_EQ(message.documents.size(), made.draft.documents.size());
        for (std::size_t i = 0; i < message.documents.size(); ++i) {
            EXPECT_EQ(message.documents[i].name, made.draft.documents[i].name);
            EXPECT_EQ(message.documents[i].texts, made.draft.documents[i].texts);
            ASSERT_EQ(message.documents[i].files.size(), made.contents[i].size());
            for (std::size_t j = 0; j < made.contents[i].size(); ++j) {
                MemorySink sink(1 << 20);
                ASSERT_TRUE(write_content(message.documents[i].files[j], sink));
                EXPECT_EQ(sink.bytes(), made.contents[i][j]);
            }
        }
    }
}

/// The same through Python's parser and base64, so that writer and reader cannot agree on a mistake.
TEST(Property, ForeignReaderSeesTheSame) {
    const auto folder = std::filesystem::temp_directory_path() / ("budkavle-builder-" + new_uuid());
    std::filesystem::create_directories(folder);
    std::string expected;
    std::map<std::string, std::string> documents;
    for (unsigned seed = 1000; seed < 1020; ++seed) {
        Random random(seed);
        const Made made = make(random);
        const auto text = written(made.draft);
        ASSERT_TRUE(text);
        documents[std::to_string(seed)] = *text;
        std::ofstream(folder / (std::to_string(seed) + ".xml"), std::ios::binary) << *text;
        expected += hex_encode(as_bytes(made.draft.subject)) + "\n" +
                    hex_encode(as_bytes(made.draft.recipient.function)) + "\n";
        for (std::size_t i = 0; i < made.draft.documents.size(); ++i) {
            for (const auto& content : made.contents[i]) expected += hex_encode(content) + "\n";
            for (const auto& part : made.draft.documents[i].texts) expected += hex_encode(as_bytes(part)) + "\n";
        }
    }
    std::ofstream(folder / "read.py") << R"(import base64, glob, sys, xml.etree.ElementTree as tree
m = '{urn:riv:infrastructure:messaging:MessageWithAttachments:3}'
with open('seen.txt', 'w') as out:
    for path in sorted(glob.glob('*.xml')):
        message = tree.parse(path).getroot().find(m + 'message')
        header = message.find(m + 'messageHeader')
        out.write(header.find(m + 'label').text.encode().hex() + '\n')
        way = 'recipient/attention/subOrganization/organizationId/extension'
        out.write(header.find('/'.join(m + step for step in way.split('/'))).text.encode().hex() + '\n')
        for document in message.find(m + 'messageBody'):
            for content in document.iter(m + 'content'):
                out.write(base64.b64decode(content.text, validate=True).hex() + '\n')
            for text in document.iter(m + 'characterSequence'):
                out.write(text.text.encode().hex() + '\n')
)";
    ASSERT_EQ(std::system(("cd '" + folder.string() + "' && python3 read.py").c_str()), 0);
    EXPECT_EQ(test::load_text(folder / "seen.txt"), expected);
    std::filesystem::remove_all(folder);
    EXPECT_TRUE(
        test::refused_by_xmllint(
            test::shared("spec/data/message/xsd/infrastructure_messaging_MessageWithAttachments_3.0.xsd"), documents)
            .empty());
}

}  // namespace
}  // namespace budkavle::sdk

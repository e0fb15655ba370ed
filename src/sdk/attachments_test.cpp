#include "sdk/attachments.hpp"

#include <gtest/gtest.h>

namespace budkavle::sdk {
namespace {

TEST(Attachments, MediaTypesCompareWithoutCaseAndParameters) {
    EXPECT_EQ(media_type(" Application/PDF ; version=1"), "application/pdf");
    EXPECT_EQ(media_type("application/vnd.oasis.opendocument.text"), "application/vnd.oasis.opendocument.text");
    for (const auto* bad :
         {"", "pdf", "/pdf", "application/", "application/pdf/x", "application pdf", "a b/c", "text/\xC3\xA5"})
        EXPECT_EQ(media_type(bad), "") << bad;
}

TEST(Attachments, PdfIsAlwaysTaken) {  // MSG-01
    EXPECT_TRUE(AttachmentPolicy::only({}).accepts("application/pdf"));
    EXPECT_FALSE(AttachmentPolicy::only({}).accepts("image/png"));
    EXPECT_TRUE(AttachmentPolicy::only({"Image/PNG"}).accepts("image/png"));
    EXPECT_TRUE(AttachmentPolicy::standard().accepts("IMAGE/JPEG"));
    EXPECT_FALSE(AttachmentPolicy::standard().accepts("application/x-msdownload"));
    EXPECT_TRUE(AttachmentPolicy::any().accepts("application/x-msdownload"));
    EXPECT_FALSE(AttachmentPolicy::any().accepts("nonsense"));
}

TEST(Attachments, SniffKnowsItsMarks) {  // MSG-05
    EXPECT_EQ(sniff(as_bytes("%PDF-1.7")), "application/pdf");
    EXPECT_EQ(sniff(as_bytes("\x89PNG\r\n\x1A\n")), "image/png");
    EXPECT_EQ(sniff(as_bytes("\xFF\xD8\xFF\xE0")), "image/jpeg");
    EXPECT_EQ(sniff(as_bytes("MM\0*")), "");
    EXPECT_EQ(sniff(as_bytes(std::string_view("MM\0*", 4))), "image/tiff");
    EXPECT_EQ(sniff(as_bytes("hej")), "");
    EXPECT_EQ(sniff({}), "");
}

TEST(Attachments, FileNamesCannotChooseAFolder) {
    EXPECT_EQ(safe_file_name("../../etc/passwd"), "passwd");
    EXPECT_EQ(safe_file_name("C:\\temp\\a.pdf"), "a.pdf");
    EXPECT_EQ(safe_file_name(".."), "file");
    EXPECT_EQ(safe_file_name("/"), "file");
    EXPECT_EQ(safe_file_name(""), "file");
    EXPECT_EQ(safe_file_name(".bashrc"), "bashrc");
    EXPECT_EQ(safe_file_name("a\nb\x01\x7F.pdf"), "ab.pdf");
    EXPECT_EQ(safe_file_name("a:b*c?.pdf"), "a_b_c_.pdf");
    EXPECT_EQ(safe_file_name("faktura\xE2\x80\xAEtxt.exe"), "fakturatxt.exe");  // right-to-left override
    EXPECT_EQ(safe_file_name("\xE2\x81\xA6"
                             "a\xE2\x81\xA9\xD8\x9C"),
              "a");
    EXPECT_EQ(safe_file_name("räksmörgås €.pdf"), "räksmörgås €.pdf");
    const auto cut = safe_file_name(std::string(199, 'a') + "ååå.pdf");
    EXPECT_LE(cut.size(), 200U);
    EXPECT_TRUE(is_valid_utf8(cut));
}

}  // namespace
}  // namespace budkavle::sdk

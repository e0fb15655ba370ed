#include "pdf.hpp"

#include <fmt/format.h>

#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"

namespace budkavle::app {

std::string make_pdf(std::string_view line, std::size_t padding) {
    std::string text;
    for (const char c : line) {
        if (c == '(' || c == ')' || c == '\\') text += '\\';
        text += c;
    }
    const auto page = fmt::format("BT /F1 18 Tf 72 760 Td ({}) Tj ET", text);
    Bytes noise(padding / 2);
    random_bytes(noise);
    const auto filler = hex_encode(noise);
    const std::string leaf =
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> "
        ">>";
    const std::vector<std::string> objects{
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        leaf,
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        fmt::format("<< /Length {} >>\nstream\n{}\nendstream", page.size(), page),
        fmt::format("<< /Length {} >>\nstream\n{}\nendstream", filler.size(), filler),
    };
    std::string out = "%PDF-1.4\n";
    std::string table = fmt::format("xref\n0 {}\n0000000000 65535 f \n", objects.size() + 1);
    for (std::size_t i = 0; i < objects.size(); ++i) {
        table += fmt::format("{:010} 00000 n \n", out.size());
        out += fmt::format("{} 0 obj\n{}\nendobj\n", i + 1, objects[i]);
    }
    const auto start = out.size();
    return out + table +
           fmt::format("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{}\n%%EOF\n", objects.size() + 1, start);
}

}  // namespace budkavle::app

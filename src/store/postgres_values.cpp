#include "store/postgres_values.hpp"

#include <libpq-fe.h>

#include <optional>

namespace budkavle::store {
namespace {

// Object identifiers of built-in types are fixed (pg_type.dat).
enum TypeId : Oid {
    kBool = 16,
    kBytea = 17,
    kName = 19,
    kInt8 = 20,
    kInt2 = 21,
    kInt4 = 23,
    kText = 25,
    kUnknown = 705,
    kVarchar = 1043,
    kNumeric = 1700
};

std::int64_t big_endian(const std::uint8_t* at, std::size_t size) {
    std::uint64_t value = (at[0] & 0x80U) != 0 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8U | at[i];
    return static_cast<std::int64_t>(value);
}

/// SUM of whole numbers is NUMERIC: count of digits to the base 10,000, weight of the first, sign, scale, digits.
std::optional<std::int64_t> whole_number(const std::uint8_t* at, std::size_t size) {
    if (size < 8) return std::nullopt;
    const auto digits = big_endian(at, 2);
    const auto weight = big_endian(at + 2, 2);
    const auto sign = big_endian(at + 4, 2) & 0xffff;
    if ((sign != 0 && sign != 0x4000) || digits < 0 || size < 8 + 2 * static_cast<std::size_t>(digits) || weight > 4 ||
        digits > weight + 1)
        return std::nullopt;
    std::int64_t value = 0;
    for (std::int64_t i = 0; i <= weight; ++i) {
        const auto digit = i < digits ? big_endian(at + 8 + 2 * i, 2) : 0;
        if (__builtin_mul_overflow(value, std::int64_t{10'000}, &value) || __builtin_add_overflow(value, digit, &value))
            return std::nullopt;
    }
    return sign == 0 ? value : -value;
}

std::optional<Value> value_of(const pg_result* result, int row, int column) {
    if (PQgetisnull(result, row, column) != 0) return std::monostate{};
    const auto* text = PQgetvalue(result, row, column);
    const auto* octets = reinterpret_cast<const std::uint8_t*>(text);
    const auto size = static_cast<std::size_t>(PQgetlength(result, row, column));
    switch (PQftype(result, column)) {
        case kBool:
            return std::int64_t{*octets};
        case kInt2:
        case kInt4:
        case kInt8:
            return big_endian(octets, size);
        case kNumeric:
            if (const auto number = whole_number(octets, size)) return *number;
            return std::nullopt;
        case kBytea:
            return Bytes(octets, octets + size);
        case kText:
        case kVarchar:
        case kName:
        case kUnknown:
            return std::string(text, size);
        default:
            return std::nullopt;
    }
}

}  // namespace

Result<PostgresParameters> PostgresParameters::of(const std::vector<Value>& values) {
    PostgresParameters out;
    out.numbers_.reserve(values.size());  // pointers into it must stay
    const auto add = [&](const char* data, std::size_t size, int format) {
        out.pointers_.push_back(data);
        out.lengths_.push_back(static_cast<int>(size));
        out.formats_.push_back(format);
    };
    for (const auto& value : values) {
        if (const auto* number = std::get_if<std::int64_t>(&value)) {
            out.numbers_.push_back(std::to_string(*number));
            add(out.numbers_.back().c_str(), 0, 0);
        } else if (const auto* text = std::get_if<std::string>(&value)) {
            if (text->find('\0') != std::string::npos) return fail("db.failed", "A text holds a zero octet.");
            add(text->c_str(), 0, 0);
        } else if (const auto* octets = std::get_if<Bytes>(&value)) {
            // A null pointer would mean NULL; empty octets are not NULL.
            add(octets->empty() ? "" : reinterpret_cast<const char*>(octets->data()), octets->size(), 1);
        } else {
            add(nullptr, 0, 0);
        }
    }
    return out;
}

Result<std::vector<Row>> rows_of(const pg_result* result) {
    std::vector<Row> rows;
    const int count = PQntuples(result);
    rows.reserve(static_cast<std::size_t>(count));
    for (int row = 0; row < count; ++row) {
        std::vector<Value> values;
        for (int column = 0; column < PQnfields(result); ++column) {
            auto value = value_of(result, row, column);
            if (!value) return fail("db.failed", "A column has a type outside of the common subset of SQL.");
            values.push_back(std::move(*value));
        }
        rows.emplace_back(std::move(values));
    }
    return rows;
}

}  // namespace budkavle::store

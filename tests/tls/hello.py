"""ClientHello messages written octet by octet: what no current TLS library would offer any more (RFC 5246, RFC 8446)."""
import os
import socket
import struct

ALERTS = {40: "handshake_failure", 47: "illegal_parameter", 50: "decode_error", 70: "protocol_version", 86: "inappropriate_fallback"}

GOOD = [0xC02F, 0xC030, 0xCCA8]
WEAK = {
    "RSA key exchange, AES-128-GCM": 0x009C,
    "RSA key exchange, AES-128-CBC": 0x002F,
    "ECDHE, AES-128-CBC, SHA-1": 0xC013,
    "ECDHE, AES-128-CBC, SHA-256": 0xC027,
    "ECDHE, AES-256-CBC, SHA-384": 0xC028,
    "RSA, 3DES": 0x000A,
    "ECDHE, 3DES": 0xC012,
    "RSA, RC4": 0x0005,
    "ECDHE, RC4": 0xC011,
    "RSA, NULL": 0x003B,
    "ECDHE, NULL": 0xC010,
    "anonymous DH, AES-128-GCM": 0x00A6,
    "anonymous ECDH, AES-128": 0xC018,
    "RSA export, RC4-40": 0x0003,
    "RSA, DES": 0x0009,
    "ECDHE, AES-128-CCM-8": 0xC0AE,
}


def extension(number, body):
    return struct.pack(">HH", number, len(body)) + body


def client_hello(version=0x0303, suites=GOOD, compression=(0,), host="", versions=(), record_version=0x0301):
    extensions = extension(10, struct.pack(">HHHH", 6, 29, 23, 24)) + extension(11, b"\x01\x00")
    extensions += extension(13, struct.pack(">H5H", 10, 0x0804, 0x0401, 0x0501, 0x0201, 0x0403))
    extensions += extension(0xFF01, b"\x00")
    if host:
        name = host.encode()
        extensions += extension(0, struct.pack(">HBH", len(name) + 3, 0, len(name)) + name)
    if versions:
        extensions += extension(43, struct.pack(">B", 2 * len(versions)) + b"".join(struct.pack(">H", one) for one in versions))
        extensions += extension(51, struct.pack(">HHH", 36, 29, 32) + os.urandom(32))
    body = struct.pack(">H", version) + os.urandom(32) + b"\x00"
    body += struct.pack(">H", 2 * len(suites)) + b"".join(struct.pack(">H", suite) for suite in suites)
    body += struct.pack(">B", len(compression)) + bytes(compression)
    body += struct.pack(">H", len(extensions)) + extensions
    handshake = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return struct.pack(">BHH", 22, record_version, len(handshake)) + handshake


class Answer:
    """What came back: an alert by name, or the ServerHello with its choices; `port` is our own, as it stands in logs."""

    def __init__(self, port, alert=None, version=None, suite=None, compression=None):
        self.port, self.alert, self.version, self.suite, self.compression = port, alert, version, suite, compression


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            return None
        data += piece
    return data


def exchange(port, octets):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        own = connection.getsockname()[1]
        connection.sendall(octets)
        try:
            head = read_exactly(connection, 5)
            if head is None:
                return Answer(own)
            kind, _, length = struct.unpack(">BHH", head)
            body = read_exactly(connection, length) or b""
        except ConnectionResetError:
            return Answer(own)
        if kind == 21 and len(body) == 2:
            return Answer(own, alert=ALERTS.get(body[1], str(body[1])))
        if kind == 22 and body[:1] == b"\x02":
            version = struct.unpack(">H", body[4:6])[0]
            at = 39 + body[38]
            suite, compression = struct.unpack(">HB", body[at:at + 3])
            return Answer(own, version=version, suite=suite, compression=compression)
        return Answer(own, alert=f"record {kind}")

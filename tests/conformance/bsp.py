"""The rules of WS-I BSP that WSS4J enforces (as4-wire.md 1.8), read off an envelope with Python's XML: what peers would refuse without explanation."""
import re
import xml.etree.ElementTree as ElementTree

DS = "{http://www.w3.org/2000/09/xmldsig#}"
XENC = "{http://www.w3.org/2001/04/xmlenc#}"
WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
WSSE11 = "{http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
X509 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ATTACHMENT = "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform"
CIPHERS = {"http://www.w3.org/2009/xmlenc11#aes128-gcm"}
TRANSPORTS = {"http://www.w3.org/2009/xmlenc11#rsa-oaep", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"}


def findings(envelope):
    """Broken rules of one envelope; empty when a peer with BSP enforcement takes it."""
    root = ElementTree.fromstring(envelope)
    headers = root.findall(f"{SOAP}Header/{WSSE}Security")
    broken = []

    def demand(rule, condition, what=""):
        if not condition:
            broken.append(f"{rule} {what}")

    demand("1.6 one Security header", len(headers) == 1, str(len(headers)))
    security = headers[0]
    tokens = {token.get(f"{WSU}Id"): token for token in security.findall(f"{WSSE}BinarySecurityToken")}
    for token in tokens.values():
        demand("R3029", token.get("EncodingType") == BASE64)
        demand("R3031", token.get("ValueType") == X509)
    for reference in security.iter(f"{WSSE}SecurityTokenReference"):
        demand("R3061", len(reference) == 1)
        inner = reference[0]
        if inner.tag == f"{WSSE}KeyIdentifier":
            demand("R3054", inner.get("ValueType"))
            demand("R3070", inner.get("EncodingType") == BASE64)
        target = tokens.get((inner.get("URI") or "").removeprefix("#"))
        if target is not None:
            demand("R3058", inner.get("ValueType") == target.get("ValueType"))
            demand("R5215", target.get("ValueType") == X509 or reference.get(f"{WSSE11}TokenType") == target.get("ValueType"))
    for info in security.iter(f"{DS}KeyInfo"):
        demand("R5402, R5417, R5424, R5426", len(info) == 1 and info[0].tag == f"{WSSE}SecurityTokenReference")
    signature = security.find(f"{DS}Signature")
    demand("R5404", signature.find(f"{DS}SignedInfo/{DS}CanonicalizationMethod").get("Algorithm") == EXCLUSIVE)
    for reference in signature.iter(f"{DS}Reference"):
        transforms = [transform.get("Algorithm") for transform in reference.findall(f"{DS}Transforms/{DS}Transform")]
        demand("R5416", len(transforms) > 0, reference.get("URI"))
        demand("R5412, R5423", transforms in ([EXCLUSIVE], [ATTACHMENT]), str(transforms))
    demand("no Manifest, no HMACOutputLength", not list(root.iter(f"{DS}Manifest")) and not list(root.iter(f"{DS}HMACOutputLength")))
    for key in security.findall(f"{XENC}EncryptedKey"):
        demand("R3209, R5622, R5623, R5602", not set(key.keys()) & {"Type", "MimeType", "Encoding", "Recipient"}, str(key.keys()))
        demand("R5621", key.find(f"{XENC}EncryptionMethod").get("Algorithm") in TRANSPORTS)
    for data in security.findall(f"{XENC}EncryptedData"):
        method = data.find(f"{XENC}EncryptionMethod")
        demand("R5601", method is not None)
        demand("R5620", method is not None and method.get("Algorithm") in CIPHERS)
    stamps = security.findall(f"{WSU}Timestamp")
    demand("R3227", len(stamps) <= 1)
    for stamp in stamps:
        demand("R3203, R3221, R3222", [child.tag for child in stamp] in ([f"{WSU}Created"], [f"{WSU}Created", f"{WSU}Expires"]))
        for child in stamp:
            demand("R3213, R3217, R3220", re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z", child.text or "") is not None, child.text)
    ids = [value for element in root.iter() for name, value in element.attrib.items() if name in ("Id", f"{WSU}Id")]
    demand("1.3 Ids are unique NCNames", len(ids) == len(set(ids)) and all(re.fullmatch(r"[A-Za-z_][\w.-]*", one) for one in ids), str(ids))
    return broken


def signature_of(envelope):
    """ds:Signature alone, for a schema validator."""
    return ElementTree.tostring(next(ElementTree.fromstring(envelope).iter(f"{DS}Signature")))

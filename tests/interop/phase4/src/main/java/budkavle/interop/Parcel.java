package budkavle.interop;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;

import org.apache.wss4j.common.ext.Attachment;
import org.apache.wss4j.common.ext.AttachmentRequestCallback;
import org.apache.wss4j.common.ext.AttachmentResultCallback;
import org.w3c.dom.Document;

import jakarta.mail.internet.MimeBodyPart;
import jakarta.mail.internet.MimeMultipart;
import jakarta.mail.util.ByteArrayDataSource;

/** A SOAP document with its attachments, read from and written to MIME; also what WSS4J asks for attachments. */
final class Parcel implements CallbackHandler {
  record Part(String type, byte[] octets) {}

  private static final String BOUNDARY = "wss4j-0123456789";
  private final Document document;
  private final Map<String, Part> parts = new LinkedHashMap<>();

  Parcel(Document document) {
    this.document = document;
  }

  Document document() {
    return document;
  }

  Map<String, Part> parts() {
    return parts;
  }

  static Document parse(byte[] octets) throws Exception {
    final var factory = DocumentBuilderFactory.newInstance();
    factory.setNamespaceAware(true);
    factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
    return factory.newDocumentBuilder().parse(new ByteArrayInputStream(octets));
  }

  static Parcel read(Path body, Path headers) throws Exception {
    final byte[] octets = Files.readAllBytes(body);
    final String type = Files.readAllLines(headers).stream().filter(line -> line.toLowerCase().startsWith("content-type:")).findFirst().orElse("")
        .replaceFirst("^[^:]*:\\s*", "");
    if (!type.startsWith("multipart/")) {
      return new Parcel(parse(octets));
    }
    final var multipart = new MimeMultipart(new ByteArrayDataSource(octets, type));
    final var parcel = new Parcel(parse(multipart.getBodyPart(0).getInputStream().readAllBytes()));
    for (int i = 1; i < multipart.getCount(); ++i) {
      final var part = (MimeBodyPart) multipart.getBodyPart(i);
      parcel.parts.put(part.getContentID().replaceAll("^<|>$", ""), new Part(part.getContentType(), part.getInputStream().readAllBytes()));
    }
    return parcel;
  }

  void write(Path body, Path headers) throws Exception {
    final var out = new ByteArrayOutputStream();
    text(out, "--" + BOUNDARY + "\r\nContent-Type: application/soap+xml; charset=UTF-8\r\nContent-Transfer-Encoding: binary\r\n\r\n");
    final var writer = TransformerFactory.newInstance().newTransformer();
    writer.setOutputProperty(OutputKeys.OMIT_XML_DECLARATION, "yes");
    writer.transform(new DOMSource(document), new StreamResult(out));
    for (final var one : parts.entrySet()) {
      text(out, "\r\n--" + BOUNDARY + "\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <" + one.getKey() + ">\r\n\r\n");
      out.write(one.getValue().octets());
    }
    text(out, "\r\n--" + BOUNDARY + "--\r\n");
    Files.write(body, out.toByteArray());
    Files.writeString(headers, "Content-Type: multipart/related; boundary=\"" + BOUNDARY + "\"; type=\"application/soap+xml\"\n");
  }

  private static void text(ByteArrayOutputStream out, String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.UTF_8));
  }

  private Attachment attachment(String id) {
    final Part part = parts.get(id);
    if (part == null) {
      throw new IllegalStateException("no part " + id);
    }
    final var one = new Attachment();
    one.setId(id);
    one.setMimeType(part.type());
    one.setSourceStream(new ByteArrayInputStream(part.octets()));
    return one;
  }

  @Override
  public void handle(Callback[] callbacks) throws IOException, UnsupportedCallbackException {
    for (final Callback one : callbacks) {
      if (one instanceof AttachmentRequestCallback wanted) {
        wanted.setAttachments("Attachments".equals(wanted.getAttachmentId()) ? parts.keySet().stream().map(this::attachment).toList()
                                                                             : java.util.List.of(attachment(wanted.getAttachmentId())));
      } else if (one instanceof AttachmentResultCallback result) {
        final var now = result.getAttachment();
        parts.put(result.getAttachmentId(), new Part(now.getMimeType(), now.getSourceStream().readAllBytes()));
      } else {
        throw new UnsupportedCallbackException(one);
      }
    }
  }
}

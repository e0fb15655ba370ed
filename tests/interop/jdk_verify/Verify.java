import java.io.File;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.io.ByteArrayInputStream;
import java.security.cert.CertificateFactory;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** Verifies the ds:Signature that is a child of the root, with the JDK's secure validation on. */
public final class Verify {
    public static void main(String[] files) throws Exception {
        boolean good = true;
        for (String file : files) {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            factory.setNamespaceAware(true);
            Document document = factory.newDocumentBuilder().parse(new File(file));
            Element signature = null;
            for (Node node = document.getDocumentElement().getFirstChild(); node != null; node = node.getNextSibling())
                if (XMLSignature.XMLNS.equals(node.getNamespaceURI()) && "Signature".equals(node.getLocalName())) signature = (Element) node;
            if (signature == null) {
                System.out.println(file + ": unsigned");
                good = false;
                continue;
            }
            String certificate = signature.getElementsByTagNameNS(XMLSignature.XMLNS, "X509Certificate").item(0).getTextContent();
            X509Certificate signer = (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(Base64.getMimeDecoder().decode(certificate)));
            DOMValidateContext context = new DOMValidateContext(signer.getPublicKey(), signature);
            context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.TRUE);
            boolean valid = XMLSignatureFactory.getInstance("DOM").unmarshalXMLSignature(context).validate(context);
            System.out.println(file + ": " + (valid ? "valid" : "INVALID"));
            good &= valid;
        }
        System.exit(good ? 0 : 1);
    }
}

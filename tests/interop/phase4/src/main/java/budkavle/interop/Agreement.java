package budkavle.interop;

import com.helger.base.state.ETriState;
import com.helger.phase4.CAS4;
import com.helger.phase4.crypto.ECryptoAlgorithmCrypt;
import com.helger.phase4.crypto.ECryptoAlgorithmSign;
import com.helger.phase4.crypto.ECryptoAlgorithmSignDigest;
import com.helger.phase4.mgr.MetaAS4Manager;
import com.helger.phase4.model.EMEP;
import com.helger.phase4.model.EMEPBinding;
import com.helger.phase4.model.pmode.IPModeIDProvider;
import com.helger.phase4.model.pmode.PMode;
import com.helger.phase4.model.pmode.PModeParty;
import com.helger.phase4.model.pmode.PModeReceptionAwareness;
import com.helger.phase4.model.pmode.leg.EPModeSendReceiptReplyPattern;
import com.helger.phase4.model.pmode.leg.PModeLeg;
import com.helger.phase4.model.pmode.leg.PModeLegBusinessInformation;
import com.helger.phase4.model.pmode.leg.PModeLegErrorHandling;
import com.helger.phase4.model.pmode.leg.PModeLegProtocol;
import com.helger.phase4.model.pmode.leg.PModeLegSecurity;
import com.helger.phase4.profile.AS4Profile;
import com.helger.phase4.wss.EWSSVersion;

/** The processing mode: eDelivery AS4 1.15 Common profile, one-way push, with the values of the federation. */
final class Agreement {
  static final String PROFILE = "edelivery-common";
  static final String PARTY_TYPE = "urn:fdc:digg.se:edelivery:transportprofile:as4:partytype:ap";

  private Agreement() {}

  /** phase4 wants a profile; this one adds no checks of its own and keeps the test service from the application. */
  static void register() {
    MetaAS4Manager.getProfileMgr().registerProfile(
        new AS4Profile(PROFILE, "eDelivery AS4 Common", () -> null, (initiator, responder, address) -> mode(initiator, responder, null, null, true),
                       IPModeIDProvider.DEFAULT_DYNAMIC, false, false));
  }

  /** service, action: phase4 knows the test service by the mode, not by the message. */
  static PMode mode(String initiator, String responder, String service, String action, boolean encrypt) {
    final var from = new PModeParty(PARTY_TYPE, initiator, CAS4.DEFAULT_INITIATOR_URL, null, null);
    final var to = new PModeParty(PARTY_TYPE, responder, CAS4.DEFAULT_RESPONDER_URL, null, null);
    final var errors = PModeLegErrorHandling.createUndefined();
    errors.setReportAsResponse(true);
    final var security = new PModeLegSecurity();
    security.setWSSVersion(EWSSVersion.WSS_111);
    security.setX509SignatureAlgorithm(ECryptoAlgorithmSign.RSA_SHA_256);
    security.setX509SignatureHashFunction(ECryptoAlgorithmSignDigest.DIGEST_SHA_256);
    if (encrypt) {
      security.setX509EncryptionAlgorithm(ECryptoAlgorithmCrypt.AES_128_GCM);
      security.setX509EncryptionMinimumStrength(128);
    }
    security.setSendReceipt(true);
    security.setSendReceiptNonRepudiation(true);
    security.setSendReceiptReplyPattern(EPModeSendReceiptReplyPattern.RESPONSE);
    final var leg = new PModeLeg(PModeLegProtocol.createForDefaultSoapVersion(null),
                                 PModeLegBusinessInformation.create(service, action, null, CAS4.DEFAULT_MPC_ID), errors, null, security);
    final var awareness = new PModeReceptionAwareness(ETriState.TRUE, ETriState.TRUE, 1, 10_000, ETriState.TRUE);
    return new PMode(IPModeIDProvider.DEFAULT_DYNAMIC.getPModeID(from, to), from, to, null, EMEP.ONE_WAY, EMEPBinding.PUSH, leg, null, null,
                     awareness);
  }
}

// Peer: JMRTD reads a card whose commands and answers are lines of hexadecimal digits on
// standard output and input. Arguments: longest transfer, block size, whether to read by SFI.

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.security.Security;
import java.util.ArrayList;
import java.util.List;
import java.util.HexFormat;
import java.io.ByteArrayInputStream;
import net.sf.scuba.smartcards.CardService;
import net.sf.scuba.smartcards.CardServiceException;
import net.sf.scuba.smartcards.CommandAPDU;
import net.sf.scuba.smartcards.ResponseAPDU;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.jmrtd.PACEKeySpec;
import org.jmrtd.PassportService;
import org.jmrtd.lds.CardAccessFile;
import org.jmrtd.lds.ChipAuthenticationInfo;
import org.jmrtd.lds.ChipAuthenticationPublicKeyInfo;
import org.jmrtd.lds.PACEInfo;
import org.jmrtd.lds.SecurityInfo;
import org.jmrtd.lds.icao.DG14File;
import org.jmrtd.lds.icao.DG15File;

public final class ReadCard {
  private static final HexFormat HEX = HexFormat.of();

  /** A card on the other end of two pipes. */
  private static final class Pipe extends CardService {
    private final BufferedReader answers = new BufferedReader(new InputStreamReader(System.in));
    private boolean open;

    @Override public void open() { open = true; }
    @Override public boolean isOpen() { return open; }
    @Override public byte[] getATR() { return new byte[0]; }
    @Override public boolean isExtendedAPDULengthSupported() { return true; }
    @Override public void close() { open = false; }
    @Override public boolean isConnectionLost(Exception e) { return false; }

    @Override public ResponseAPDU transmit(CommandAPDU command) throws CardServiceException {
      System.out.println(HEX.formatHex(command.getBytes()));
      System.out.flush();
      try {
        return new ResponseAPDU(HEX.parseHex(answers.readLine()));
      } catch (IOException e) {
        throw new CardServiceException("the pipe broke", e);
      }
    }
  }

  private static byte[] file(PassportService service, short fid, int block) throws Exception {
    try (InputStream in = service.getInputStream(fid, block)) {
      return in.readAllBytes();
    }
  }

  private static void authenticateChip(PassportService service, byte[] dg14) throws Exception {
    String protocol = null;
    ChipAuthenticationPublicKeyInfo key = null;
    for (SecurityInfo info : new DG14File(new ByteArrayInputStream(dg14)).getSecurityInfos()) {
      if (info instanceof ChipAuthenticationInfo) {
        protocol = ((ChipAuthenticationInfo) info).getObjectIdentifier();
      } else if (info instanceof ChipAuthenticationPublicKeyInfo) {
        key = (ChipAuthenticationPublicKeyInfo) info;
      }
    }
    service.doEACCA(
        key.getKeyId(), protocol, key.getObjectIdentifier(), key.getSubjectPublicKey());
  }

  public static void main(String[] arguments) throws Exception {
    Security.insertProviderAt(new BouncyCastleProvider(), 1);
    int longest = Integer.parseInt(arguments[0]);
    int block = Integer.parseInt(arguments[1]);
    boolean bySfi = Boolean.parseBoolean(arguments[2]);
    PassportService service = new PassportService(new Pipe(), 256, longest, block, bySfi, true);
    service.open();
    byte[] access = file(service, PassportService.EF_CARD_ACCESS, block);
    List<PACEInfo> offers = new ArrayList<>();
    for (SecurityInfo info :
        new CardAccessFile(new ByteArrayInputStream(access)).getSecurityInfos()) {
      if (info instanceof PACEInfo) {
        offers.add((PACEInfo) info);
      }
    }
    PACEInfo offer = offers.get(0);
    BigInteger number = offer.getParameterId();
    PACEKeySpec can = PACEKeySpec.createCANKey("123456");
    service.doPACE(can, offer.getObjectIdentifier(), PACEInfo.toParameterSpec(number), number);
    service.sendSelectApplet(true);
    file(service, PassportService.EF_SOD, block);
    authenticateChip(service, file(service, PassportService.EF_DG14, block));
    file(service, PassportService.EF_DG1, block);
    byte[] dg15 = file(service, PassportService.EF_DG15, block);
    file(service, PassportService.EF_DG13, block);
    int portrait = file(service, PassportService.EF_DG2, block).length;
    var key = new DG15File(new ByteArrayInputStream(dg15)).getPublicKey();
    byte[] signature =
        service.doAA(key, "SHA-256", "SHA256WithRSA/ISO9796-2", new byte[8]).getResponse();
    System.out.println("done " + portrait + " " + signature.length);
  }
}

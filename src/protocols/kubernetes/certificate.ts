import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

export interface SessionCertificate {
  /** The authority that the kubeconfig trusts, PEM. */
  readonly ca: string;
  /** What the gateway shows on this session's connections, PEM. */
  readonly certificate: string;
  /** Its key, PKCS #8 PEM. Stays in memory. */
  readonly key: string;
}

/** Clocks of laptops are wrong by hours; the certificate is worth nothing without the session anyway. */
const slack = 24 * 3_600_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/**
 * A certificate authority for one session and the one certificate it ever signs, for the addresses that the local agent
 * listens on. The authority's key is forgotten here, so nobody can sign another.
 */
export async function sessionCertificate(
  session: string,
  now: Date,
  expiresAt: Date,
): Promise<SessionCertificate> {
  const validity = {
    notBefore: new Date(now.getTime() - slack),
    notAfter: new Date(expiresAt.getTime() + slack),
  };
  const authority = await keys();
  const own = await keys();
  const ca = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial(),
      name: `CN=ihc session authority ${session}`,
      ...validity,
      keys: authority,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
    },
    webcrypto,
  );
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: serial(),
      subject: `CN=ihc session ${session}`,
      issuer: ca.subject,
      ...validity,
      publicKey: own.publicKey,
      signingKey: authority.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([
          { type: "ip", value: "127.0.0.1" },
          { type: "ip", value: "::1" },
          { type: "dns", value: "localhost" },
        ]),
      ],
    },
    webcrypto,
  );
  return { ca: ca.toString("pem"), certificate: certificate.toString("pem"), key: await pem(own.privateKey) };
}

function keys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

/** 127 random bits; the first byte keeps the number positive. */
function serial(): string {
  const bytes = Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)));
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString("hex");
}

async function pem(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${(bytes.match(/.{1,64}/g) ?? []).join("\n")}\n-----END PRIVATE KEY-----\n`;
}

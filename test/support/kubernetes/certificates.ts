import "reflect-metadata";
import { generateKeyPairSync, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** PEM texts. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly certificate: string;
}

export interface TestAuthority {
  readonly certificate: string;
  /** For 127.0.0.1 and localhost. */
  server(name: string): Promise<KeyAndCertificate>;
  /** For a user of the cluster: the name is the common name, the groups the organizations. */
  client(name: string, groups?: readonly string[]): Promise<KeyAndCertificate>;
}

const curve = { name: "ECDSA", namedCurve: "P-256" } as const;
const signing = { name: "ECDSA", hash: "SHA-256" } as const;

/** A certificate authority of one test. */
export async function newAuthority(): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const root = await X509CertificateGenerator.createSelfSigned({
    name: "CN=ihc test authority",
    keys,
    signingAlgorithm: signing,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
    ],
  });
  return {
    certificate: root.toString("pem"),
    server: (name) => issue(root, keys.privateKey, `CN=${name}`, "1.3.6.1.5.5.7.3.1"),
    client: (name, groups = []) =>
      issue(
        root,
        keys.privateKey,
        [`CN=${name}`, ...groups.map((group) => `O=${group}`)].join(","),
        "1.3.6.1.5.5.7.3.2",
      ),
  };
}

/** A key by itself in SEC 1 form, such as the one that signs service account tokens. */
export function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return String(privateKey.export({ type: "sec1", format: "pem" }));
}

async function issue(
  root: X509Certificate,
  signingKey: webcrypto.CryptoKey,
  subject: string,
  usage: string,
): Promise<KeyAndCertificate> {
  const keys = await webcrypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: root.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: signing,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
      new ExtendedKeyUsageExtension([usage]),
      new SubjectAlternativeNameExtension([
        { type: "ip", value: "127.0.0.1" },
        { type: "dns", value: "localhost" },
      ]),
    ],
  });
  return { key: await pemOf(keys.privateKey), certificate: certificate.toString("pem") };
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

/** Sensitive values of the cluster's seed. None may reach a client, a recording or the audit log. */
export const clusterCanaries = {
  password: "CANARY-pw-hunter2-9931",
  token: "CANARY-tok-77f1c0de",
  environment: "CANARY-env-55aa10",
  settings: "CANARY-cfg-4242beef",
  card: "4111111111111111",
  email: "canary.eve@leak.example",
} as const;

/** Names what is found in `bytes`, plain or in base64 at any of its three alignments. */
export function clusterCanariesIn(bytes: Uint8Array | string): string[] {
  const text = typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("latin1");
  const values = Object.values(clusterCanaries).filter((value) =>
    forms(value).some((form) => text.includes(form)),
  );
  return values;
}

function forms(value: string): string[] {
  return [value, ...[0, 1, 2].map((shift) => inBase64(value, shift))];
}

/** What of the base64 of `value` stays the same whatever stands around it, when it begins `shift` bytes into a group. */
function inBase64(value: string, shift: number): string {
  const encoded = Buffer.from("x".repeat(shift) + value)
    .toString("base64")
    .replace(/=+$/, "");
  return encoded.slice(shift === 0 ? 0 : 4, -4);
}

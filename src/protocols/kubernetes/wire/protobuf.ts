/**
 * Kubernetes' protobuf envelope: the magic `k8s\0`, then runtime.Unknown { 1: TypeMeta { 1: apiVersion, 2: kind }, 2: raw,
 * 3: contentEncoding, 4: contentType }. Only the type is read here.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
 */
const magic = Buffer.from("k8s\0");

export interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

/** The type that an envelope gives itself; undefined for anything that is not exactly one envelope with one type. */
export function typeOf(bytes: Uint8Array): TypeMeta | undefined {
  if (!Buffer.from(bytes.subarray(0, magic.length)).equals(magic)) return;
  const envelope = fieldsOf(bytes.subarray(magic.length));
  const [meta, second] = envelope?.filter(({ number }) => number === 1) ?? [];
  if (!envelope || !meta || second || envelope.some(({ number }) => number > 4)) return;
  const inner = fieldsOf(meta.value);
  const text = (number: number): string => {
    const [one, more] = inner?.filter((field) => field.number === number) ?? [];
    return one && !more ? Buffer.from(one.value).toString("utf8") : "";
  };
  return { apiVersion: text(1), kind: text(2) };
}

interface Field {
  readonly number: number;
  readonly value: Uint8Array;
}

/** Length-delimited fields only: the envelope has no others. */
function fieldsOf(bytes: Uint8Array): readonly Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    const length = varint(bytes, at + 1);
    if ((tag & 7) !== 2 || tag >= 0x80 || !length) return;
    const end = length.next + length.value;
    if (end > bytes.length) return;
    fields.push({ number: tag >> 3, value: bytes.subarray(length.next, end) });
    at = end;
  }
  return fields;
}

/** Of at most four bytes, so 256 MiB. */
function varint(
  bytes: Uint8Array,
  start: number,
): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) return;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return { value, next: start + i + 1 };
  }
  return;
}

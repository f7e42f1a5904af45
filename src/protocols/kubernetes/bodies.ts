import type { Json } from "../../base/json.ts";
import { bodyHoldsPlaceholder } from "../../core/masking/placeholder.ts";
import type { Effect, Refusal } from "../../core/session/operation.ts";
import { traitsOfBody } from "./body-traits.ts";
import { checkJsonPatch } from "./json-patch.ts";
import type { Meaning } from "./meaning.ts";
import { type Media, mediaOf } from "./media.ts";
import type { ClassifyRequest } from "./operation.ts";
import { withoutValues } from "./shown-body.ts";
import { BadRequest } from "./wire/bad-request.ts";
import { typeOf } from "./wire/protobuf.ts";
import type { RequestInfo } from "./wire/request-info.ts";
import { decodeBody, parseBody } from "./wire/strict-json.ts";
import { parseYaml } from "./wire/yaml-body.ts";

/** A request's body as it is judged and sent. */
export interface Body {
  readonly contentType: string;
  /** As they came; of YAML the JSON that it means. */
  readonly bytes: Uint8Array;
  /** For reviewers and the digest; of protobuf in base64. */
  readonly text: string;
  /** As the recording may hold it. */
  readonly shown: string;
  /** The new object's, where the body is one. */
  readonly name: string;
  readonly effect: Effect;
  readonly traits: readonly string[];
  readonly secrets: readonly string[];
  /** Of the options of a DELETE or an eviction. */
  readonly dryRun: boolean;
  readonly refusal?: Refusal;
}

/** Reads a body; what cannot be read or must not be sent has a refusal. Undefined where there is none. */
export function judgeBody(request: ClassifyRequest, meaning: Meaning): Body | undefined {
  const { body: bytes } = request;
  if (!bytes || bytes.length === 0) return;
  try {
    return understood(request, bytes, meaning);
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    const { rule, reason, hint } = error;
    const text = `${bytes.length} bytes that were not read`;
    const nothing = { contentType: "", name: "", traits: [], secrets: [], dryRun: false } as const;
    return { ...nothing, bytes, text, shown: text, effect: "unknown", refusal: { rule, reason, hint } };
  }
}

function understood(request: ClassifyRequest, bytes: Uint8Array, meaning: Meaning): Body {
  const { info, headers } = request;
  if (!changing.has(info.verb) || meaning.kind !== "request")
    throw new BadRequest("unexpected-body", "a request like this has no body", "send it without one");
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity")
    throw new BadRequest("encoded-body", "the body is compressed", "send it as it is");
  const media = mediaOf(info.verb, headers["content-type"]);
  if (media.form === "protobuf") return question(info, media, bytes, meaning);
  const read = media.form === "yaml" ? readYaml(bytes) : { bytes, ...parseBody(bytes) };
  if (bodyHoldsPlaceholder(bytes) || bodyHoldsPlaceholder(read.bytes))
    throw new BadRequest(
      "placeholder",
      "the body holds what a mask has put in the place of a value: it would replace the real one",
      "send only what you change: kubectl patch, or apply from your own file",
    );
  checkShape(info, media, read.value);
  const { traits, secrets } = traitsOfBody(info, read.value);
  return {
    contentType: media.contentType,
    bytes: read.bytes,
    text: read.text,
    shown: withoutValues(info, read.value, read.text),
    name: info.verb === "create" && info.subresource === "" ? nameIn(read.value) : "",
    effect: traits.some((trait) => takesNode.has(trait)) ? "admin" : "read",
    traits: [...media.traits, ...traits],
    secrets,
    dryRun: dryRunOf(info, read.value),
  };
}

const changing: ReadonlySet<string> = new Set(["create", "update", "patch", "delete", "deletecollection"]);

/** With these a pod is as good as its node. */
const takesNode: ReadonlySet<string> = new Set(["host-path", "host-namespace", "privileged"]);

function readYaml(bytes: Uint8Array) {
  const text = decodeBody(bytes);
  if (/^\s*[[{]/.test(text)) return { bytes, ...parseBody(bytes) };
  const json = JSON.stringify(parseYaml(text));
  return { bytes: Buffer.from(json), ...parseBody(Buffer.from(json)) };
}

/**
 * Protobuf cannot be judged here, so it passes only where it changes nothing whatever it says: questions about one's own
 * rights, which client-go asks in protobuf. The envelope must name the type that the path asks for.
 */
function question(info: RequestInfo, media: Media, bytes: Uint8Array, meaning: Meaning): Body {
  const type = typeOf(bytes);
  const expected = `${info.group}/${info.version}`;
  const fits = type?.apiVersion === expected && `${type.kind.toLowerCase()}s` === info.resource;
  if (!meaning.traits.includes("self-review") || !fits || bytes.length > 16_384)
    throw new BadRequest(
      "protobuf-body",
      "the body is protobuf, which is not judged here",
      "send JSON: kubectl create … --dry-run=client -o yaml | kubectl apply -f -",
    );
  const text = Buffer.from(bytes).toString("base64");
  const { contentType, traits } = media;
  return {
    contentType,
    bytes,
    text,
    shown: text,
    name: "",
    effect: "read",
    traits,
    secrets: [],
    dryRun: false,
  };
}

function checkShape(info: RequestInfo, media: Media, value: Json): void {
  if (media.form === "json-patch") {
    checkJsonPatch(info, value);
    return;
  }
  if (!isObject(value))
    throw new BadRequest("unreadable-body", "the body is no object", "send one object, not a list of them");
  if (media.form === "yaml" && "<<" in value)
    throw new BadRequest("unclear-yaml", "the body holds a merge key", "write the members themselves");
  if (info.verb.startsWith("delete")) checkOptions(info, value);
}

function checkOptions(info: RequestInfo, value: Members): void {
  const { kind = "DeleteOptions" } = value;
  if (kind !== "DeleteOptions")
    throw new BadRequest(
      "unexpected-body",
      "the body of a DELETE is its options",
      "send DeleteOptions or nothing",
    );
  if (info.dryRun && !isAll(member(value, "dryRun")))
    throw new BadRequest(
      "dry-run-conflict",
      "the query asks for a dry run, the body does not, and the server would go by the body",
      'add "dryRun": ["All"] to the body',
    );
}

function dryRunOf(info: RequestInfo, value: Json): boolean {
  if (!isObject(value)) return info.dryRun;
  if (info.verb.startsWith("delete")) return isAll(member(value, "dryRun"));
  const { deleteOptions = null } = value;
  const asked =
    info.subresource === "eviction" && isObject(deleteOptions) && isAll(member(deleteOptions, "dryRun"));
  return asked || info.dryRun;
}

function isAll(value: Json | undefined): boolean {
  return Array.isArray(value) && value.length === 1 && value[0] === "All";
}

function nameIn(value: Json): string {
  const metadata = isObject(value) ? (member(value, "metadata") ?? null) : null;
  const name = isObject(metadata) ? member(metadata, "name") : undefined;
  return typeof name === "string" && name.length <= 253 ? name : "";
}

type Members = { readonly [key: string]: Json };

function member(value: Members, name: string): Json | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

function isObject(value: Json): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

import { z } from "zod";

const schema = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  format: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  required: z.array(z.string()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
  oneOf: z.array(z.unknown()).optional(),
  anyOf: z.array(z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
});
type Schema = z.infer<typeof schema>;

const content = z.record(z.string(), z.looseObject({ schema: z.unknown().optional() }));
const operation = z.looseObject({
  summary: z.string().optional(),
  parameters: z
    .array(
      z.looseObject({
        name: z.string(),
        in: z.string(),
        required: z.boolean().optional(),
        schema: z.unknown().optional(),
      }),
    )
    .optional(),
  requestBody: z.looseObject({ content }).optional(),
  responses: z.record(z.string(), z.looseObject({ description: z.string(), content: content.optional() })),
});
const document = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), operation)),
});

const preamble = `# Control API

Generated from the gateway's own OpenAPI document (\`GET /openapi.json\`) by \`node test/support/write-api-docs.ts\`; a test fails
when it is not current. Times are RFC 3339 in UTC, durations milliseconds. Every route under \`/v1\` needs an access token in the
\`Authorization\` header, with a DPoP proof (RFC 9449) where it is bound to a key. Every refusal is a problem document (RFC 9457) with
\`code\`, \`detail\` and, where they help, \`rule\` and \`hint\`. What the caller may not see answers as not found.
Ids in paths may be unique beginnings. Changes to requests and grants carry \`If-Match: "<version>"\`.

Outside the document: \`GET /v1/tunnel/<session>\` upgraded to a WebSocket carries one client connection (binary frames are bytes,
the text frames are \`{"t":"eof"}\` and \`{"t":"end","reason":…}\`); \`GET /v1/audit/tile/<path>\` serves the log's tiles
(https://c2sp.org/tlog-tiles); \`GET /healthz\`, \`/readyz\` and \`/metrics\` need no token.
`;

/** docs/api.md from the OpenAPI document. */
export function renderApiDocs(openapi: unknown): string {
  const { paths } = document.parse(openapi);
  const sections = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, op]) => section(method, path, op)),
  );
  return `${[preamble, ...sections].join("\n")}`;
}

function section(method: string, path: string, op: z.infer<typeof operation>): string {
  const lines = [`## ${method.toUpperCase()} ${path}`, "", `${op.summary ?? ""}.`, ""];
  for (const { name, in: place, required, schema: type } of op.parameters ?? [])
    lines.push(`- ${place} \`${name}\`${required === true ? "" : "?"}: ${typeText(type)}`);
  for (const [, { schema: body }] of Object.entries(op.requestBody?.content ?? {}))
    lines.push(`- body: ${typeText(body)}`);
  for (const [status, response] of Object.entries(op.responses)) {
    if (!status.startsWith("2")) continue;
    const [[type, answer] = []] = [Object.entries(response.content ?? {})[0]];
    const shape = type === "application/json" ? `: ${typeText(answer?.schema)}` : ` (\`${type}\`)`;
    lines.push(`- ${status}, ${response.description}${shape}`);
  }
  return `${lines.join("\n")}\n`;
}

function typeText(value: unknown): string {
  const text = shape(schema.parse(value ?? {}));
  return text === "" ? "" : `\`${text}\``;
}

function shape(s: Schema): string {
  const choices = s.oneOf ?? s.anyOf;
  if (choices) return choices.map((choice) => shape(schema.parse(choice))).join(" | ");
  if (s.const !== undefined) return JSON.stringify(s.const);
  if (s.enum) return s.enum.map((item) => JSON.stringify(item)).join(" | ");
  if (s.type === "array") return `[${shape(schema.parse(s.items ?? {}))}]`;
  if (s.type === "object") return objectShape(s);
  const type = Array.isArray(s.type) ? s.type.join(" | ") : (s.type ?? "any");
  return s.format === undefined ? type : `${type}(${s.format})`;
}

function objectShape({ properties = {}, required = [], additionalProperties }: Schema): string {
  const names = Object.keys(properties);
  if (names.length === 0 && typeof additionalProperties === "object" && additionalProperties !== null)
    return `{ [name]: ${shape(schema.parse(additionalProperties))} }`;
  const members = names.map(
    (name) => `${name}${required.includes(name) ? "" : "?"}: ${shape(schema.parse(properties[name]))}`,
  );
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

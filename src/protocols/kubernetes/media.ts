import { BadRequest } from "./wire/bad-request.ts";

export interface Media {
  readonly form: "json" | "yaml" | "json-patch" | "protobuf";
  /** As it is sent, without parameters. */
  readonly contentType: string;
  readonly traits: readonly string[];
}

const objects: Readonly<Record<string, Media>> = {
  "application/json": { form: "json", contentType: "application/json", traits: [] },
  // Sent as the JSON that it means.
  "application/yaml": { form: "yaml", contentType: "application/json", traits: [] },
  "application/vnd.kubernetes.protobuf": {
    form: "protobuf",
    contentType: "application/vnd.kubernetes.protobuf",
    traits: [],
  },
};

const patches: Readonly<Record<string, Media>> = {
  "application/json-patch+json": {
    form: "json-patch",
    contentType: "application/json-patch+json",
    traits: ["json-patch"],
  },
  "application/merge-patch+json": { form: "json", contentType: "application/merge-patch+json", traits: [] },
  "application/strategic-merge-patch+json": {
    form: "json",
    contentType: "application/strategic-merge-patch+json",
    traits: [],
  },
  // Creates what is not there.
  "application/apply-patch+yaml": {
    form: "yaml",
    contentType: "application/apply-patch+yaml",
    traits: ["apply"],
  },
};

/** How the server would read a body, by verb and Content-Type. Throws BadRequest for what it is not known to read. */
export function mediaOf(verb: string, header: string | undefined): Media {
  const type =
    (header ?? (verb === "patch" ? "" : "application/json")).split(";")[0]?.trim().toLowerCase() ?? "";
  const table = verb === "patch" ? patches : objects;
  const media = Object.hasOwn(table, type) ? table[type] : undefined;
  if (media) return media;
  throw new BadRequest(
    "content-type",
    "the body's content type is not read here",
    `send ${Object.keys(table)[0]}`,
  );
}

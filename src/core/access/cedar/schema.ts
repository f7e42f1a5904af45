import type { Schema, TypeOfAttribute } from "@cedar-policy/cedar-wasm/nodejs";
import { attributeNames, effects } from "../../session/operation.ts";
import type { LabelValue, Target } from "../target.ts";

const text = { type: "String" } as const;
const texts = { type: "Set", element: text } as const;

/**
 * The schema that policies are validated against: Person in Group, Target with the labels that the targets have (optional
 * where one lacks it), effects as actions. Labels of two types are the caller's to refuse (`mixedLabels`).
 */
export function policySchema(targets: readonly Target[]): Schema {
  const shape = { type: "Record", attributes: labelTypes(targets) } as const;
  const action = {
    appliesTo: { principalTypes: ["Person"], resourceTypes: ["Target"], context: contextType },
  };
  return {
    "": {
      entityTypes: {
        Group: {},
        Person: {
          memberOfTypes: ["Group"],
          shape: { type: "Record", attributes: { name: text, subject: text, amr: texts } },
        },
        Target: { shape: { type: "Record", attributes: { name: text, protocol: text, labels: shape } } },
      },
      actions: Object.fromEntries(effects.map((effect) => [effect, action])),
    },
  };
}

/** A label that is a number on one target and a text on another; policy could not compare it. */
export function mixedLabels(targets: readonly Target[]): readonly string[] {
  const types = new Map<string, string>();
  const mixed = new Set<string>();
  for (const { labels } of targets)
    for (const [name, value] of Object.entries(labels)) {
      const type = types.get(name) ?? typeof value;
      types.set(name, type);
      if (type !== typeof value) mixed.add(name);
    }
  return [...mixed];
}

const contextType = {
  type: "Record",
  attributes: {
    ...Object.fromEntries(attributeNames.map((name) => [name, text])),
    programs: texts,
    kind: text,
    traits: texts,
    tables: texts,
    via: text,
    viaVersion: text,
    incident: text,
    breakGlass: { type: "Boolean" },
    approvedBy: texts,
    time: { type: "Extension", name: "datetime" },
    hour: { type: "Long" },
  },
} as const;

function labelTypes(targets: readonly Target[]): Record<string, TypeOfAttribute<string>> {
  const names = new Set(targets.flatMap(({ labels }) => Object.keys(labels)));
  const types: [string, TypeOfAttribute<string>][] = [];
  for (const name of names) {
    const values = targets.map(({ labels }) => labels[name]).filter((value) => value !== undefined);
    types.push([name, { ...labelType(values[0]), required: values.length === targets.length }]);
  }
  return Object.fromEntries(types);
}

function labelType(value: LabelValue | undefined): TypeOfAttribute<string> {
  if (typeof value === "number") return { type: "Long" };
  return typeof value === "boolean" ? { type: "Boolean" } : text;
}

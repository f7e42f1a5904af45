import { IhcError } from "../../base/errors.ts";
import type { MaskPlan } from "../../core/masking/plan.ts";
import { type Effect, type Refusal, worst } from "../../core/session/operation.ts";
import type { Parser } from "../protocol.ts";
import type { Catalog, CatalogSnapshot } from "./catalog.ts";
import type { Facts, StatementFacts } from "./sql/facts.ts";
import { type Context, missing, reachedViews, resolve } from "./sql/resolve.ts";
import { type Masks, spread } from "./sql/taint.ts";
import type { Classified, Classifier, Statement } from "./statement.ts";

export interface ClassifierOptions {
  readonly catalog: Catalog;
  readonly masks: MaskPlan;
  readonly parser: Parser;
  /** Functions that the target's owner vouches for, as `schema.name`. */
  readonly functions: readonly string[];
  /** The target's shared state (`Upstream.shared`): connections with the same rules share verdicts. */
  readonly shared: Map<string, unknown>;
}

/** The module that a parser runs; `handle(sql)` answers with Facts. */
const sqlWorker = new URL(
  import.meta.url.endsWith(".ts") ? "./sql/worker.ts" : "./sql/worker.js",
  import.meta.url,
);

/** A classifier for one connection. It never throws: what cannot be judged is refused. */
export function createClassifier(options: ClassifierOptions): Classifier {
  const verdicts = sharedVerdicts(options);
  const { catalog } = options;
  return {
    cached(sql) {
      const snapshot = catalog.peek();
      return snapshot === undefined ? undefined : verdicts.cached(snapshot, sql);
    },
    async classify(sql) {
      try {
        return await verdicts.classify(sql, options);
      } catch (error) {
        return refused(refusalOf(error), options.masks.hasColumns);
      }
    },
    invalidate: () => catalog.invalidate(),
    maskedColumn(tableOid, attribute) {
      const context = verdicts.latest;
      if (context === undefined) return "redact";
      if (!isNews(context, tableOid, attribute)) return context.masks.column(tableOid, attribute);
      catalog.invalidate();
      return "redact";
    },
  };
}

/** OIDs below are PostgreSQL's own. */
const firstOwnOid = 16_384;

/** A column that came after the catalog was read may be one that the rules mask: until it is read again, it is masked. */
function isNews({ data, masks }: Context, tableOid: number, attribute: number): boolean {
  if (!masks.any || tableOid < firstOwnOid || attribute <= 0) return false;
  const columns = data.relations.get(tableOid)?.columns.values() ?? [];
  return ![...columns].some((column) => column.attribute === attribute);
}

/** Texts longer than this are judged anew each time: they are rarely sent twice. */
const longestCached = 16_384;
const mostCached = 4_096;

interface Judging extends Context {
  readonly views: Map<number, StatementFacts>;
}

/** Verdicts by exact text, for one set of rules, as long as the catalog stands. */
class Verdicts {
  latest: Judging | undefined;
  readonly #known = new Map<string, Classified>();
  readonly #missing = new Set<string>();
  #generation = 0;

  cached(snapshot: CatalogSnapshot, sql: string): Classified | undefined {
    if (snapshot.generation !== this.#generation) return undefined;
    const found = this.#known.get(sql);
    if (found === undefined) return undefined;
    this.#known.delete(sql);
    this.#known.set(sql, found);
    return found;
  }

  async classify(sql: string, options: ClassifierOptions): Promise<Classified> {
    const facts = (await options.parser.call(sqlWorker, sql)) as Facts;
    if (facts.kind === "refused") return refused(facts.refusal, options.masks.hasColumns);
    const snapshot = await this.#fresh(facts.statements, options.catalog);
    const context = this.#context(snapshot, options);
    await this.#readViews(facts.statements, context, options.parser);
    const judged = facts.statements.map((statement) => resolve(statement, context));
    const classified = combine(judged, facts.hidden);
    if (sql.length <= longestCached && snapshot.generation === this.#generation) this.#keep(sql, classified);
    return classified;
  }

  /** A name the catalog does not know may be new: looked for once, then believed to be missing. */
  async #fresh(statements: readonly StatementFacts[], catalog: Catalog): Promise<CatalogSnapshot> {
    const snapshot = await catalog.current();
    const names = statements.flatMap((statement) => missing(statement, snapshot.data));
    const unheard = names.filter((name) => !this.#missing.has(name));
    if (unheard.length === 0) return snapshot;
    if (this.#missing.size > mostCached) this.#missing.clear();
    for (const name of unheard) this.#missing.add(name);
    catalog.invalidate();
    return catalog.current();
  }

  /** Views are read once; one that cannot be read counts as unknown where it is used. */
  async #readViews(statements: readonly StatementFacts[], context: Judging, parser: Parser): Promise<void> {
    const views = statements.flatMap((statement) => reachedViews(statement, context.data));
    for (const view of views) {
      if (context.views.has(view.oid)) continue;
      const facts = (await parser.call(sqlWorker, view.definition)) as Facts;
      const [inner] = facts.kind === "parsed" ? facts.statements : [];
      if (inner !== undefined) context.views.set(view.oid, inner);
    }
  }

  #context(snapshot: CatalogSnapshot, options: ClassifierOptions): Judging {
    if (this.latest !== undefined && snapshot.generation === this.#generation) return this.latest;
    this.#generation = snapshot.generation;
    this.#known.clear();
    const masks: Masks = spread(snapshot.data, options.masks);
    this.latest = { data: snapshot.data, masks, allowed: new Set(options.functions), views: new Map() };
    return this.latest;
  }

  #keep(sql: string, classified: Classified): void {
    if (this.#known.size >= mostCached) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(sql, classified);
  }
}

/** Verdicts by catalog and rules: two roles may see different schemas under one name. */
class VerdictStore {
  readonly #byCatalog = new WeakMap<Catalog, Map<string, Verdicts>>();

  of({ catalog, masks, functions }: ClassifierOptions): Verdicts {
    const byRules = this.#byCatalog.get(catalog) ?? new Map<string, Verdicts>();
    this.#byCatalog.set(catalog, byRules);
    const key = JSON.stringify([masks.rules, functions]);
    const verdicts = byRules.get(key) ?? new Verdicts();
    byRules.set(key, verdicts);
    return verdicts;
  }
}

function sharedVerdicts(options: ClassifierOptions): Verdicts {
  const known = options.shared.get("postgres.verdicts");
  const store = known instanceof VerdictStore ? known : new VerdictStore();
  options.shared.set("postgres.verdicts", store);
  return store.of(options);
}

function combine(statements: readonly Statement[], hidden: boolean): Classified {
  const traits = new Set(statements.flatMap((statement) => statement.traits));
  if (statements.length > 1) traits.add("multi-statement");
  if (hidden) traits.add("hidden-characters");
  const refusal = statements.find((statement) => statement.refusal !== undefined)?.refusal;
  const whole = {
    statements,
    effect: statements.reduce<Effect>((effect, statement) => worst(effect, statement.effect), "read"),
    resources: [...new Set(statements.flatMap((statement) => statement.resources))],
    traits: [...traits].sort(),
  };
  return refusal === undefined ? whole : { ...whole, refusal };
}

function refused(refusal: Refusal, hides: boolean): Classified {
  const values = hides ? { private: true as const } : {};
  return { statements: [], effect: "unknown", resources: [], traits: [], refusal, ...values };
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof IhcError && error.code === "unavailable")
    return { rule: "catalog-unavailable", reason: error.message, hint: error.hint ?? "try again" };
  return {
    rule: "unparsable",
    reason: "the statement could not be judged",
    hint: "make it shorter or simpler",
  };
}

import type { CatalogData, Relation } from "./catalog-data.ts";
import type { ColumnUse, Source, StatementFacts } from "./facts.ts";
import type { Masks } from "./taint.ts";

/** How a statement touches masked columns. Names are `schema.table.column`. */
export interface Exposure {
  /** Bare output columns: masked by their origin. */
  readonly shown: ReadonlySet<string>;
  /** In WHERE, ON and HAVING. */
  readonly tested: ReadonlySet<string>;
  /** Anywhere else. */
  readonly computed: ReadonlySet<string>;
  /** Names in field notation that are no columns and could be functions of a row. */
  readonly attributes: readonly string[];
}

/** Looks every column of a statement up. A name that could mean a masked column counts as one. */
export function exposure(facts: StatementFacts, data: CatalogData, masks: Masks): Exposure {
  const found = { shown: new Set<string>(), tested: new Set<string>(), computed: new Set<string>() };
  const places = { output: found.shown, condition: found.tested, expression: found.computed };
  const lookup = new Lookup(facts, data, masks);
  for (const use of facts.columns)
    for (const hit of lookup.touched(use)) {
      const free = use.place === "condition" && masks.isStatementText(hit.relation, hit.column);
      const place = use.place === "output" && hit.row ? "expression" : use.place;
      if (!free) places[place].add(named(hit));
    }
  for (const hit of lookup.renamed()) found.computed.add(named(hit));
  return { ...found, attributes: [...facts.attributes, ...lookup.attributes] };
}

interface Hit {
  readonly relation: Relation;
  readonly column: string;
  /** Reached by a whole row in one value, which has no origin. */
  readonly row: boolean;
}

function named({ relation, column }: Hit): string {
  return `${relation.schema}.${relation.name}.${column}`;
}

interface Level {
  readonly sources: readonly Source[];
  /** A name that is found here means nothing further out. */
  readonly sure: boolean;
}

/** Names in one statement's scopes. */
class Lookup {
  readonly attributes: string[] = [];
  readonly #facts: StatementFacts;
  readonly #data: CatalogData;
  readonly #masks: Masks;

  constructor(facts: StatementFacts, data: CatalogData, masks: Masks) {
    this.#facts = facts;
    this.#data = data;
    this.#masks = masks;
  }

  touched(use: ColumnUse): readonly Hit[] {
    if (use.natural === true) return this.#joined(use);
    if (use.star) return this.#star(use);
    return use.fields.length === 1 ? this.#bare(use, use.fields[0] ?? "") : this.#qualified(use);
  }

  /** An alias with a column list hides which column is meant. */
  renamed(): readonly Hit[] {
    const sources = this.#facts.scopes.flatMap((scope) => scope.sources);
    return sources.filter((source) => source.renamed).flatMap((s) => this.#all(s));
  }

  /** NATURAL compares every column that two sources share, USING the ones it names. */
  #joined(use: ColumnUse): readonly Hit[] {
    const sources = this.#facts.scopes[use.scope]?.sources ?? [];
    const [name] = use.fields;
    return sources.flatMap((source) => {
      const shared = (column: string): boolean =>
        name === undefined
          ? sources.some((other) => other !== source && this.#mayHave(other, column))
          : column === name;
      return this.#all(source).filter((hit) => shared(hit.column));
    });
  }

  /** Sources that are no relations may have any column. */
  #mayHave(source: Source, column: string): boolean {
    return this.#relation(source)?.columns.has(column) ?? true;
  }

  #star(use: ColumnUse): readonly Hit[] {
    const alias = use.fields.at(-1);
    const sources =
      alias === undefined
        ? (this.#facts.scopes[use.scope]?.sources ?? [])
        : this.#outwards(use)
            .flatMap((level) => level.sources)
            .filter((source) => source.alias === alias);
    const [only] = sources;
    const columns = only === undefined ? [] : [...(this.#relation(only)?.columns.keys() ?? [])];
    const nth = sources.length === 1 && use.nth !== undefined ? columns[use.nth - 1] : undefined;
    const hits = sources.flatMap((source) => this.#all(source));
    return nth === undefined ? hits : hits.filter((hit) => hit.column === nth);
  }

  /** A name alone: a column of some source in sight, or else a whole row. */
  #bare(use: ColumnUse, name: string): readonly Hit[] {
    for (const { sources, sure } of this.#outwards(use)) {
      const owners = sources.filter((source) => this.#relation(source)?.columns.has(name));
      const hits = owners.flatMap((source) => this.#one(source, name));
      if (hits.length > 0) return hits;
      if (owners.length > 0 && sure) return [];
      const rows = sources.filter((source) => source.alias === name);
      const whole = rows.flatMap((source) => this.#all(source, true));
      if (whole.length > 0 || (rows.length > 0 && sure)) return whole;
    }
    return [];
  }

  #qualified(use: ColumnUse): readonly Hit[] {
    const name = use.fields.at(-1) ?? "";
    const alias = use.fields.at(-2) ?? "";
    let found = false;
    for (const { sources, sure } of this.#outwards(use)) {
      const meant = sources.filter((source) => source.alias === alias);
      const rows = sources.filter((source) => source.relation?.name === name && source.alias === name);
      const hits =
        meant.length > 0
          ? meant.flatMap((source) => this.#member(source, name))
          : rows.flatMap((source) => this.#all(source, true));
      found ||= meant.length + rows.length > 0;
      if (hits.length > 0 || (found && sure)) return hits;
    }
    if (found) return [];
    return this.#data.called({ name }).some((routine) => routine.attribute) ? this.#everything() : [];
  }

  /** `alias.name`: a column, or a function applied to the whole row. */
  #member(source: Source, name: string): readonly Hit[] {
    const relation = this.#relation(source);
    if (relation === undefined) {
      this.attributes.push(name);
      return [];
    }
    if (relation.columns.has(name)) return this.#one(source, name);
    if (systemColumns.has(name)) return [];
    this.attributes.push(name);
    return this.#all(source, true);
  }

  #one(source: Source, column: string): readonly Hit[] {
    const relation = this.#relation(source);
    if (relation === undefined || this.#masks.of(relation)?.has(column) !== true) return [];
    return [{ relation, column, row: false }];
  }

  #all(source: Source, row = false): readonly Hit[] {
    const relation = this.#relation(source);
    if (relation === undefined) return [];
    return [...(this.#masks.of(relation)?.keys() ?? [])].map((column) => ({ relation, column, row }));
  }

  #everything(): readonly Hit[] {
    return this.#facts.scopes.flatMap((scope) => scope.sources).flatMap((source) => this.#all(source, true));
  }

  #relation(source: Source): Relation | undefined {
    return source.relation === undefined ? undefined : this.#data.relation(source.relation);
  }

  /**
   * The scopes from a name's own to the outermost. From inside a FROM it takes more than the tree to tell which of its
   * sources are in sight (LATERAL, ON), so what is found there may as well stand for something further out.
   */
  #outwards({ scope, inFrom }: ColumnUse): readonly Level[] {
    const chain: Level[] = [];
    let sure = inFrom !== true;
    for (let at = scope; at >= 0; ) {
      const current = this.#facts.scopes[at];
      if (current === undefined) break;
      chain.push({ sources: current.sources, sure });
      sure = !current.inFrom;
      at = current.parent;
    }
    return chain;
  }
}

const systemColumns: ReadonlySet<string> = new Set([
  "ctid",
  "xmin",
  "xmax",
  "cmin",
  "cmax",
  "tableoid",
  "oid",
]);

import type { Effect, Refusal } from "../../../core/session/operation.ts";
import { constant, fieldsOf, list, type Tree, text } from "./tree.ts";

export interface Judgement {
  readonly effect: Effect;
  readonly traits: readonly string[];
  readonly refusal?: Refusal;
}

const harmless: Judgement = { effect: "read", traits: [] };
const guarded: Judgement = { effect: "admin", traits: ["guarded-setting"] };
const otherRole: Judgement = { effect: "admin", traits: ["set-role", "guarded-setting"] };
/** Opens the target's own read-only fence: what is written then is judged by itself. */
const writable: Judgement = { effect: "write", traits: ["guarded-setting"] };

/** Settings that change how answers look or how long they may take, never what is done or seen. */
const free: ReadonlySet<string> = new Set(
  `application_name datestyle intervalstyle timezone extra_float_digits bytea_output xmlbinary xmloption
  statement_timeout lock_timeout idle_in_transaction_session_timeout idle_session_timeout transaction_timeout
  client_min_messages lc_monetary lc_numeric lc_time work_mem random_page_cost seq_page_cost cpu_tuple_cost
  effective_cache_size jit geqo join_collapse_limit from_collapse_limit plan_cache_mode
  max_parallel_workers_per_gather gin_fuzzy_search_limit constraint_exclusion default_text_search_config
  quote_all_identifiers`.split(/\s+/),
);

/** Settings that may be given these values only: any other value would lift a fence or confuse the parser. */
const pinned: ReadonlyMap<string, RegExp> = new Map([
  ["client_encoding", /^(utf-?8|unicode)$/i],
  ["standard_conforming_strings", /^(on|true|yes|1)$/i],
  ["transaction_read_only", /^(on|true|yes|1)$/i],
  ["default_transaction_read_only", /^(on|true|yes|1)$/i],
  ["row_security", /^(on|true|yes|1)$/i],
  ["backslash_quote", /^(safe_encoding|off|false|no|0)$/i],
  ["escape_string_warning", /./],
  ["transaction_isolation", /./],
  ["default_transaction_isolation", /./],
  ["transaction_deferrable", /./],
  ["default_transaction_deferrable", /./],
]);

/** Settings that statements are read by: changed, what is judged would not be what runs, whoever allows it. */
const fixed: ReadonlySet<string> = new Set(["search_path", "standard_conforming_strings", "client_encoding"]);

/** SET, RESET and SET TRANSACTION. */
export function judgeSet(fields: Tree): Judgement {
  const name = text(fields["name"]).toLowerCase();
  const args = list(fields["args"]);
  switch (text(fields["kind"])) {
    case "VAR_RESET_ALL":
      return guarded;
    case "VAR_SET_MULTI":
      return name === "transaction snapshot" ? guarded : judgeTransactionModes(args);
    case "VAR_SET_VALUE":
      return judgeValue(name, args);
    case "VAR_RESET":
    case "VAR_SET_DEFAULT":
      return judgeDefault(name);
    default:
      return guarded;
  }
}

/** The modes of BEGIN, START TRANSACTION and SET TRANSACTION. */
export function judgeTransactionModes(options: readonly unknown[]): Judgement {
  for (const option of options) {
    const mode = fieldsOf(option, "DefElem");
    if (mode && text(mode["defname"]) === "transaction_read_only" && constant(mode["arg"]) === "0")
      return writable;
  }
  return harmless;
}

function judgeValue(name: string, args: readonly unknown[]): Judgement {
  if (isRole(name)) return otherRole;
  if (isFree(name)) return harmless;
  const allowed = pinned.get(name);
  const value = args.map((arg) => constant(arg) ?? "").join(",");
  if (allowed?.test(value)) return harmless;
  if (fixed.has(name)) return refused(name);
  return name.endsWith("transaction_read_only") ? writable : guarded;
}

/** The default of a pinned setting is the value it was pinned to at connection. */
function judgeDefault(name: string): Judgement {
  if (isRole(name)) return otherRole;
  if (fixed.has(name)) return refused(name);
  return isFree(name) ? harmless : guarded;
}

function refused(name: string): Judgement {
  const hint = name === "search_path" ? "qualify names with their schema" : `leave ${name} as it is`;
  return {
    ...guarded,
    refusal: { rule: "guarded-setting", reason: `${name} is fixed in this session`, hint },
  };
}

function isRole(name: string): boolean {
  return name === "role" || name === "session_authorization";
}

function isFree(name: string): boolean {
  return free.has(name) || /^enable_[a-z_]+$/.test(name);
}

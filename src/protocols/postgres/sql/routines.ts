import type { Effect } from "../../../core/session/operation.ts";
import type { Routine } from "./catalog-data.ts";

/** What calling a routine can do. */
export interface RoutineVerdict {
  readonly effect: Effect;
  readonly traits: readonly string[];
  /** Whether it may read tables that the statement does not name, so that masked values could come out of it. */
  readonly reads: boolean;
}

const harmless: RoutineVerdict = { effect: "read", traits: [], reads: false };

/** `allowed`: `schema.name` of the functions that the target's owner vouches for. */
export function judgeRoutine(routine: Routine, allowed: ReadonlySet<string>): RoutineVerdict {
  if (allowed.has(`${routine.schema}.${routine.name}`)) return harmless;
  if (routine.extension !== null && routine.extension !== "plpgsql")
    return judgeExtension(routine, routine.extension);
  return routine.schema === "pg_catalog" ? judgeBuiltIn(routine) : judgeOwn(routine);
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Volatile functions of PostgreSQL itself that only look, or that change nothing beyond the statement. */
const looking =
  words(`clock_timestamp timeofday random random_normal setseed gen_random_uuid uuidv4 uuidv7 currval lastval
  pg_sleep pg_sleep_for pg_sleep_until pg_blocking_pids pg_safe_snapshot_blocking_pids pg_collation_actual_version
  pg_database_collation_actual_version pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system
  pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_database_size pg_indexes_size pg_relation_size
  pg_table_size pg_total_relation_size pg_tablespace_size pg_is_in_recovery pg_is_wal_replay_paused
  pg_get_wal_replay_pause_state pg_isolation_test_session_is_blocked pg_jit_available pg_last_committed_xact
  pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lock_status
  pg_notification_queue_usage pg_partition_ancestors pg_partition_tree pg_prepared_xact pg_sequence_last_value
  pg_stat_clear_snapshot pg_xact_commit_timestamp pg_xact_commit_timestamp_origin pg_xact_status txid_status
  pg_get_multixact_members pg_get_backend_memory_contexts pg_get_shmem_allocations pg_show_replication_origin_status
  pg_stat_have_stats bernoulli system pg_stat_get_recovery_prefetch pg_get_aios
  array_sample array_shuffle pg_get_wait_events pg_get_sequence_data pg_get_loaded_modules pg_get_shmem_allocations_numa
  pg_stat_get_io pg_stat_get_backend_io pg_stat_get_backend_wal pg_available_wal_summaries`);

/** Functions that run SQL given as text, read a table named by text, or show statements and samples of data. */
const reading =
  words(`query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema
  table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
  schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema ts_stat ts_rewrite
  pg_stat_get_activity pg_stat_get_backend_activity pg_prepared_statement pg_cursor pg_show_all_file_settings
  lo_get loread pg_mcv_list_items pg_get_statisticsobjdef_expressions pg_stat_get_wal_receiver
  pg_logical_slot_get_changes pg_logical_slot_peek_changes pg_logical_slot_get_binary_changes
  pg_logical_slot_peek_binary_changes`);

/** Stable or immutable in the catalog, and yet they act. */
const acting = words(`set_config txid_current pg_current_xact_id pg_read_server_files pg_hba_file_rules
  pg_ident_file_mappings`);

const writing = /^(nextval|setval|pg_notify|lo_.*|lowrite|loread|txid_current|pg_current_xact_id)$/;
const locking = /^pg_(try_)?advisory_/;
const filing =
  /^(pg_read_|pg_ls_|pg_stat_file|pg_file_|pg_logdir_ls|pg_current_logfile|lo_import|lo_export|pg_hba_file|pg_ident_file)/;
const replicating = /^pg_(create|drop|copy)_.*slot|^pg_logical_|^pg_replication_|^pg_sync_replication/;

function judgeBuiltIn(routine: Routine): RoutineVerdict {
  const { name, volatility } = routine;
  if (reading.has(name)) return { effect: "unknown", traits: ["function-side-effect"], reads: true };
  if (filing.test(name)) return acts("admin", "filesystem");
  if (replicating.test(name) && volatility === "v") return acts("admin", "replication");
  if (locking.test(name)) return acts("write", "locking");
  if (name === "set_config") return acts("admin", "guarded-setting");
  if (writing.test(name)) return acts("write");
  if (acting.has(name)) return acts("admin");
  if (volatility !== "v" || routine.kind === "a" || looking.has(name)) return harmless;
  return /^pg_stat_get_xact_/.test(name) ? harmless : acts("admin");
}

function acts(effect: Effect, ...traits: readonly string[]): RoutineVerdict {
  return { effect, traits: ["function-side-effect", ...traits], reads: false };
}

/** Extensions whose functions read pages, logs, files or other servers, or run SQL given as text. */
const reachingExtensions =
  words(`dblink pageinspect pg_walinspect adminpack file_fdw postgres_fdw xml2 pg_surgery
  amcheck pg_visibility plpython3u plperl plperlu pltcl pltclu http pg_cron pg_background lo pg_dirtyread pgagent`);

/** Functions of other extensions that run SQL given as text. */
const textRunners = /^(crosstab|connectby|xpath_table|cursor_to|query_to)/;

/** Volatile extension functions that only look or draw. */
const lookingExtensions =
  words(`uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 gen_random_bytes gen_random_uuid
  gen_salt normal_rand pg_stat_statements_info pg_buffercache_pages pg_buffercache_summary pg_freespace pgstattuple
  pgstattuple_approx pgstatindex pgstatginindex pgstathashindex pg_relpages pgrowlocks set_limit show_limit`);

function judgeExtension(routine: Routine, extension: string): RoutineVerdict {
  const { name, volatility } = routine;
  if (reachingExtensions.has(extension) || textRunners.test(name) || name === "pg_stat_statements")
    return { effect: "unknown", traits: ["function-side-effect"], reads: true };
  if (volatility !== "v" || routine.kind === "a" || lookingExtensions.has(name)) return harmless;
  return acts("unknown");
}

/** Of the target's own functions only those not volatile are taken at their word about acting, none about reading. */
function judgeOwn(routine: Routine): RoutineVerdict {
  if (routine.kind === "a") return harmless;
  if (routine.volatility !== "v" && !routine.definer) return { effect: "read", traits: [], reads: true };
  const traits = routine.definer ? ["function-side-effect", "security-definer"] : ["function-side-effect"];
  return { effect: "unknown", traits, reads: true };
}

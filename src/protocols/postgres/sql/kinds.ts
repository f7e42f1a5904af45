import type { Effect } from "../../../core/session/operation.ts";

interface Kind {
  readonly effect: Effect;
  readonly traits: readonly string[];
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const destroying = words(`DropStmt TruncateStmt DropdbStmt DropRoleStmt DropOwnedStmt DropSubscriptionStmt
  DropTableSpaceStmt DropUserMappingStmt`);
const defining = words(`CreateStmt CreateTableAsStmt AlterTableStmt ViewStmt IndexStmt RuleStmt CreateTrigStmt
  CreateFunctionStmt CreateSeqStmt AlterSeqStmt CreateSchemaStmt CreateDomainStmt AlterDomainStmt CreateEnumStmt
  AlterEnumStmt CreateRangeStmt CompositeTypeStmt DefineStmt RenameStmt AlterObjectSchemaStmt AlterOwnerStmt
  AlterObjectDependsStmt CommentStmt SecLabelStmt GrantStmt GrantRoleStmt AlterDefaultPrivilegesStmt CreateRoleStmt
  AlterRoleStmt AlterRoleSetStmt CreatedbStmt AlterDatabaseStmt AlterDatabaseRefreshCollStmt AlterDatabaseSetStmt
  CreatePolicyStmt AlterPolicyStmt CreateExtensionStmt AlterExtensionStmt AlterExtensionContentsStmt CreateFdwStmt
  AlterFdwStmt CreateForeignServerStmt AlterForeignServerStmt CreateForeignTableStmt CreateUserMappingStmt
  AlterUserMappingStmt ImportForeignSchemaStmt CreatePublicationStmt AlterPublicationStmt CreateSubscriptionStmt
  AlterSubscriptionStmt CreateTableSpaceStmt AlterTableSpaceOptionsStmt AlterTableMoveAllStmt CreateEventTrigStmt
  AlterEventTrigStmt CreateCastStmt CreateConversionStmt CreateTransformStmt CreateAmStmt CreateOpClassStmt
  CreateOpFamilyStmt AlterOpFamilyStmt AlterOperatorStmt AlterTypeStmt AlterFunctionStmt CreatePLangStmt
  AlterTSDictionaryStmt AlterTSConfigurationStmt CreateStatsStmt AlterStatsStmt AlterCollationStmt
  RefreshMatViewStmt ReassignOwnedStmt`);
const running = words("CheckPointStmt");

/**
 * The effect of statements that need no look inside. Those not named here are judged in `judge` or are
 * `unknown`, which counts as the worst.
 */
export const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ...destroying.map((node) => [node, { effect: "destroy", traits: ["ddl"] }] as [string, Kind]),
  ...defining.map((node) => [node, { effect: "admin", traits: ["ddl"] }] as [string, Kind]),
  ...running.map((node) => [node, { effect: "admin", traits: ["maintenance"] }] as [string, Kind]),
  ["LoadStmt", { effect: "admin", traits: ["filesystem"] }],
  ["NotifyStmt", { effect: "write", traits: ["function-side-effect", "notify"] }],
  ["UnlistenStmt", { effect: "read", traits: [] }],
  ["ConstraintsSetStmt", { effect: "write", traits: [] }],
  ["VariableShowStmt", { effect: "read", traits: [] }],
  ["InsertStmt", { effect: "write", traits: [] }],
  ["UpdateStmt", { effect: "write", traits: [] }],
  ["DeleteStmt", { effect: "write", traits: [] }],
  ["MergeStmt", { effect: "write", traits: ["unbounded"] }],
  ["SelectStmt", { effect: "read", traits: [] }],
]);

/** Nodes that may stand inside a statement and hold nothing but what the walk sees anyway. */
export const inert: ReadonlySet<string> = new Set(
  words(`A_ArrayExpr A_Const A_Expr A_Indices A_Indirection A_Star Alias BitString BoolExpr Boolean BooleanTest CaseExpr
  CaseWhen CoalesceExpr CollateClause ColumnDef Constraint CTECycleClause CTESearchClause CurrentOfExpr DefElem Float
  GroupingFunc GroupingSet IndexElem InferClause Integer IntoClause JsonAggConstructor JsonArgument JsonArrayAgg
  JsonArrayConstructor JsonArrayQueryConstructor JsonBehavior JsonFormat JsonFuncExpr JsonIsPredicate JsonKeyValue
  JsonObjectAgg JsonObjectConstructor JsonOutput JsonParseExpr JsonReturning JsonScalarExpr JsonSerializeExpr
  JsonTable JsonTableColumn JsonTablePath JsonTablePathSpec JsonValueExpr List MergeWhenClause MinMaxExpr
  MultiAssignRef NamedArgExpr Null NullTest OnConflictClause ParamRef RangeTableFunc RangeTableFuncCol
  RangeTableSample ResTarget ReturningClause ReturningOption RoleSpec RowExpr SetToDefault SortBy SQLValueFunction
  String TypeCast WindowDef XmlExpr XmlSerialize`),
);

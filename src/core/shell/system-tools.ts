import { getopt, type OptionList, optionList } from "./getopt.ts";
import { allKnown, mayHave, operandsOf } from "./options.ts";
import { type Call, type CommandReading, type CommandTrait, type Rule, reading, unclear } from "./reading.ts";

/** Tools of incidents whose effect depends on a subcommand or an option. */
export const systemTools: Readonly<Record<string, Rule>> = {
  systemctl,
  service,
  journalctl,
  dmesg: (call) =>
    mayHave(call.args, "cCDEn", ["read-clear", "clear", "console-off", "console-on", "console-level"])
      ? reading("write")
      : reading("read"),
  date: (call) =>
    mayHave(call.args, "s", ["set"]) || operandsOf(call.args).some(({ prefix }) => !prefix.startsWith("+"))
      ? reading("admin")
      : reading("read"),
  hostname: (call) =>
    operandsOf(call.args).length > 0 || mayHave(call.args, "Fb", ["file", "boot"])
      ? reading("admin")
      : reading("read"),
  mount: (call) => (call.args.length === 0 ? reading("read") : reading("admin")),
  top: (call) => (hasShort(call, "b") ? reading("read") : unclear("interactive", "signal")),
  sar: (call) => (mayHave(call.args, "o") ? reading("write", "writes-file") : reading("read")),
  sysctl: (call) =>
    mayHave(call.args, "wpf", ["write", "load", "system"]) ||
    call.args.some(({ value }) => value === undefined || value.includes("="))
      ? reading("admin")
      : reading("read"),
  ulimit: (call) =>
    operandsOf(call.args).length > 0 || !allKnown(call.args) ? reading("write") : reading("read"),
  kill: ({ args }) =>
    /^(?:-[lL]|--list(?:=.*)?|--table)$/.test(args[0]?.value ?? "")
      ? reading("read")
      : reading("destroy", "signal"),
  crictl: container,
  docker: container,
  podman: container,
  nerdctl: container,
  ctr: () => unclear("container"),
  kubectl: (call) =>
    subcommands(
      call,
      "get describe logs top version api-resources api-versions cluster-info explain events",
      clusterOptions,
      ["network"],
    ),
  helm: (call) => subcommands(call, "list ls status history version get", clusterOptions, ["network"]),
  nginx: (call) =>
    call.args.length === 1 && /^-(t|T|v|V)$/.test(call.args[0]?.value ?? "") ? reading("read") : unclear(),
  psql: () => unclear("database", "shell-escape"),
  mysql: () => unclear("database", "shell-escape"),
  mariadb: () => unclear("database", "shell-escape"),
  sqlite3: () => unclear("database", "shell-escape"),
  mongo: () => unclear("database", "shell-escape"),
  mongosh: () => unclear("database", "shell-escape"),
  "redis-cli": () => unclear("database"),
  etcdctl: () => unclear("database"),
};

function service({ args }: Call): CommandReading {
  const [name, command, ...more] = args.map(({ value }) => value);
  const asks = command === "status" && more.length === 0 && /^[\w@.-]+$/.test(name ?? "");
  if (name === "--status-all" && args.length === 1) return reading("read");
  return asks ? reading("read") : unclear("service-restart");
}

const systemctlOptions = optionList(
  "a l q n: o: p: t: all full quiet failed plain value no-pager no-legend no-block no-wall now user system recursive " +
    "lines: output: property: type: state:",
);

function systemctl(call: Call): CommandReading {
  const read = [
    "status",
    "show",
    "is-active",
    "is-enabled",
    "is-failed",
    "is-system-running",
    "list-units",
    "list-unit-files",
    "list-timers",
    "list-sockets",
    "list-dependencies",
    "list-jobs",
    "get-default",
  ];
  const restart = [
    "restart",
    "reload",
    "start",
    "stop",
    "try-restart",
    "reload-or-restart",
    "condrestart",
    "kill",
  ];
  const given = getopt(call.args, systemctlOptions);
  if (!given || !allKnown(call.args)) return unclear("service-restart");
  const word = given.operands[0]?.value;
  if (word === undefined || read.includes(word)) return reading("read");
  if (restart.includes(word)) return reading("write", "service-restart");
  if (
    [
      "reboot",
      "poweroff",
      "halt",
      "kexec",
      "rescue",
      "emergency",
      "isolate",
      "suspend",
      "hibernate",
      "soft-reboot",
      "exit",
      "default",
    ].includes(word)
  )
    return reading("destroy", "power");
  return reading("admin", "service-restart");
}

/** Without --no-pager it starts a pager where there is a terminal, and a pager starts a shell. */
function journalctl(call: Call): CommandReading {
  const { args } = call;
  const changes = [
    "vacuum-size",
    "vacuum-time",
    "vacuum-files",
    "rotate",
    "flush",
    "sync",
    "relinquish-var",
    "smart-relinquish-var",
    "setup-keys",
    "update-catalog",
    "cursor-file",
  ];
  if (mayHave(args, "", changes)) return reading("destroy");
  if (mayHave(args, "DiM", ["file", "directory", "root", "image", "machine"]))
    return reading("read", "unclear", "relative-path");
  return args.some(({ value }) => value === "--no-pager") ? reading("read") : reading("read", "shell-escape");
}

function container(call: Call): CommandReading {
  return subcommands(call, "ps logs images stats version info port events history top", containerOptions, [
    "container",
  ]);
}

/** Options that show more or less of the same, in any of these tools. Whatever names files or another server is not among them. */
const clusterOptions = optionList(
  "n: o: l: c: A w f p a namespace: output: selector: container: field-selector: sort-by: since: since-time: tail: limit-bytes: " +
    "chunk-size: all-namespaces watch follow previous timestamps all-containers prefix show-labels no-headers show-kind wide " +
    "containers client short help all revision: max: types: for: ignore-not-found label-columns: L:",
);
const containerOptions = optionList(
  "a q n: f t all quiet last: follow tail: since: until: timestamps no-trunc no-stream format: size help digests",
);

function subcommands(
  { args }: Call,
  reads: string,
  options: OptionList,
  traits: readonly CommandTrait[],
): CommandReading {
  const [first, ...rest] = args;
  const known = first?.value !== undefined && reads.split(" ").includes(first.value) && allKnown(rest);
  const given = known ? getopt(rest, options) : undefined;
  const named = given?.operands.every(({ value }) => !/^(?:dump|-.*)$/.test(value ?? ""));
  return named ? reading("read", ...traits) : unclear(...traits);
}

function hasShort(call: Call, letters: string): boolean {
  return allKnown(call.args) && mayHave(call.args, letters);
}

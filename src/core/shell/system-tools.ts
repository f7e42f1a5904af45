import { allKnown, mayBeOption, mayHave, operandsOf } from "./options.ts";
import { type Call, type CommandReading, type CommandTrait, type Rule, reading, unclear } from "./reading.ts";

/** Tools of incidents whose effect depends on a subcommand or an option. */
export const systemTools: Readonly<Record<string, Rule>> = {
  systemctl,
  service: (call) => byWord(call, 1, { status: reading("read") }, unclear("service-restart")),
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
  ifconfig: (call) => (operandsOf(call.args).length > 1 ? reading("admin", "network") : reading("read")),
  ip: (call) =>
    call.args.some(
      ({ value }) =>
        value === undefined ||
        /^(add|del|delete|set|change|replace|flush|exec|append|restore|-b|-batch|-force|attach|monitor|save)$/.test(
          value,
        ) ||
        /^-b/.test(value),
    )
      ? reading("admin", "network")
      : reading("read"),
  ss: (call) =>
    mayHave(call.args, "KDF", ["kill", "diag", "filter"]) ? reading("destroy", "network") : reading("read"),
  top: (call) => (hasShort(call, "b") ? reading("read") : unclear("interactive", "signal")),
  sar: (call) => (mayHave(call.args, "o") ? reading("write", "writes-file") : reading("read")),
  sysctl: (call) =>
    mayHave(call.args, "wpf", ["write", "load", "system"]) ||
    call.args.some(({ value }) => value === undefined || value.includes("="))
      ? reading("admin")
      : reading("read"),
  ulimit: (call) =>
    operandsOf(call.args).length > 0 || !allKnown(call.args) ? reading("write") : reading("read"),
  kill: (call) =>
    call.args.length > 0 && hasShort(call, "lL") ? reading("read") : reading("destroy", "signal"),
  crictl: container,
  docker: container,
  podman: container,
  nerdctl: container,
  ctr: () => unclear("container"),
  kubectl: (call) =>
    subcommands(
      call,
      [
        "get",
        "describe",
        "logs",
        "top",
        "version",
        "api-resources",
        "api-versions",
        "cluster-info",
        "explain",
        "events",
      ],
      ["network"],
    ),
  helm: (call) => subcommands(call, ["list", "ls", "status", "history", "version", "get"], ["network"]),
  curl,
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
  const word = operandsOf(call.args)[0]?.value;
  if (!allKnown(call.args) || mayHave(call.args, "HM", ["host", "machine", "root", "image"]))
    return unclear("service-restart");
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
  return subcommands(
    call,
    ["ps", "logs", "images", "stats", "version", "info", "top", "port", "events", "history"],
    ["container"],
  );
}

function subcommands(call: Call, reads: readonly string[], traits: readonly CommandTrait[]): CommandReading {
  const [first] = call.args;
  const known = first?.value !== undefined && !mayBeOption(first) && reads.includes(first.value);
  // A configuration or a server of the caller's choice may be anything, plugins included.
  const other = mayHave(call.args, "cHsf", [
    "config",
    "kubeconfig",
    "context",
    "host",
    "server",
    "filename",
    "kustomize",
    "raw",
    "post-renderer",
  ]);
  return known && !other && allKnown(call.args) ? reading("read", ...traits) : unclear(...traits);
}

function byWord(
  call: Call,
  at: number,
  words: Readonly<Record<string, CommandReading>>,
  otherwise: CommandReading,
): CommandReading {
  const word = call.args[at]?.value;
  return (word !== undefined && Object.hasOwn(words, word) ? words[word] : undefined) ?? otherwise;
}

function hasShort(call: Call, letters: string): boolean {
  return allKnown(call.args) && mayHave(call.args, letters);
}

const plainCurl =
  /^-(?:[sSLkvifIgG46]|-silent|-show-error|-location|-insecure|-verbose|-include|-fail|-head|-get|-max-time|-connect-timeout|m)+$/;

/** A plain GET of a web address reads; whatever sends, writes or reads files does more. */
function curl(call: Call): CommandReading {
  const options = call.args.filter(mayBeOption);
  if (!(allKnown(call.args) && options.every(({ value }) => plainCurl.test(value ?? ""))))
    return unclear("network");
  const addresses = operandsOf(call.args).map(({ value }) => value ?? "");
  return addresses.every((text) => /^(https?:\/\/|\d+$|[\w.-]+(:\d+)?(\/|$))/i.test(text))
    ? reading("read", "network")
    : unclear("network");
}

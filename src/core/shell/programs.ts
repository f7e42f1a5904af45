import { builtins } from "./builtins.ts";
import { networkTools } from "./network-tools.ts";
import { type CommandReading, type CommandTrait, type Rule, reading, unclear } from "./reading.ts";
import { systemTools } from "./system-tools.ts";
import { textTools } from "./text-tools.ts";
import { wrappers } from "./wrappers.ts";

/** The rule of a program; undefined for one that we do not know. */
export function ruleOf(name: string): Rule | undefined {
  return rules.get(name);
}

/** `/usr/bin/df` → `df`; a program elsewhere keeps its path, for nobody knows what it is. */
export function programName(word: string): string {
  return /^\/(?:usr\/(?:local\/)?)?s?bin\/([^/]+)$/.exec(word)?.[1] ?? word;
}

/** They only show something, whatever their words are. */
const readers =
  "uptime df free uname id whoami groups w who last lsblk lscpu lsmod lspci lsusb pwd echo true false : " +
  "sleep seq basename dirname realpath readlink stat wc head tail cat tac nl cut paste tr rev fold fmt column expand unexpand " +
  "join comm diff cmp sha1sum sha256sum sha512sum md5sum cksum sum b2sum du ls dir strings od hexdump zcat zgrep " +
  "netstat vmstat iostat mpstat pgrep pidof pstree nproc getent getconf locale which type arch tty " +
  "findmnt whereis cd break continue return exit shift " +
  "nslookup dig host ping ping6 tracepath traceroute factor expr logname users numfmt tput";

/** What they do is more than reading, with the traits that go with it. */
const others: readonly (readonly [string, () => CommandReading])[] = [
  [
    "touch mkdir cp mv ln install chmod chown chgrp dd truncate gzip gunzip bzip2 xz zstd unzip zip patch mktemp setfacl rsync",
    wrote("write"),
  ],
  ["rm rmdir unlink shred wipefs mkfs fdisk parted mkswap", wrote("destroy")],
  ["pkill killall skill renice fuser", told("destroy", "signal")],
  ["reboot shutdown halt poweroff init telinit", told("destroy", "power")],
  [
    "useradd userdel usermod groupadd groupdel passwd chpasswd visudo chattr setcap modprobe insmod rmmod umount swapoff swapon iptables nft ufw tc route",
    told("admin"),
  ],
  [
    "apt apt-get dpkg yum dnf rpm apk pacman zypper snap pip pip3 npm npx yarn gem cargo go",
    told("admin", "package"),
  ],
  [
    "python python2 python3 perl ruby node deno bun php lua tclsh irb R julia java gdb strace ltrace perf make git vim vi nvim nano ed ex emacs less more most man view watch script expect screen tmux parallel flock m4 bc dc",
    hidden("shell-escape"),
  ],
  ["ssh scp sftp telnet ncat netcat socat ftp rclone aws gcloud az tcpdump", hidden("network")],
  [
    "printenv export declare typeset readonly unset alias unalias source . trap enable hash shopt",
    hidden("sets-environment"),
  ],
];

function wrote(effect: "write" | "destroy"): () => CommandReading {
  return () => reading(effect, "writes-file");
}

function told(effect: "destroy" | "admin", ...traits: readonly CommandTrait[]): () => CommandReading {
  return () => reading(effect, ...traits);
}

function hidden(trait: CommandTrait): () => CommandReading {
  return () => unclear(trait);
}

const networked = new Set("nslookup dig host ping ping6 tracepath traceroute".split(" "));

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...readers
    .split(" ")
    .map((name): readonly [string, Rule] => [
      name,
      networked.has(name) ? () => reading("read", "network") : "read",
    ]),
  ...others.flatMap(([names, rule]) => names.split(" ").map((name): readonly [string, Rule] => [name, rule])),
  ...Object.entries(textTools),
  ...Object.entries(systemTools),
  ...Object.entries(networkTools),
  ...Object.entries(builtins),
  ...Object.entries(wrappers),
  ["printenv", () => reading("read", "reads-environment")],
]);

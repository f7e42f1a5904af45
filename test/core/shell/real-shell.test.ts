import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { readCommandLine } from "../../../src/core/shell/command-line.ts";
import { type RealShell, startRealShell } from "./real-shell.ts";

/** Ways in which `pwn` or `rm` may come to run, or a file come to stand there; harmless ones among them. */
const words = [
  "pwn",
  "rm x",
  "p'w'n",
  'p"w"n',
  "p\\wn",
  "$(echo pwn)",
  "`echo pwn`",
  "$x",
  "eval pwn",
  "exec pwn",
  "command pwn",
  "builtin eval pwn",
  "env pwn",
  "env -S 'pwn a'",
  "env -i PATH=$PATH pwn",
  "xargs pwn",
  "timeout 1 pwn",
  "timeout -k 1 1 pwn",
  "nice -n 1 pwn",
  "nohup pwn",
  "stdbuf -o0 pwn",
  "find . -exec pwn {} ;",
  "find . -exec pwn {} \\;",
  "find . -name x -delete",
  "find . -fprint out",
  "awk 'BEGIN{system(\"pwn\")}'",
  "awk 'BEGIN{print 1 > \"out\"}'",
  "awk 'BEGIN{\"pwn\"|getline}'",
  "sed -n '1e pwn'",
  "sed 's/p/pwn/e'",
  "sed -n 'w out'",
  "sed --in-place s/a/b/ x",
  "sh -c pwn",
  "bash -c 'pwn'",
  "sh -c '$0' pwn",
  "sh -c 'sh -c pwn'",
  ". ./x",
  "printf -v 'a[$(pwn)]' x",
  "test -v 'a[$(pwn)]'",
  "[ -v 'a[$(pwn)]' ]",
  "read 'a[$(pwn)]'",
  "touch out",
  "tee out",
  "echo x > out",
  "echo x >> out",
  "echo x >| out",
  "echo x &> out",
  ": > out",
  "true <> out",
  "f() { pwn; }; f",
  "alias ls=pwn; ls",
  "ls() { pwn; }; ls",
  "PATH=. ls",
  "echo `pwn`",
  "echo <(pwn)",
  "cat <<< $(pwn)",
  "cat <<EOF\n$(pwn)\nEOF",
  "cat <<'EOF'\n$(pwn)\nEOF",
  "echo $'\\x70wn'",
  "{pwn,x}",
  "x=pwn; $x",
  "trap pwn EXIT",
  "hash -p pwn ls; ls",
  "coproc pwn",
  "echo $((a[$(pwn)]))",
  "let 'a[$(pwn)]=1'",
  "sort -o out x",
  "sort --compress-program=pwn x",
  "date -s now",
  "echo pwn",
  "cat x",
  "ls -la",
  "head -n 1 x",
  "grep -r pwn .",
  "grep pwn x | wc -l",
  "id",
  "uptime",
  "df -h",
];
const glue = ["; ", " | ", " && ", " || ", "\n", " & ", " # "];
const around: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `(${text})`,
  (text) => `{ ${text}; }`,
  (text) => `if true; then ${text}; fi`,
  (text) => `for i in 1; do ${text}; done`,
  (text) => `case x in x) ${text};; esac`,
  (text) => `! ${text}`,
  (text) => `echo "$(${text})"`,
  (text) => `${text} 2>/dev/null`,
];

describe("what a real shell does with a text that reads as a read", () => {
  let shell: RealShell;
  before(() => {
    shell = startRealShell();
  });
  after(() => shell.stop());

  const harmless = (text: string): void => {
    const { effect } = readCommandLine(text);
    if (effect !== "read") return;
    for (const which of ["bash", "dash"] as const) {
      const { programs, files } = shell.run(which, text);
      assert.deepEqual(
        programs.filter((name) => ["pwn", "rm", "touch", "tee"].includes(name)),
        [],
        `${which}: ${text}`,
      );
      assert.deepEqual(files, [], `${which} left files: ${text}`);
    }
  };

  it("is told by a shell that notes what it starts", () => {
    assert.deepEqual(shell.run("bash", "p'w'n; echo x > out").programs, ["pwn"]);
    assert.deepEqual(shell.run("dash", "echo x > out").files, ["out"]);
    assert.ok(words.filter((word) => readCommandLine(word).effect === "read").length > 5);
  });

  for (const word of words) it(`is a read: ${JSON.stringify(word)}`, () => harmless(word));

  it("is a read too where texts are put together", { timeout: 90_000 }, () => {
    const part = fc.constantFrom(...words);
    const wrapped = fc.tuple(part, fc.constantFrom(...around)).map(([text, wrap]) => wrap(text));
    const text = fc
      .tuple(wrapped, fc.constantFrom(...glue), wrapped)
      .map(([first, between, second]) => first + between + second);
    fc.assert(fc.property(text, harmless), { numRuns: 1500, interruptAfterTimeLimit: 60_000 });
  });
});

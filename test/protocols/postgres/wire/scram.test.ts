import assert from "node:assert/strict";
import { test } from "node:test";
import { WireError } from "../../../../src/protocols/postgres/wire/cursor.ts";
import { ScramClient, ScramServer, scramVerifier } from "../../../../src/protocols/postgres/wire/scram.ts";

test("the client's side gives the messages of RFC 7677's example", async () => {
  // The example names the user in the exchange; PostgreSQL leaves it empty, so only the shape and the proof's maths count.
  const client = new ScramClient("pencil", undefined, "rOprNGfwEbeRWgbNEkqO");
  assert.equal(client.first(), "n,,n=,r=rOprNGfwEbeRWgbNEkqO");
  const final = await client.final(
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  );
  assert.match(final, /^c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj\)hNlF\$k0,p=[A-Za-z0-9+/]{43}=$/);
});

async function login(given: string, tamper = (message: string): string => message): Promise<boolean> {
  const server = new ScramServer(await scramVerifier("right"));
  const client = new ScramClient(given);
  const final = server.final(tamper(await client.final(server.first(client.first()))));
  return final !== undefined && client.proves(final);
}

test("both sides convince each other with the right password and with no other", async () => {
  assert.equal(await login("right"), true);
  assert.equal(await login("wrong"), false);
  assert.equal(await login(""), false);
});

test("another nonce, another channel binding or another proof is refused", async () => {
  assert.equal(await login("right", (m) => m.replace("c=biws", "c=eSws")), false);
  assert.equal(await login("right", (m) => m.replace(/r=./, "r=~")), false);
  assert.equal(await login("right", (m) => m.replace(/p=..../, "p=AAAA")), false);
});

test("channel binding that was not offered and malformed messages are refused", async () => {
  const verifier = await scramVerifier("right");
  for (const message of ["p=tls-server-end-point,,n=,r=abc", "n,,r=abc", "", "n,,n=,r=", "n,a=x,n=,r=abc"])
    assert.throws(() => new ScramServer(verifier).first(message), WireError);
});

test("a server that shortens or replaces the nonce is not answered", async () => {
  for (const first of ["r=abc,s=AAAA,i=4096", "r=other123,s=AAAA,i=4096", "r=abcX,s=AAAA,i=x"])
    await assert.rejects(new ScramClient("right", undefined, "abc").final(first), WireError);
});

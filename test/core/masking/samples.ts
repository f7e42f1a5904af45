import fc from "fast-check";

/** Texts that look like what the detectors look for, glued, cut and mixed with what surrounds such values. */
const sensitive = fc.constantFrom(
  "canary.zoë@leak.example",
  "ana%40leak.example",
  "a@b.io",
  "4111111111111111",
  "4111 1111 1111 1111",
  "5500-0000-0000-0004",
  "340000000000009",
  "900-11-2233",
  "900 11 2233",
  "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.",
  "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
  "AKIAABCDEFGHIJKLMNOP",
  "sk_live_CANARYTOKEN4242",
  "ghp_0123456789abcdefghij0123456789abcdef",
  "xoxb-123456789012-abcdefghijkl",
  "AIzaSyA0123456789abcdefghijklmnopqrstuv",
  "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----",
  "-----BEGIN PRIVATE KEY-----\n",
  "aws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYab",
);
const around = fc.constantFrom(
  " ",
  "",
  "",
  "\n",
  "-",
  "--",
  "-----",
  ".",
  ",",
  "@",
  "%40",
  "_",
  "*",
  "******",
  "0",
  "1",
  "42",
  "2026-11-23 10:00:00",
  "eyJ",
  "sk_",
  "BEGIN ",
  "x",
  "ë",
  '"',
  "\\",
  "{",
  "[redacted]",
  "***-**-****",
  "************1111",
  "a***@***.io",
  "SG.",
  "word",
  "KEY-----",
);
const noise = fc.string({ unit: "binary", maxLength: 12 });

export const texts = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: sensitive },
      { weight: 4, arbitrary: around },
      { weight: 1, arbitrary: noise },
    ),
    {
      maxLength: 12,
    },
  )
  .map((parts) => parts.join("").toWellFormed());

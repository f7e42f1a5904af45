/** What `ihc gateway init` writes: path inside the folder → text. All of it passes our own checks. */
export const starterFiles: Readonly<Record<string, string>> = {
  "ihc.yaml": `# ihc gateway. Every key is checked: a mistyped one stops the start. Check with: ihc gateway check

# Plain HTTP is for loopback only. For anything else give it TLS ...
listen: 127.0.0.1:7443
# tls: { cert: ./tls/cert.pem, key: ./tls/key.pem }
# ... or put it behind a proxy that ends TLS. Tokens are bound to this address.
# behind_proxy: true
# public_url: https://ihc.example.com

# Who people are. Any OpenID Connect provider with the device flow; docs/identity.md knows their quirks.
issuer:
  url: https://login.example.com
  client_id: ihc
  audience: https://ihc.example.com
  groups_claim: groups
  # employee_claim: employee_id    # when one person may have several accounts
  # required_amr: [mfa, hwk]       # every login must have used one of these
  # dpop: optional                 # when the provider cannot bind tokens to keys

# One gateway keeps its state in a folder; several share a PostgreSQL.
store: { sqlite: ./state }
# store: { postgres: env:IHC_DATABASE_URL }

# Cedar files that say who may do what; see docs/policy.md. Without policies nothing is allowed.
policy: ./policy

# Groups that see what others do: auditors read and replay, admins also revoke and end sessions.
oversight: { auditors: [auditors], admins: [platform-admins] }

requests:
  ttl: 1h                # how long reviewers have
  default_duration: 1h   # of a grant that names none
  max_duration: 8h       # whatever policy gives
  max_per_day: 16h       # of one person on one target, however often it is asked for
  # review_amr: [mfa, hwk]   # a reviewer's login must have used one of these
  # review_auth_age: 15m     # and must not be older (auth_time of the token)

recording:
  free_space_floor: 256MiB   # below it no new session opens
  # age_recipients: [age1...]  # encrypts recordings for these keys

# A file, best on another machine, that remembers the audit log's checkpoints.
# audit: { origin: ihc.example.com, witness: /mnt/witness/ihc.checkpoints }

targets:
  prod-db:
    postgres:
      host: db.internal
      port: 5432
      database: app
      tls: verify-full
      # The role is the first line of defence: \`ihc targets harden prod-db\` prints SQL for a narrow one.
      user: ihc_ro
      # Secrets are referred to: env:NAME, file:/path (mode 0600) or exec:command.
      password: env:PROD_DB_RO
      # roles: { write: { user: ihc_rw, password: env:PROD_DB_RW } }
      # rows_written: 100
    # What policies can ask about: resource.labels.env
    labels: { env: prod, tier: 1 }
    masking:
      - { columns: ["*.email", "*.phone"], how: partial }
      - { columns: ["*.ssn", "*.password_hash"], how: redact }
      - { detect: [card, jwt, aws-key, private-key, api-key], how: redact }
    # strict: a masked column only as it is; lenient: expressions over it are masked whole
    masking_mode: strict
    recording: { rows: 1000, bytes: 4MiB }
`,
  "policy/people.cedar": `// Who gets in. A permit with @grant needs a request that these reviewers have approved, for @max at most.

@id("responders")
@grant("sre-leads")
@max("4h")
permit (principal in Group::"oncall", action in [Action::"read", Action::"write", Action::"destroy"], resource)
when { resource.labels.env == "prod" };

// When nobody answers: at once, alarmed, and reviewed afterwards.
@id("break-glass")
@break_glass
@grant("sre-leads")
@max("1h")
permit (principal in Group::"oncall", action, resource);
`,
  "policy/guards.cedar": `// What is held or forbidden, whoever asks. A forbid on an effect also counts for the worse ones:
// read, write, destroy, admin, unknown.

// Changes wait until a second person has approved the very statement.
@id("writes-need-a-second-person")
@approve("sre-leads")
@within("30m")
@reason("changes in production need a second person")
forbid (principal, action == Action::"write", resource)
when { resource.labels.env == "prod" }
unless { context.approvedBy.contains("sre-leads") || context.breakGlass };

// Never everything at once.
@id("no-unbounded-delete")
@reason("the statement has no WHERE")
forbid (principal, action, resource)
when { context.traits.contains("no-where") }
unless { context.breakGlass };

// An AI that acts for somebody reads; it changes nothing by itself.
@id("agents-read-only")
@reason("an MCP client may only read here")
@hint("stop and ask the person to do it themselves")
forbid (principal, action == Action::"write", resource)
when { context.via != "" };
`,
};

import { posix } from "node:path";

/** Whether a word names, or carries as an option's value, a file in which secrets usually are. */
export function isSecretPath(word: string): boolean {
  return wordsIn(word).some((path) => secrets.some((secret) => secret.test(path)));
}

/** Whether a path leaves the folder it seems to be in: `..` segments, or a home folder. */
export function isRelative(word: string): boolean {
  return /(^|[/=@:])\.\.(\/|$)/.test(word) || /(^|[=:@])~/.test(word);
}

/** The word itself and what follows `=`, `@` or `:` in it, normalised. */
function wordsIn(word: string): readonly string[] {
  const parts = [word, ...word.split(/[=@:,]/), word.replace(/^-[A-Za-z]/, "")];
  return parts.map((part) => posix.normalize(part.replaceAll("\\", "")).toLowerCase());
}

const secrets: readonly RegExp[] = [
  /(^|\/)g?shadow-?$/,
  /(^|\/)sudoers(\.d)?(\/|$)/,
  /(^|\/)\.(ssh|aws|kube|gnupg|azure|config\/gcloud)(\/|$)/,
  /(^|\/)\.docker\/config\.json$/,
  /(^|\/)\.(netrc|pgpass|my\.cnf|git-credentials|npmrc|pypirc|vault-token)$/,
  /(^|\/)\.[a-z]*_?history$/,
  /(^|\/)\.env(\.[\w-]+)?$/,
  /(^|\/)id_(rsa|dsa|ecdsa|ed25519)/,
  /\.(pem|key|p12|pfx|jks|keystore|kdbx|kubeconfig|tfstate)$/,
  /(^|\/)kubeconfig$/,
  /(^|\/)(var\/)?run\/secrets(\/|$)/,
  /(^|\/)proc\/[^/]+\/(environ|mem|maps|fd|root|cwd|cmdline)(\/|$)/,
  /(^|\/)environ$/,
  /(^|\/)dev\/(mem|kmem|port|sd|nvme|vd|xvd|dm-|mapper)/,
  /(^|\/)etc\/(kubernetes|rancher|ssl\/private|ssh\/ssh_host_.*key|krb5\.keytab|machine-id)/,
  /(^|\/)(service-?account|token|credentials?|secrets?|passwords?)(\.[a-z]+)?$/,
  /(^|\/)var\/lib\/(kubelet|etcd|docker|containerd)(\/|$)/,
];

/**
 * Traits that a permit must name to count, so that a broad permit does not let them pass unseen: `uses-secret`, a workload
 * that would read secrets, and those that begin with `custom:`, what the target has beyond what its protocol knows, such as
 * `custom:widgets.example.com`. Naming means the text itself: `context.traits.contains("uses-secret")`.
 */
export function mustBeNamed(trait: string): boolean {
  return trait === "uses-secret" || trait.startsWith("custom:");
}

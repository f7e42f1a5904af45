import type { Clock } from "../../base/clock.ts";
import { knownResource } from "./known.ts";
import type { RequestInfo } from "./wire/request-info.ts";

/** What a resource is, as far as the gateway must know. */
export interface Found {
  readonly namespaced: boolean;
  /** Whether Kubernetes itself has it; what is not built in counts only where a policy names it. */
  readonly builtIn: boolean;
}

/** What is there to be asked for; a snapshot, so that to classify is pure. */
export interface Discovered {
  /** Undefined when the cluster has no such resource or subresource. */
  find(info: Pick<RequestInfo, "group" | "version" | "resource" | "subresource">): Found | undefined;
}

export interface Discovery {
  /** Knows whatever is needed to classify this request. Never rejects. */
  of(info: RequestInfo): Promise<Discovered>;
}

/** Reads a discovery document such as `/apis/example.com/v1` by the gateway's own account; undefined for anything but 200. */
export type ReadDocument = (path: string) => Promise<unknown>;

const freshFor = 60_000;
/** A group version that is not there may have been installed a moment later. */
const missingFor = 5_000;
const remembered = 500;

/** Only Kubernetes' own resources. */
export const builtIn: Discovered = { find: (info) => own(info) };

/**
 * Discovery of one cluster, cached for all its sessions: Kubernetes' own resources need no question, others are asked for by
 * group version and kept a minute. A document that cannot be read or understood makes its resources unknown, which refuses.
 */
export function clusterDiscovery(read: ReadDocument, clock: Clock): Discovery {
  const cache = new Map<string, { readonly until: number; readonly names: Promise<Names> }>();
  const namesOf = (path: string): Promise<Names> => {
    const now = clock.now().getTime();
    const cached = cache.get(path);
    if (cached && cached.until > now) return cached.names;
    const names = read(path).then(namesIn, () => none);
    cache.delete(path);
    cache.set(path, { until: now + freshFor, names });
    for (const oldest of cache.keys()) {
      if (cache.size <= remembered) break;
      cache.delete(oldest);
    }
    void names.then((found) => {
      const entry = cache.get(path);
      if (found.size === 0 && entry?.names === names) cache.set(path, { until: now + missingFor, names });
    });
    return names;
  };
  return {
    async of(info) {
      if (!info.isResource || own(info)) return builtIn;
      const { group, version } = info;
      const names = await namesOf(group === "" ? `/api/${version}` : `/apis/${group}/${version}`);
      return {
        find: (asked) =>
          own(asked) ??
          (asked.group === group && asked.version === version ? other(asked, names) : undefined),
      };
    },
  };
}

type Asked = Parameters<Discovered["find"]>[0];
/** `resource` or `resource/subresource` → whether it is namespaced. */
type Names = ReadonlyMap<string, boolean>;

const none: Names = new Map();

function own({ group, resource, subresource }: Asked): Found | undefined {
  const known = knownResource(group, resource);
  if (!known || (subresource !== "" && !known.subresources.has(subresource))) return;
  return { namespaced: known.namespaced, builtIn: true };
}

function other({ resource, subresource }: Asked, names: Names): Found | undefined {
  const namespaced = names.get(subresource === "" ? resource : `${resource}/${subresource}`);
  return namespaced === undefined ? undefined : { namespaced, builtIn: false };
}

/** An APIResourceList: `{ kind, groupVersion, resources: [{ name, namespaced, … }] }`. */
function namesIn(document: unknown): Names {
  if (typeof document !== "object" || document === null || !("resources" in document)) return none;
  const { resources } = document;
  if (!Array.isArray(resources)) return none;
  return new Map(resources.flatMap((one: unknown) => entry(one)));
}

function entry(one: unknown): [string, boolean][] {
  if (typeof one !== "object" || one === null || !("name" in one && "namespaced" in one)) return [];
  const { name, namespaced } = one;
  return typeof name === "string" && typeof namespaced === "boolean" ? [[name, namespaced]] : [];
}

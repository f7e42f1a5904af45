import type { Adapter, AdapterPayload } from "oidc-provider";

/** Keeps one provider's state in memory until it stops; oidc-provider checks expiry itself. */
export function memoryAdapter(): (model: string) => Adapter {
  const entries = new Map<string, AdapterPayload>();
  return (model) => {
    const key = (id: string) => `${model}:${id}`;
    const findBy = (matches: (payload: AdapterPayload) => boolean): Promise<AdapterPayload | undefined> => {
      for (const [name, payload] of entries)
        if (name.startsWith(`${model}:`) && matches(payload)) return Promise.resolve(payload);
      return Promise.resolve(undefined);
    };
    return {
      upsert: (id, payload) => {
        entries.set(key(id), { ...payload });
        return Promise.resolve();
      },
      find: (id) => Promise.resolve(entries.get(key(id))),
      findByUserCode: (userCode) => findBy((payload) => payload.userCode === userCode),
      findByUid: (uid) => findBy((payload) => payload.uid === uid),
      consume: (id) => {
        const payload = entries.get(key(id));
        // oidc-provider compares seconds; a payload without `consumed` may be used.
        if (payload !== undefined) payload.consumed = payload.iat ?? 1;
        return Promise.resolve();
      },
      destroy: (id) => {
        entries.delete(key(id));
        return Promise.resolve();
      },
      revokeByGrantId: (grantId) => {
        for (const [name, payload] of entries)
          if (name.startsWith(`${model}:`) && payload.grantId === grantId) entries.delete(name);
        return Promise.resolve();
      },
    };
  };
}

/** The gateway's environment; `env:` secrets come from here and nowhere else reads it. */
export const environment: Readonly<Record<string, string | undefined>> = process.env;

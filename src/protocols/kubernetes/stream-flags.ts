import type { RequestInfo } from "./wire/request-info.ts";

/** Which streams an exec or attach asks for. */
export interface StreamFlags {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export function streamFlags({ parameters }: Pick<RequestInfo, "parameters">): StreamFlags {
  /** As the API server reads a boolean: everything but `false` and `0` is true. */
  const isSet = (name: string): boolean => {
    const given = parameters.find(([key]) => key === name)?.[1];
    return given !== undefined && !/^(false|0)$/i.test(given);
  };
  const tty = isSet("tty");
  // A terminal has one output.
  return { stdin: isSet("stdin"), stdout: isSet("stdout"), stderr: isSet("stderr") && !tty, tty };
}

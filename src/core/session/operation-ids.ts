import { newId, type OperationId } from "../../base/ids.ts";

const perBeginning = 16 ** 6;

/**
 * Ids for one connection's operations: six random characters and a count, because drawing randomness for every statement
 * would cost as much as judging it.
 */
export function operationIds(): () => OperationId {
  let beginning = "";
  let count = 0;
  return () => {
    if (count % perBeginning === 0) beginning = newId("op").slice(0, -6);
    const ending = (count++ % perBeginning).toString(16).toUpperCase().padStart(6, "0");
    return `${beginning}${ending}` as OperationId;
  };
}

import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

/** Tries, with at most a quarter of a second between them. */
const attempts = 60;

/**
 * Runs a transaction again after a serialization failure or deadlock (PostgreSQL), or while another process writes (SQLite,
 * where waiting inside the driver would hold up the whole gateway).
 */
export async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || attempt === attempts) throw error;
      await sleep(Math.random() * 2 ** Math.min(attempt, 8));
    }
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return error.code === "40001" || error.code === "40P01";
  return error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === sqliteBusy;
}

const sqliteBusy = 5;

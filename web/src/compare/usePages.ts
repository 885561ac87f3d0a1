import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { keyOf } from "../store/changes.ts";
import { loadSweep, sweeps } from "../store/store.ts";
import { useNow } from "../text/useNow.ts";

const REFRESH_MS = 10_000;

/** The pages of the sweeps. One whose runs have changed is fetched again, at most every ten seconds. */
export function usePages(keys: string[]): { pages: Record<string, SweepPage>; errors: Record<string, string> } {
  const pages = useSignal<Record<string, SweepPage>>({});
  const errors = useSignal<Record<string, string>>({});
  const fetched = useRef<Record<string, string>>({});
  const tick = useNow(REFRESH_MS);
  useEffect(() => {
    const abort = new AbortController();
    const fetchAgain = (key: string, version: string) =>
      loadSweep(key, abort.signal).then(
        (page) => {
          fetched.current[key] = version;
          pages.value = { ...pages.value, [key]: page };
          errors.value = Object.fromEntries(Object.entries(errors.value).filter(([failed]) => failed !== key));
        },
        (error: Error) => {
          if (abort.signal.aborted || pages.value[key] !== undefined) return;
          errors.value = { ...errors.value, [key]: error.message };
        },
      );
    for (const key of keys) {
      const version = versionOf(key);
      if (fetched.current[key] !== version) void fetchAgain(key, version);
    }
    return () => abort.abort();
  }, [keys.join("\n"), tick]);
  return { pages: pages.value, errors: errors.value };
}

/** It changes with the runs of the sweep. */
function versionOf(key: string): string {
  const row = sweeps.peek().find((r) => keyOf(r) === key);
  return `${row?.counts.finished} ${row?.state}`;
}

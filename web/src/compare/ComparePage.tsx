import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { go } from "../app/router.ts";
import { compareHref } from "../app/routes.ts";
import { keyOf } from "../store/changes.ts";
import { loadSweep, sweeps } from "../store/store.ts";
import { Text } from "../text/Text.tsx";
import { useNow } from "../text/useNow.ts";
import { ProgressPlot } from "./ProgressPlot.tsx";
import { Results } from "./Results.tsx";

/** Several sweeps: how fast each found its best, by runs and by cost. */
export function ComparePage({ sweeps: keys }: { sweeps: string[] }) {
  const { pages, errors } = usePages(keys);
  const found = keys.map((key) => pages[key]).filter((p) => p !== undefined);
  const others = sweeps.value.filter((row) => !keys.includes(keyOf(row)));
  const metrics = new Set(found.map((p) => `${p.row.goal} ${p.row.metric}`));
  return (
    <>
      <div class="title-row">
        <h1>Comparison of sweeps</h1>
        {others.length > 0 && (
          <select
            aria-label="Add a sweep to the comparison"
            value=""
            onChange={(event) => go(compareHref([...keys, event.currentTarget.value]))}
          >
            <option value="">Add a sweep…</option>
            {others.map((row) => (
              <option key={keyOf(row)} value={keyOf(row)}>
                {`${row.displayName || row.name} (${row.namespace})`.slice(0, 80)}
              </option>
            ))}
          </select>
        )}
      </div>
      {Object.entries(errors).map(([key, message]) => (
        <p key={key} class="notice panel" role="alert">
          <Text value={key} limit={100} />: <Text value={message} limit={500} />
        </p>
      ))}
      {metrics.size > 1 && (
        <p class="muted">These sweeps optimize different metrics, so their scores cannot be compared directly.</p>
      )}
      {found.length === 0 ? (
        <p class="empty">{keys.length === 0 ? "Add sweeps to compare them." : "Loading…"}</p>
      ) : (
        <div class="panels">
          <ProgressPlot pages={found} measure="runs" />
          <ProgressPlot pages={found} measure="cost" />
          <Results pages={found} keys={keys} />
        </div>
      )}
    </>
  );
}

const REFRESH_MS = 10_000;

/** The pages of the sweeps. One whose runs have changed is fetched again, at most every ten seconds. */
function usePages(keys: string[]): { pages: Record<string, SweepPage>; errors: Record<string, string> } {
  const pages = useSignal<Record<string, SweepPage>>({});
  const errors = useSignal<Record<string, string>>({});
  const fetched = useRef<Record<string, string>>({});
  const tick = useNow(REFRESH_MS);
  useEffect(() => {
    const abort = new AbortController();
    for (const key of keys) {
      const row = sweeps.peek().find((r) => keyOf(r) === key);
      const version = `${row?.counts.finished} ${row?.state}`;
      if (fetched.current[key] === version) continue;
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
    }
    return () => abort.abort();
  }, [keys.join("\n"), tick]);
  return { pages: pages.value, errors: errors.value };
}

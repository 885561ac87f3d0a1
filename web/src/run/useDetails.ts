import { useEffect, useState } from "preact/hooks";
import type { RunPage, RunRow } from "../api.ts";
import type { Route } from "../app/routes.ts";
import { loadRun } from "../store/store.ts";

/** The details of a run, loaded again whenever the run changes; or why they cannot be loaded. */
export function useDetails(
  route: Route & { page: "run" },
  row: RunRow | undefined,
): { details: RunPage | null; problem: string } {
  const [details, setDetails] = useState<RunPage | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    if (!row) return;
    const abort = new AbortController();
    loadRun(route.namespace, route.name, route.run, abort.signal)
      .then((found) => {
        setDetails(found);
        setProblem("");
      })
      .catch((error: Error) => abort.signal.aborted || setProblem(error.message));
    return () => abort.abort();
  }, [route.namespace, route.name, route.run, row]);
  return { details, problem };
}

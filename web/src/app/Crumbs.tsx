import { page, report } from "../store/store.ts";
import { Text } from "../text/Text.tsx";
import { type Route, sweepHref } from "./routes.ts";

/** Where the reader is; each part but the last leads up. */
export function Crumbs({ route }: { route: Route }) {
  const inSweep = route.page === "sweep" || route.page === "run";
  const display = inSweep ? page.value?.row.displayName || route.name : "";
  const run = route.page === "run" ? (page.value?.runs.find((r) => r.name === route.run)?.label ?? route.run) : "";
  return (
    <nav class="crumbs" aria-label="Location">
      <ol>
        {!report.value && (
          <li>{route.page === "list" ? <span aria-current="page">Sweeps</span> : <a href="#/">Sweeps</a>}</li>
        )}
        {inSweep && (
          <li>
            {route.page === "run" ? (
              <a href={sweepHref(route.namespace, route.name)}>
                <Text value={display} limit={60} />
              </a>
            ) : (
              <span aria-current="page">
                <Text value={display} limit={60} />
              </span>
            )}
          </li>
        )}
        {route.page === "run" && (
          <li>
            <span aria-current="page">
              <Text value={run} limit={60} />
            </span>
          </li>
        )}
        {route.page === "compare" && (
          <li>
            <span aria-current="page">Comparison</span>
          </li>
        )}
      </ol>
    </nav>
  );
}

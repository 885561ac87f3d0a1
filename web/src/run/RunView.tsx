import type { Route } from "../app/routes.ts";
import { loaded, page } from "../store/store.ts";
import { Text } from "../text/Text.tsx";

/** The page of one run. */
export function RunView({ route }: { route: Route & { page: "run" } }) {
  const run = page.value?.runs.find((r) => r.name === route.run);
  if (!run)
    return <p class="empty">{loaded.value ? "This run does not exist. It may have been deleted." : "Loading…"}</p>;
  return (
    <h1>
      <Text value={run.label} />
    </h1>
  );
}

import { go } from "../app/router.ts";
import { compareHref } from "../app/routes.ts";
import { Choice } from "../controls/Choice.tsx";
import { keyOf } from "../store/changes.ts";
import { sweeps } from "../store/store.ts";
import { Text } from "../text/Text.tsx";
import { ProgressPlot } from "./ProgressPlot.tsx";
import { Results } from "./Results.tsx";
import { usePages } from "./usePages.ts";

/** Several sweeps: how fast each found its best, by runs and by cost. */
export function ComparePage({ sweeps: keys }: { sweeps: string[] }) {
  const { pages, errors } = usePages(keys);
  const found = keys.map((key) => pages[key]).filter((p) => p !== undefined);
  const metrics = new Set(found.map((p) => `${p.row.goal} ${p.row.metric}`));
  return (
    <>
      <div class="title-row">
        <h1>Comparison of sweeps</h1>
        <AddSweep keys={keys} />
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

function AddSweep({ keys }: { keys: string[] }) {
  const others = sweeps.value.filter((row) => !keys.includes(keyOf(row)));
  if (others.length === 0) return null;
  const options = others.map((row) => ({
    value: keyOf(row),
    label: `${row.displayName || row.name} (${row.namespace})`,
  }));
  return (
    <Choice
      label="Add a sweep to the comparison"
      hidden
      value=""
      options={[{ value: "", label: "Add a sweep…" }, ...options]}
      onChange={(key) => key && go(compareHref([...keys, key]))}
    />
  );
}

import type { RunPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { Copyable } from "../controls/Copyable.tsx";
import { isReport } from "../store/store.ts";
import { Text } from "../text/Text.tsx";
import { safeLink } from "./difference.ts";

/** What is needed to continue with the run elsewhere. */
export function Commands({ details: { command, overrides, trackerUrl } }: { details: RunPage }) {
  return (
    <Panel title="Take it elsewhere" wide>
      {command && (
        <>
          <h3>The training with these parameters, as a command</h3>
          <Copyable text={command} label="the command" />
        </>
      )}
      {overrides && (
        <>
          <h3>The parameters as overrides</h3>
          <Copyable text={overrides} label="the overrides" />
        </>
      )}
      {trackerUrl && (
        <p>
          In the tracker: <Tracker url={trackerUrl} />
        </p>
      )}
      {isReport.value && <p class="muted">This is a report: the run may have changed since.</p>}
    </Panel>
  );
}

/** A link, if it may be followed. */
function Tracker({ url }: { url: string }) {
  const link = safeLink(url);
  const text = <Text value={link ?? url} limit={200} />;
  if (!link) return text;
  return (
    <a href={link} rel="noopener noreferrer" target="_blank">
      {text}
    </a>
  );
}

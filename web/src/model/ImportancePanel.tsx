import type { Importance, SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { percent, visible } from "../text/format.ts";
import { Remark, Text } from "../text/Text.tsx";
import { Answered } from "./Answered.tsx";
import type { Answer } from "./explanation.ts";

const SHOWN = 10;

interface Props {
  page: SweepPage;
  answer: Answer<Importance> & { again: () => void };
}

export function ImportancePanel({ page, answer }: Props) {
  const known = answer.value;
  const shares = Object.entries(known?.shares ?? {});
  return (
    <Panel
      title="Importance of the parameters"
      help="Share of each parameter in the variance of the predicted score."
      table={shares.length > 0 ? () => ({ columns: ["parameter", "share"], rows: shares }) : undefined}
    >
      {known ? (
        <Bars page={page} shares={shares} note={known.note} />
      ) : (
        <Answered answer={answer} page={page}>
          {() => null}
        </Answered>
      )}
    </Panel>
  );
}

function Bars({ page, shares, note }: { page: SweepPage; shares: [string, number][]; note: string }) {
  const largest = Math.max(...shares.map(([, share]) => share), 1e-9);
  return (
    <>
      <ul class="importance">
        {shares.slice(0, SHOWN).map(([path, share]) => (
          <li key={path}>
            <span class="importance-name" title={visible(path, 500)}>
              <Text value={page.parameters.find((p) => p.path === path)?.label ?? path} limit={80} />
            </span>
            <svg width="100%" height="14" aria-hidden="true" class="importance-bar">
              <rect width={`${(100 * share) / largest}%`} height="14" rx="2" fill="var(--accent)" />
            </svg>
            <span class="importance-share">{percent(share)}</span>
          </li>
        ))}
      </ul>
      {shares.length > SHOWN && (
        <p class="muted">
          The other {shares.length - SHOWN} parameters together:{" "}
          {percent(shares.slice(SHOWN).reduce((sum, [, share]) => sum + share, 0))}
        </p>
      )}
      {note && <Remark text={note} />}
    </>
  );
}

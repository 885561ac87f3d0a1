import type { SweepPage } from "../api.ts";
import { runHref } from "../app/routes.ts";
import { Text } from "./Text.tsx";

interface RunLinkProps {
  page: SweepPage;
  /** Name of the run; its label is looked up if it is not given. */
  name: string;
  label?: string;
  /** Words before the label, such as "run ". */
  before?: string;
}

export function RunLink({ page, name, label, before = "" }: RunLinkProps) {
  const known = label ?? page.runs.find((run) => run.name === name)?.label ?? name;
  return (
    <a href={runHref(page.row.namespace, page.row.name, name)}>
      {before}
      <Text value={known} limit={60} />
    </a>
  );
}

import { useEffect, useRef } from "preact/hooks";
import { ActionDialog } from "../actions/ActionDialog.tsx";
import { ComparePage } from "../compare/ComparePage.tsx";
import { ListPage } from "../list/ListPage.tsx";
import { RunView } from "../run/RunView.tsx";
import { server } from "../store/store.ts";
import { connection } from "../store/stream.ts";
import { visible } from "../text/format.ts";
import { Banner, TokenForm } from "./Banner.tsx";
import { Crumbs } from "./Crumbs.tsx";
import { Notice } from "./Notice.tsx";
import { route } from "./router.ts";
import type { Route } from "./routes.ts";
import { SweepView } from "./SweepView.tsx";
import { ThemeSwitch } from "./ThemeSwitch.tsx";

export function App() {
  const now = route.value;
  const link = connection.value;
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = titleOf(now);
    if (!first.current) main.current?.focus({ preventScroll: true }); // a new page is announced
    first.current = false;
  }, [now]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <header class="top">
        <Crumbs route={now} />
        <div class="top-right">
          {server.value && (
            <span class="muted version">
              {server.value.mode === "report" ? "report" : `v${visible(server.value.version, 20)}`}
            </span>
          )}
          <ThemeSwitch />
        </div>
      </header>
      <Banner />
      <main ref={main} id="main" tabIndex={-1}>
        {link.state === "denied" && link.status === 401 ? (
          <TokenForm />
        ) : link.state === "denied" ? (
          <Denied reason={link.reason} />
        ) : (
          <Page now={now} />
        )}
      </main>
      <ActionDialog />
    </>
  );
}

function Page({ now }: { now: Route }) {
  if (now.page === "list") return <ListPage />;
  if (now.page === "compare") return <ComparePage sweeps={now.sweeps} />;
  if (now.page === "sweep") return <SweepView route={now} />;
  if (now.page === "run") return <RunView key={now.run} route={now} />;
  return (
    <Notice title="This page does not exist">
      <p>
        <a href="#/">Show all sweeps</a>
      </p>
    </Notice>
  );
}

function Denied({ reason }: { reason: string }) {
  return (
    <Notice title="Not available">
      <p role="alert">{visible(reason, 2000)}</p>
      <p>
        <a href="#/">Show all sweeps</a>
      </p>
    </Notice>
  );
}

function titleOf(now: Route): string {
  if (now.page === "sweep") return `${visible(now.name, 60)} – sweep`;
  if (now.page === "run") return `${visible(now.run, 60)} – run`;
  return now.page === "compare" ? "Comparison of sweeps" : "Sweeps";
}

import { useSignal } from "@preact/signals";
import { setToken } from "../store/client.ts";
import { isReport, reconnect, retryNow, server, trouble, updated } from "../store/store.ts";
import { connection } from "../store/stream.ts";
import { visible } from "../text/format.ts";

/** Says that what the page shows may be old. */
export function Banner() {
  const now = connection.value;
  const cut = now.state === "disconnected" && !isReport.value;
  const late = !cut && trouble.value !== "";
  return (
    <div role="status" class={cut || late ? "banner" : "visually-hidden"}>
      {cut && (
        <>
          <strong>Disconnected:</strong> {visible(now.reason, 200)}.{" "}
          {updated.value > 0 && `The page shows the state of ${CLOCK.format(updated.value)}. `}
          Reconnecting…
          <button type="button" class="quiet" onClick={retryNow}>
            Try now
          </button>
        </>
      )}
      {late && (
        <>
          <strong>Not current:</strong> {visible(trouble.value, 500)}
        </>
      )}
    </div>
  );
}

const CLOCK = new Intl.DateTimeFormat("en-US", { timeStyle: "medium", hourCycle: "h23" });

/** Asks for the token if the URL had none, or the server does not accept it. */
export function TokenForm() {
  const value = useSignal("");
  // the server says where it runs only to those who have a token
  const mode = server.value?.mode;
  return (
    <form
      class="panel notice"
      onSubmit={(event) => {
        event.preventDefault();
        setToken(value.value);
        reconnect();
      }}
    >
      <h1>Token needed</h1>
      <p>
        The server did not accept the request without a valid token.
        {mode !== "cluster" && " Open the URL again that the command printed, or paste its token."}
        {mode === undefined && " If the page runs in a cluster, paste a bearer token of its API server."}
        {mode === "cluster" && " Paste a bearer token of the API server, for example from `kubectl create token`."} The
        page keeps the token in memory only, so reloading the page needs it again.
      </p>
      <label>
        Token{" "}
        <input
          type="password"
          autocomplete="off"
          required
          value={value.value}
          onInput={(event) => {
            value.value = event.currentTarget.value;
          }}
        />
      </label>{" "}
      <button type="submit">Continue</button>
    </form>
  );
}

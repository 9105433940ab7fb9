import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "@fontsource-variable/figtree/wght.css";
import "./ui/tokens.css";
import "./ui/base.css";
import { takeCode } from "./api/access/code";
import { LiveConnection } from "./api/live/connection";
import { socketUrl } from "./api/live/socketUrl";
import { App } from "./app/App";
import { stayInStepWithOtherTabs } from "./app/otherTabs";
import { createQueryClient } from "./app/queryClient";

const connection = new LiveConnection(() => new WebSocket(socketUrl(window.location)));
const queries = createQueryClient(() => connection.doubt());
stayInStepWithOtherTabs(queries);

// Before anything else may look at the address: whoever has the code can come in.
const code = takeCode(window.location, window.history);

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App connection={connection} queries={queries} path={window.location.pathname} code={code} />
  </StrictMode>,
);

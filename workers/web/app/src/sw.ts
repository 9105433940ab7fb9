/// <reference lib="webworker" />
// The service worker: keeps the page itself on the device, so that it opens while the hub is away.
// Readings are never kept here: what the page shows always comes from the hub, with its age.
import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from "workbox-precaching";
import { NavigationRoute, registerRoute } from "workbox-routing";

declare const self: ServiceWorkerGlobalScope;

/** What belongs to the hub and must never be answered with the page. */
const OF_THE_HUB = [/^\/api(\/|$)/i, /^\/ws(\/|$)/, /^\/video(\/|$)/, /^\/trust(\/|$)/];

precacheAndRoute(self.__WB_MANIFEST);
cleanupOutdatedCaches();
registerRoute(new NavigationRoute(createHandlerBoundToURL("index.html"), { denylist: OF_THE_HUB }));

// Also the page that was open before there was a service worker: else it could never be told to change to a new one.
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// A new version waits until the person at the screen says so: nothing changes under their finger.
self.addEventListener("message", (event) => {
  if (event.data?.type === "SKIP_WAITING") void self.skipWaiting();
});

import type { ManifestOptions } from "vite-plugin-pwa";

/** What a phone needs to put Betti on its home screen. */
export const manifest: Partial<ManifestOptions> = {
  id: "/",
  name: "Betti",
  short_name: "Betti",
  description: "The health of the one you care for, live from the hub at home",
  lang: "en",
  start_url: "/",
  scope: "/",
  display: "standalone",
  background_color: "#f6f2ea",
  theme_color: "#f6f2ea",
  categories: ["health", "lifestyle"],
  icons: [
    { src: "/icon.svg", sizes: "any", type: "image/svg+xml" },
    { src: "/icon-192.png", sizes: "192x192", type: "image/png" },
    { src: "/icon-512.png", sizes: "512x512", type: "image/png" },
    { src: "/icon-maskable-512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
  ],
};

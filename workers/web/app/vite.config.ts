import react from "@vitejs/plugin-react";
import { VitePWA } from "vite-plugin-pwa";
import { defineConfig } from "vitest/config";
import { manifest } from "./build/manifest.ts";

const API_URL = process.env.BETTI_API_URL ?? "http://127.0.0.1:3001";
const VIDEO_URL = process.env.BETTI_VIDEO_URL ?? "http://127.0.0.1:8080";
const PORT = Number(process.env.PORT ?? 5173);

export default defineConfig({
  plugins: [
    react(),
    VitePWA({
      strategies: "injectManifest",
      srcDir: "src",
      filename: "sw.ts",
      registerType: "prompt",
      injectRegister: false,
      injectManifest: { globPatterns: ["**/*.{html,js,css,svg,png,woff2}"] },
      manifest,
    }),
  ],
  build: { target: "es2022", sourcemap: false },
  // Development only: one origin for the page, as the gateway gives it in the built hub.
  server: {
    host: "127.0.0.1",
    port: PORT,
    strictPort: true,
    proxy: {
      "^/api(/|$)": { target: API_URL },
      "^/ws($|[/?])": { target: API_URL, ws: true, rewrite: (path) => path.replace(/^\/ws\/?/, "/") },
      // A certificate of the hub's own making is fine here: the hop does not leave this machine.
      "^/video($|[/?])": { target: VIDEO_URL, ws: true, secure: false },
    },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/testing/setup.ts"],
    // Days turn at another hour than in UTC, and daylight saving exists.
    env: { TZ: "America/New_York" },
    restoreMocks: true,
    testTimeout: 30_000,
    css: { modules: { classNameStrategy: "non-scoped" } },
  },
});

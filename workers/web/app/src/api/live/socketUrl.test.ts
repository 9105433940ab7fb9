import { expect, it } from "vitest";
import { socketUrl } from "./socketUrl";

it("follows the page's own origin", () => {
  expect(socketUrl({ protocol: "http:", host: "127.0.0.1:5173" })).toBe("ws://127.0.0.1:5173/ws");
  expect(socketUrl({ protocol: "https:", host: "betti.example" })).toBe("wss://betti.example/ws");
});

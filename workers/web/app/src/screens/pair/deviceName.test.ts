import { expect, it } from "vitest";
import { suggestedName } from "./deviceName";

it.each([
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", 390, "Phone"],
  ["Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/140 Mobile Safari/537.36", 412, "Phone"],
  ["Mozilla/5.0 (Linux; Android 14; SM-X200) Chrome/140 Safari/537.36", 800, "Tablet"],
  ["Mozilla/5.0 (iPad; CPU OS 12_0 like Mac OS X)", 768, "Tablet"],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", 820, "Tablet"],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", 1440, "Computer"],
  ["Mozilla/5.0 (X11; Linux x86_64)", 1920, "Computer"],
])("%s is a %s px wide %s", (agent, width, name) => expect(suggestedName(agent, width)).toBe(name));

import type { IconName } from "../../ui/Icon";

/** Where a reading comes from, for people. The hub says `manual`, or names the device that measured. */
export function sourceOf(source: string | null): { words: string; icon: IconName } {
  if (source === null) return { words: "Source unknown", icon: "question" };
  if (source === "manual") return { words: "Entered by hand", icon: "pencil" };
  if (source.startsWith("import")) return { words: "Imported", icon: "question" };
  return { words: "From a device", icon: "device" };
}

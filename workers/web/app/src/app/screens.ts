import type { ComponentType } from "react";
import { HealthScreen } from "../screens/health/HealthScreen";
import { LooksScreen } from "../screens/looks/LooksScreen";
import { SetupScreen } from "../screens/setup/SetupScreen";
import type { IconName } from "../ui/Icon";

export interface Screen {
  path: string;
  title: string;
  icon: IconName;
  Content: ComponentType;
}

/** The rooms of the page, in the order of the navigation. Only what works is listed. */
export const screens: readonly [Screen, ...Screen[]] = [
  { path: "/", title: "Health", icon: "heart", Content: HealthScreen },
  { path: "/setup", title: "Setup", icon: "people", Content: SetupScreen },
];

/** Rooms that another one leads to. */
const within: readonly Screen[] = [
  { path: "/setup/looks", title: "Who looked at what", icon: "people", Content: LooksScreen },
];

/** What is shown at an address: the first screen at one that is nobody's. */
export function screenAt(path: string): Screen {
  return [...screens, ...within].find((screen) => screen.path === path) ?? screens[0];
}

/** Whether an address is in the room of another one. */
export function isIn(path: string, room: string): boolean {
  return path === room || (room !== "/" && path.startsWith(`${room}/`));
}

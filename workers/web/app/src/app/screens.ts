import type { ComponentType } from "react";
import { HealthScreen } from "../screens/health/HealthScreen";
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
];

import type { ReactNode } from "react";
import { dateText, timeText } from "../time/calendar";
import { useNow } from "../time/useNow";
import { Icon } from "../ui/Icon";
import { ConnectionStatus } from "./ConnectionStatus";
import { homeName } from "./home";
import { KioskLock } from "./KioskLock";
import { NewVersion } from "./NewVersion";
import { OutageNotice } from "./OutageNotice";
import { SafetyNotice } from "./SafetyNotice";
import styles from "./Shell.module.css";
import { isIn, type Screen, screens } from "./screens";

/** What stays on screen: the home's name, the way around, whether the page is in touch with the hub. */
export function Shell({ current, children }: { current: Screen; children: ReactNode }) {
  return (
    <div className={styles.shell}>
      <header className={styles.header}>
        <p className={styles.home}>
          <Icon name="house" className={styles.logo} />
          {homeName()}
        </p>
        <Navigation current={current} />
        <Clock />
        <ConnectionStatus />
      </header>
      <main className={styles.main}>
        <OutageNotice />
        <SafetyNotice />
        <KioskLock />
        {children}
      </main>
      <NewVersion />
    </div>
  );
}

/** Beside the home's name on a wide screen, under the thumb on a phone. */
function Navigation({ current }: { current: Screen }) {
  return (
    <nav aria-label="Screens" className={styles.navigation}>
      <ul>
        {screens.map(({ path, title, icon }) => (
          <li key={path}>
            <a
              href={path}
              aria-current={current.path === path ? "page" : isIn(current.path, path) ? "true" : undefined}
            >
              <Icon name={icon} />
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Clock() {
  const now = useNow();
  return (
    <p className={styles.clock} data-testid="clock">
      <span className={styles.date}>{dateText(now)} · </span>
      <strong>{timeText(now)}</strong>
    </p>
  );
}

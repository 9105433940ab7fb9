import { useRegisterSW } from "virtual:pwa-register/react";
import { useEffect, useState } from "react";
import { useLiveStatus } from "../api/live/LiveProvider";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import styles from "./NewVersion.module.css";

/** A tablet on a wall is never navigated: so it has to ask. */
const CHECK_EVERY_MS = 60 * 60 * 1000;

/** Offers a new version of the page and changes nothing until the person says so. */
export function NewVersion() {
  const registration = useRegistration();
  const {
    needRefresh: [isReady, setIsReady],
    updateServiceWorker,
  } = useRegisterSW({
    onRegisteredSW: (_script, found) => registration.found(found),
    // No service worker (plain HTTP, a certificate that the device does not trust): the page works, but not offline.
    onRegisterError: () => {},
  });
  if (!isReady) return null;
  return (
    <div className={styles.place}>
      <Notice
        title="A new version is ready"
        icon="retry"
        tone="news"
        testId="new-version"
        actions={
          <>
            <Button look="main" onPress={() => changeTo(updateServiceWorker)}>
              Reload
            </Button>
            <Button onPress={() => setIsReady(false)}>Later</Button>
          </>
        }
      />
    </div>
  );
}

/** The plugin reloads only pages that were opened under a service worker, which the first visit was not. */
function changeTo(updateServiceWorker: () => Promise<void>): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => window.location.reload(), {
    once: true,
  });
  void updateServiceWorker();
}

/** Looks for a new version every hour, and whenever the hub is back: it may have been away to be upgraded. */
function useRegistration() {
  const [registration, setRegistration] = useState<ServiceWorkerRegistration>();
  const { presence } = useLiveStatus();
  useEffect(() => {
    if (!registration || presence !== "live") return;
    const check = () => void registration.update().catch(() => {});
    check();
    const timer = setInterval(check, CHECK_EVERY_MS);
    return () => clearInterval(timer);
  }, [registration, presence]);
  return { found: setRegistration };
}

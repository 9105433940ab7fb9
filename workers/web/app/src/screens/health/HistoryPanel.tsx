import { useQuery } from "@tanstack/react-query";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { vitalHistory } from "../../api/vitals/queries";
import type { Vital } from "../../api/vitals/vital";
import { useNow } from "../../time/useNow";
import { Button } from "../../ui/Button";
import { Icon } from "../../ui/Icon";
import { byDay } from "./byDay";
import styles from "./HistoryPanel.module.css";
import { ReadingList } from "./ReadingList";
import { kindOf } from "./vitalKinds";

/** The last readings of one vital: a sheet on a phone, a panel at the side of a wide screen. */
export default function HistoryPanel({ vital, onClose }: { vital: Vital; onClose: () => void }) {
  return (
    <ModalOverlay
      className={styles.veil ?? ""}
      isOpen
      isDismissable
      onOpenChange={(isOpen) => !isOpen && onClose()}
    >
      <Modal className={styles.panel ?? ""}>
        <Dialog className={styles.dialog ?? ""} data-testid="history">
          <header className={styles.head}>
            <Heading slot="title" className={styles.title ?? ""}>
              {kindOf(vital).name}
            </Heading>
            <Button slot="close">
              <Icon name="close" />
              Close
            </Button>
          </header>
          <History kind={vital.kind} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function History({ kind }: { kind: string }) {
  const { data: vitals, isError, refetch } = useQuery(vitalHistory(kind));
  const now = useNow();
  if (vitals?.length === 0) return <p className={styles.word}>No readings yet.</p>;
  if (vitals) {
    return byDay(vitals, now).map(({ day, vitals: ofDay }) => (
      <section key={day} aria-label={day}>
        <h3 className={styles.day}>{day}</h3>
        <ReadingList vitals={ofDay} />
      </section>
    ));
  }
  if (!isError) return <p className={styles.word}>Loading the history…</p>;
  return (
    <div className={styles.word}>
      <p>The history could not be loaded. This page keeps trying.</p>
      <Button onPress={() => void refetch()}>
        <Icon name="retry" />
        Try now
      </Button>
    </div>
  );
}

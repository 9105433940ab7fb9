import type { ReactNode } from "react";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import styles from "./PinPad.module.css";

interface Props {
  title: string;
  onGiveUp: () => void;
  children: ReactNode;
}

/** In front of everything else, until it is answered or given up. */
export function PinDialog({ title, onGiveUp, children }: Props) {
  return (
    <ModalOverlay isOpen onOpenChange={(isOpen) => !isOpen && onGiveUp()} className={styles.veil ?? ""}>
      <Modal className={styles.modal ?? ""}>
        <Dialog className={styles.dialog ?? ""}>
          <div className={styles.pad}>
            <Heading slot="title" className={styles.title ?? ""}>
              {title}
            </Heading>
            {children}
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

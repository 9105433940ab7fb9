import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Me } from "../../api/access/queries";
import { residentName, residents } from "../../api/access/residents";
import { askForPin } from "../../api/request";
import { Button } from "../../ui/Button";
import { LinkButton } from "../../ui/LinkButton";
import styles from "./setup.module.css";

/** What the resident may ask for, and who speaks for them: a copy of everything, and that nothing is kept. */
export function Everything({ self }: { self: Me }) {
  const { data: list } = useQuery({ ...residents, enabled: self.speaksFor.length > 0 });
  if (self.speaksFor.length === 0) return null;
  const isAlone = self.speaksFor.length === 1;
  return (
    <section aria-labelledby="everything" className={styles.part}>
      <h2 id="everything">Everything that is kept</h2>
      <p>
        {isAlone ? "You can download" : "For each resident you speak for, you can download"} all of it:
        readings, medicines, visits, meals, and who looked at what.
      </p>
      <p>
        It is one zip file. Inside are tables for spreadsheets (CSV), the same for other health software
        (FHIR), and all of it for programs (JSON).
      </p>
      <p>
        The file is not encrypted. <strong>Whoever has it can read it</strong>: keep it where you keep your
        papers.
      </p>
      {self.speaksFor.map((resident) => (
        <Download
          key={resident}
          self={self}
          resident={resident}
          label={
            isAlone ? "Download everything" : `Download everything about ${residentName(list, resident)}`
          }
        />
      ))}
      <Erasing residents={self.speaksFor} />
    </section>
  );
}

interface DownloadProps {
  self: Me;
  resident: number;
  label: string;
}

/** A plain link: the browser shows how far it is, and whether it failed. It is not told why, so the PIN comes first. */
function Download({ self, resident, label }: DownloadProps) {
  const [isBegun, setBegun] = useState(false);
  const isLocked = self.kiosk === true && self.unlocked_for_seconds === undefined;
  if (isLocked) {
    return <Button onPress={() => void askForPin(self.pin ?? "set")}>Type the PIN to download</Button>;
  }
  return (
    <>
      <LinkButton href={`/api/v1/access/export?resident=${resident}`} download onClick={() => setBegun(true)}>
        {label}
      </LinkButton>
      <p role="status">
        {isBegun &&
          "Your browser is saving the file now. That can take some minutes. You find it among your downloads. If the browser says that it failed, try again in a minute."}
      </p>
    </>
  );
}

/** It is done on the hub itself, so that nobody does it by a slip, or from a phone that was found. */
function Erasing({ residents }: { residents: readonly number[] }) {
  return (
    <details className={styles.more}>
      <summary>Have everything erased</summary>
      <p>
        This is not done in the app, so that nobody does it by a slip or from a lost phone. Whoever looks
        after the hub does it there, with this command:
      </p>
      {residents.map((resident) => (
        <p key={resident}>
          <code>betti-api erase --resident {resident}</code>
        </p>
      ))}
      <p>
        It asks once more, and then there is no way back: download everything first. What stays is that
        something was erased, and when. Backup copies that were made before still have it until they are
        thrown away; if one is put back, it is erased again.
      </p>
    </details>
  );
}

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { AREAS, type AuditChoice, audit } from "../../api/access/audit";
import { devices, me, STRANGER } from "../../api/access/queries";
import { troubleText } from "../../api/access/trouble";
import { RefusedError } from "../../api/request";
import { useNow } from "../../time/useNow";
import { Button } from "../../ui/Button";
import fields from "../pair/pair.module.css";
import setup from "../setup/setup.module.css";
import { byDay } from "./days";
import { Looked } from "./Looked";
import styles from "./looks.module.css";

const EVERYTHING: AuditChoice = { device: "", area: "" };

/** Who looked at or changed what, for the resident and who speaks for them. */
export function LooksScreen() {
  const [choice, setChoice] = useState(EVERYTHING);
  const { data: self } = useQuery(me);
  const resident = self === STRANGER ? null : (self?.resident ?? null);
  const { data, error, isPending, refetch, ...more } = useInfiniteQuery(audit(resident, choice));
  const now = useNow();
  const isForOthers = error instanceof RefusedError && error.status === 403;
  const entries = data?.pages.flat();
  return (
    <section aria-labelledby="looks" className={setup.screen}>
      <h1 id="looks" className={setup.title}>
        Who looked at what
      </h1>
      <a className={setup.link} href="/setup">
        Back to who has access
      </a>
      {!isForOthers && <Choice choice={choice} onChoose={setChoice} />}
      {isPending && <p role="status">Looking it up…</p>}
      {isForOthers && (
        <p role="alert">Only the resident, and who speaks for them, can see who looked at what.</p>
      )}
      {error && !isForOthers && (
        <p role="alert" className={setup.trouble}>
          {troubleText(error)}
          {entries && " What you see below may not be the newest."}{" "}
          <Button onPress={() => void refetch()}>Try again</Button>
        </p>
      )}
      {!isForOthers && entries?.length === 0 && <p role="status">{emptyText(choice)}</p>}
      {!isForOthers &&
        byDay(entries ?? [], now).map(({ title, entries }) => (
          <section key={title} aria-label={title} className={styles.day}>
            <h2>{title}</h2>
            <ul className={styles.list}>
              {entries.map((entry) => (
                <Looked key={entry.seq} entry={entry} />
              ))}
            </ul>
          </section>
        ))}
      {more.hasNextPage && !isForOthers && (
        <Button isDisabled={more.isFetchingNextPage} onPress={() => void more.fetchNextPage()}>
          {more.isFetchingNextPage ? "Looking it up…" : "Show more"}
        </Button>
      )}
    </section>
  );
}

function emptyText({ device, area }: AuditChoice): string {
  return device || area
    ? "Nothing was looked at or changed that fits what you chose."
    : "Nobody has looked at or changed anything yet.";
}

function Choice({ choice, onChoose }: { choice: AuditChoice; onChoose: (choice: AuditChoice) => void }) {
  const { data: list } = useQuery(devices);
  return (
    <form className={styles.choice} onSubmit={(event) => event.preventDefault()}>
      <label className={fields.field}>
        <span className={fields.label}>By whom</span>
        <select
          value={choice.device}
          onChange={({ target }) => onChoose({ ...choice, device: target.value })}
        >
          <option value="">Everybody</option>
          {list
            ?.filter(({ isHub }) => !isHub)
            .map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
        </select>
      </label>
      <label className={fields.field}>
        <span className={fields.label}>About what</span>
        <select value={choice.area} onChange={({ target }) => onChoose({ ...choice, area: target.value })}>
          <option value="">Everything</option>
          {AREAS.map(({ area, title }) => (
            <option key={area} value={area}>
              {title}
            </option>
          ))}
        </select>
      </label>
    </form>
  );
}

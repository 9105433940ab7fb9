import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { AREAS, type AuditChoice, audit, OTHERS } from "../../api/access/audit";
import type { Device } from "../../api/access/device";
import { allDevices, me, STRANGER } from "../../api/access/queries";
import { residentName, residents } from "../../api/access/residents";
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
  const known = self === STRANGER ? undefined : self;
  const speaksFor = known?.speaksFor ?? [];
  const [chosen, setChosen] = useState<number | null>(null);
  const resident = chosen ?? speaksFor[0] ?? known?.resident ?? null;
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
      {speaksFor.length > 1 && <Residents all={speaksFor} chosen={resident} onChoose={setChosen} />}
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

interface ResidentsProps {
  all: readonly number[];
  chosen: number | null;
  onChoose: (resident: number) => void;
}

/** For whoever speaks for several. */
function Residents({ all, chosen, onChoose }: ResidentsProps) {
  const { data: list } = useQuery(residents);
  return (
    <label className={fields.field}>
      <span className={fields.label}>About whom</span>
      <select value={chosen ?? all[0]} onChange={({ target }) => onChoose(Number(target.value))}>
        {all.map((resident) => (
          <option key={resident} value={resident}>
            {residentName(list, resident)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Choice({ choice, onChoose }: { choice: AuditChoice; onChoose: (choice: AuditChoice) => void }) {
  const { data: list } = useQuery(allDevices);
  const known = list?.filter(({ isHub }) => !isHub) ?? [];
  return (
    <form className={styles.choice} onSubmit={(event) => event.preventDefault()}>
      <label className={fields.field}>
        <span className={fields.label}>By whom</span>
        <select
          value={choice.device}
          onChange={({ target }) => onChoose({ ...choice, device: target.value })}
        >
          <option value="">Everybody</option>
          <Options title="Devices" all={known.filter(({ isRemoved }) => !isRemoved)} />
          <Options title="Removed devices" all={known.filter(({ isRemoved }) => isRemoved)} />
          <optgroup label="Others">
            {OTHERS.map(({ id, title }) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </optgroup>
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

/** Devices of a kind, if there are any. What was removed keeps its name: it may have done something before. */
function Options({ title, all }: { title: string; all: readonly Device[] }) {
  if (all.length === 0) return null;
  return (
    <optgroup label={title}>
      {all.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </optgroup>
  );
}

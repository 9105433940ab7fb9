/** What the people of this home call it: the page's `application-name`, which the hub may write into index.html. */
export function homeName(page: Document = document): string {
  const named = page.querySelector<HTMLMetaElement>('meta[name="application-name"]')?.content.trim();
  return named || "Betti";
}

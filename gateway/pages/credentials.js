// The gateway's addresses and tokens. If others share the machine, the page does not contain them: the link that `gateway dev` prints has a secret
// behind "#", for which the gateway hands them out once. This tab then keeps them, so that the page can be loaded again.

const KEPT = "credentials";
const page = document.body.dataset;

// GraphiQL's bundle reads this attribute as soon as it runs, after this script.
page.credentials ||= sessionStorage.getItem(KEPT) ?? "";
if (!page.credentials && !location.hash) showNotice();

/** Resolves to the credentials. If there are none, the page says where to find a link, and the promise is never resolved. */
export async function credentials() {
  const secret = location.hash.slice(1);
  if (page.locked !== undefined && secret) {
    history.replaceState(null, "", location.pathname);
    const response = await fetch("credentials", { method: "POST", headers: { "x-page-secret": secret } });
    if (response.ok) sessionStorage.setItem(KEPT, (page.credentials = await response.text()));
  }
  if (page.credentials) return JSON.parse(page.credentials);
  showNotice();
  return new Promise(() => {});
}

/** Say where to find a link. If one is pasted into this tab, load the page again. */
function showNotice() {
  document.getElementById("locked").hidden = false;
  addEventListener("hashchange", () => location.reload());
}

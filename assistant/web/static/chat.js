// The page's own behaviour. HTML comes from the server, where every text in it was escaped.

const page = document.body;
const told = page.dataset; // words in the reader's language, set by page.py
const panel = document.getElementById("panel");
const scopeBar = document.getElementById("scope");
const narrow = matchMedia("(max-width: 899px)"); // as in chat.css, where the panel is a sheet

const state = {
  conversation: newKey(),
  listing: new URLSearchParams(), // how the list of documents is searched and narrowed
  chosen: null, // the citation whose source is shown
  questions: 0,
  answers: 0,
  instance: null,
};

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function announce(words) {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  requestAnimationFrame(() => (announcer.textContent = words));
}

function remember(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=strict`;
}

/* The conversation: Gradio's own parts, found by the ids that chat.py gives them. */

const field = (id) => document.querySelector(`#${id} textarea`);

function type(id, words) {
  field(id).value = words;
  field(id).dispatchEvent(new Event("input", { bubbles: true }));
}

function sendContext() {
  const context = new URLSearchParams(state.listing);
  context.set("conversation", state.conversation);
  context.set("dates", told.dates);
  type("context", context.toString());
  for (const link of document.querySelectorAll("#export a"))
    link.href = link.href.replace(/[^/]+(?=\.\w+$)/, state.conversation);
}

function ask(question) {
  type("question", question);
  setTimeout(() => document.getElementById("send").click()); // once Gradio has taken the words
}

function newChat() {
  state.conversation = newKey();
  state.listing = new URLSearchParams();
  sendContext();
  document.getElementById("clear").click();
  showDocuments();
  history.replaceState(null, "", "/");
  field("question").focus();
}

function mountConversation() {
  const app = document.createElement("gradio-app");
  app.setAttribute("src", new URL(`/chat/${told.language}`, location.href));
  app.setAttribute("embed", "false");
  app.setAttribute("eager", "true");
  document.getElementById("conversation-place").append(app);
  const changes = { childList: true, subtree: true, attributeFilter: ["disabled"] };
  new MutationObserver(() => follow(app)).observe(app, changes);
}

// Called for every change that Gradio makes to its part of the page.
function follow(app) {
  if (page.classList.contains("loading") && app.querySelector("#send:enabled")) start();
  // Gradio puts the browser's language where the page's belongs.
  if (document.documentElement.lang !== told.language) document.documentElement.lang = told.language;
  // Gradio labels each message with its HTML, and reads all of it out; the announcer does better.
  for (const named of app.querySelectorAll("[data-testid='bot'], [data-testid='user']"))
    named.removeAttribute("aria-label");
  app.querySelector("[role='log']")?.setAttribute("aria-live", "off");
  const questions = app.querySelectorAll(".asked");
  const answers = app.querySelectorAll(".answer");
  page.classList.toggle("empty", questions.length === 0);
  if (questions.length > state.questions || answers.length > state.answers)
    questions[questions.length - 1]?.closest(".message-row").scrollIntoView({ block: "start" });
  if (answers.length > state.answers) answered(answers[answers.length - 1]);
  state.questions = questions.length;
  state.answers = answers.length;
  const refusals = app.querySelectorAll(".toast-close"); // Gradio's, when too many are asking
  for (const each of refusals) each.click();
  if (refusals.length) showBusy();
}

let busyUntil;

function showBusy() {
  const notice = document.getElementById("busy");
  notice.textContent = told.busy;
  notice.hidden = false;
  clearTimeout(busyUntil);
  busyUntil = setTimeout(() => (notice.hidden = true), 10000);
}

function answered(answer) {
  announce(answer.querySelector(".outcome").textContent);
  const first = answer.querySelector(":scope > .passage .citation");
  if (first && !narrow.matches) openSource(first);
}

function start() {
  page.classList.remove("loading");
  sendContext();
  const question = new URLSearchParams(location.search).get("q");
  if (question) ask(question);
  else if (!narrow.matches) field("question").focus();
}

async function showExamples() {
  const response = await fetch("/examples");
  if (response.status === 202) setTimeout(showExamples, 500); // they are being looked for
  else if (response.ok) document.getElementById("examples").innerHTML = await response.text();
}

async function giveVerdict(button) {
  const [turn, verdict] = button.value.split(":");
  const response = await fetch("/feedback", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ conversation: state.conversation, turn, helpful: verdict === "yes" }),
  });
  if (!response.ok) return;
  for (const each of button.parentElement.children)
    each.setAttribute("aria-pressed", String(each === button));
  announce(told.thanks);
}

/* The panel: the list of documents, or one of them with the quoted words marked. */

let fillings = 0;

async function fill(address) {
  const mine = ++fillings;
  const response = await fetch(address);
  if (!response.ok) return;
  const html = await response.text();
  if (mine !== fillings) return; // something else was asked for since
  panel.innerHTML = html;
  showMark();
  showScope();
}

function showMark() {
  panel.querySelector("mark.chosen")?.scrollIntoView({ block: "center" });
}

function showDocuments() {
  choose(null);
  return fill(`/panel/documents?${state.listing}`);
}

async function openPanel(filled) {
  await filled;
  page.classList.add("sheet");
  showMark(); // again, as nothing scrolls while the sheet is hidden
  panel.querySelector("h2").focus({ preventScroll: true });
}

const citeOf = (link) => new URL(link.href).searchParams.get("cite");

function openSource(link) {
  const siblings = link.closest(".answer")?.querySelectorAll(".citation") ?? [];
  const query = new URLSearchParams({ cite: citeOf(link) });
  for (const each of siblings) query.append("also", citeOf(each));
  choose(link);
  return fill(`/panel/source?${query}`);
}

function choose(link) {
  state.chosen = link;
  for (const each of document.querySelectorAll(".citation[aria-current]"))
    each.removeAttribute("aria-current");
  if (link?.matches(".citation")) link.setAttribute("aria-current", "true");
}

function step(by) {
  const links = [...document.querySelectorAll("#conversation .citation")].filter(
    (each) => each.offsetParent, // not those folded away
  );
  const next = links[links.indexOf(state.chosen) + by];
  if (!next) return;
  next.closest(".passage").scrollIntoView({ block: "nearest" });
  openSource(next);
}

function closePanel() {
  page.classList.remove("sheet");
  (state.chosen?.isConnected ? state.chosen : field("question"))?.focus();
}

const shownLink = () => state.chosen?.href ?? location.href;

function shownQuote() {
  const words = panel.querySelector("mark.chosen").textContent;
  const title = panel.querySelector("h2").textContent;
  const number = panel.querySelector("section.current .number").textContent;
  const facts = panel.querySelector("header .facts bdi").textContent;
  const citation = [title, `¶ ${number}`, facts].filter(Boolean).join(", ");
  return `“${words}”\n— ${citation}\n${shownLink()}`;
}

async function copy(button, words) {
  const before = button.textContent;
  let outcome = told.copied;
  try {
    await navigator.clipboard.writeText(words);
  } catch {
    outcome = told.notCopied; // not allowed, or the page came over plain HTTP
  }
  button.textContent = outcome;
  announce(outcome);
  setTimeout(() => (button.textContent = before), 1500);
}

/* Which readouts are asked: what the list's form says, told below the question box. */

function showScope(list = panel) {
  const asking = list.querySelector(".asking");
  if (asking) {
    scopeBar.hidden = !asking.textContent;
    scopeBar.querySelector("span").textContent = asking.textContent;
    document.getElementById("choose-scope").hidden = !list.querySelector("#listing");
  }
  const narrowed = ["document", "issuer", "since", "until"].some((name) => state.listing.get(name));
  document.getElementById("clear-scope").hidden = !narrowed;
}

let listingSoon;

function listAgain() {
  clearTimeout(listingSoon);
  listingSoon = setTimeout(async () => {
    const form = document.getElementById("listing");
    if (!form) return;
    // Documents chosen earlier stay chosen while a search hides them.
    const hidden = state.listing
      .getAll("document")
      .filter((id) => !panel.querySelector(`[name='document'][value='${CSS.escape(id)}']`));
    state.listing = new URLSearchParams(new FormData(form));
    for (const id of hidden) state.listing.append("document", id);
    sendContext();
    const focused = panel.querySelector(":focus")?.value;
    const response = await fetch(`/panel/documents?${state.listing}`);
    if (!response.ok || !form.isConnected) return;
    const fresh = document.createElement("template");
    fresh.innerHTML = await response.text();
    showScope(fresh.content);
    panel.querySelector(".list").replaceWith(fresh.content.querySelector(".list"));
    if (focused) panel.querySelector(`.list [value='${CSS.escape(focused)}']`)?.focus();
  }, 150);
}

function clearScope() {
  state.listing = new URLSearchParams();
  sendContext();
  showDocuments();
}

/* Adding and removing readouts, where that is allowed. */

async function addReadouts(form) {
  const progress = form.querySelector(".progress");
  const submit = form.querySelector("[type='submit']");
  progress.hidden = false;
  submit.disabled = true;
  const response = await fetch("/documents", { method: "POST", body: new FormData(form) });
  if (response.ok) await reportOn(response, form, progress.querySelector("progress"));
  progress.hidden = true;
  submit.disabled = false;
}

async function reportOn(response, form, bar) {
  for await (const event of events(response)) {
    if (event.of) Object.assign(bar, { value: event.done, max: event.of });
    if (!event.html) continue;
    document.querySelector(".report")?.remove();
    form.insertAdjacentHTML("beforebegin", event.html);
    if (event.built) location.assign("/"); // the page was served without an index
    if (event.added) libraryChanged(form);
  }
}

// Lines of JSON, as they come.
async function* events(response) {
  const parts = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  for (let part = await parts.read(); !part.done; part = await parts.read()) {
    const lines = (unread + part.value).split("\n");
    unread = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

async function libraryChanged(form) {
  form.reset();
  showExamples();
  const response = await fetch(`/panel/documents?${state.listing}`);
  const list = document.createElement("template");
  list.innerHTML = await response.text();
  showScope(list.content);
}

async function removeReadout(button) {
  if (!confirm(button.dataset.sure)) return;
  const path = button.value.split("/").map(encodeURIComponent).join("/");
  const response = await fetch(`/documents/${path}`, { method: "DELETE" });
  if (!response.ok) return;
  if ((await response.json()).readouts === 0) location.assign("/"); // as an empty library begins
  await showDocuments();
  showExamples();
}

/* Whether the assistant is there. */

async function check() {
  let instance = null;
  try {
    instance = (await (await fetch("/health")).json()).instance;
  } catch {
    // not running: said below
  }
  state.instance ??= instance;
  const restarted = instance && instance !== state.instance;
  const notice = document.getElementById("connection");
  notice.hidden = Boolean(instance && !restarted);
  document.getElementById("reload").hidden = !restarted;
  const words = restarted ? told.restarted : told.gone;
  const shown = notice.querySelector("span");
  if (!notice.hidden && shown.textContent !== words) shown.textContent = words;
  setTimeout(check, notice.hidden ? 3000 : 1000);
}

/* What is clicked, typed and set. */

const buttons = {
  "new-chat": newChat,
  "show-documents": () => openPanel(showDocuments()),
  "choose-scope": () => openPanel(showDocuments()),
  "clear-scope": clearScope,
  language: (button) => {
    remember("language", button.value);
    location.reload();
  },
  theme: () => {
    document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
    remember("theme", theme());
    showTheme();
  },
  more: (button) =>
    button.setAttribute("aria-expanded", String(button.getAttribute("aria-expanded") !== "true")),
  print: () => print(),
  reload: () => location.assign("/"),
  back: () => openPanel(showDocuments()),
  close: closePanel,
  previous: () => step(-1),
  next: () => step(1),
  add: () => openPanel(fill("/panel/adding")),
  remove: removeReadout,
  verdict: giveVerdict,
  "copy-quote": (button) => copy(button, shownQuote()),
  "copy-link": (button) => copy(button, shownLink()),
};

document.addEventListener("click", (event) => {
  const open = document.querySelector("#export[open]");
  if (open && !open.querySelector("summary").contains(event.target)) open.open = false;
  const menu = document.querySelector("#more[aria-expanded='true']");
  if (menu && !event.target.closest("#export, #more")) menu.setAttribute("aria-expanded", "false");
  if (event.ctrlKey || event.metaKey || event.shiftKey) return; // for a tab of its own
  const link = event.target.closest("a.citation, a.document, a.question");
  if (link) {
    event.preventDefault();
    if (link.matches(".question")) ask(link.textContent);
    else openPanel(openSource(link));
    return;
  }
  const button = event.target.closest("button");
  if (button?.closest("#examples")) ask(button.textContent);
  else if (button) buttons[button.id || button.className]?.(button);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.getElementById("more").setAttribute("aria-expanded", "false");
  document.getElementById("export").open = false;
  if (page.classList.contains("sheet") && narrow.matches) closePanel();
});

panel.addEventListener("input", (event) => {
  if (event.target.form?.id === "listing") listAgain();
});
document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target.matches("#adding, #building")) addReadouts(event.target);
});

/* The start. */

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");

function showTheme() {
  document.getElementById("theme").textContent = theme() === "dark" ? told.light : told.dark;
}

dark.addEventListener("change", showTheme);
showTheme();
if (new URLSearchParams(location.search).has("cite")) page.classList.add("sheet");
showMark();
mountConversation();
showExamples();
check();

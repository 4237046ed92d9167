// The page's own behaviour. HTML comes from the server, where every text in it was escaped.

const page = document.body;
const told = page.dataset;
const panel = document.getElementById("panel");
const talk = document.getElementById("talk");
const announcer = document.getElementById("announcer");

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const newKey = () => hex(crypto.getRandomValues(new Uint8Array(16)));
const state = { conversation: newKey(), scope: new URLSearchParams(), chosen: null };

function announce(words) {
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
  const context = new URLSearchParams(state.scope);
  context.set("conversation", state.conversation);
  context.set("dates", told.dates);
  type("context", context.toString());
}

function ask(question) {
  type("question", question);
  setTimeout(() => document.getElementById("send").click());
}

function newChat() {
  state.conversation = newKey();
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
  talk.append(app);
  const changes = { childList: true, subtree: true, attributeFilter: ["disabled"] };
  new MutationObserver(() => follow(app)).observe(app, changes);
}

let shownAnswers = 0;
let shownQuestions = 0;

// Called for every change Gradio makes to its part of the page.
function follow(app) {
  if (page.classList.contains("loading") && app.querySelector("#send:enabled")) start();
  for (const named of app.querySelectorAll("[data-testid='bot'][aria-label]"))
    named.removeAttribute("aria-label"); // it is the message's HTML
  const questions = app.querySelectorAll(".asked");
  const answers = app.querySelectorAll(".answer");
  page.classList.toggle("empty", questions.length === 0);
  if (questions.length > shownQuestions)
    questions[questions.length - 1].closest(".message-row").scrollIntoView({ block: "start" });
  if (answers.length > shownAnswers) answered(answers[answers.length - 1]);
  shownQuestions = questions.length;
  shownAnswers = answers.length;
}

function answered(answer) {
  announce(answer.querySelector(".outcome").textContent);
  const first = answer.querySelector(":scope > .passage .citation");
  if (first && !narrow.matches) openSource(first);
}

function start() {
  page.classList.remove("loading");
  sendContext();
  const address = new URLSearchParams(location.search);
  const question = address.get("q");
  if (question) ask(question);
  else if (!narrow.matches) field("question").focus();
}

async function showExamples() {
  const list = document.getElementById("examples");
  const response = await fetch("/examples");
  if (response.ok) list.innerHTML = await response.text();
  list.addEventListener("click", (event) => {
    const example = event.target.closest("button");
    if (example) ask(example.textContent);
  });
}

/* The panel: the list of documents, or one of them with the quoted words marked. */

const narrow = matchMedia("(max-width: 899px)");

async function fill(address) {
  const response = await fetch(address);
  if (!response.ok) return;
  panel.innerHTML = await response.text();
  panel.querySelector("mark.chosen")?.scrollIntoView({ block: "center" });
}

function showDocuments() {
  choose(null);
  return fill("/panel/documents");
}

async function openSource(link, focus = false) {
  const siblings = link.closest(".answer, .nearest")?.querySelectorAll(".citation") ?? [];
  const query = new URLSearchParams({ cite: citeOf(link) });
  for (const each of siblings) query.append("also", citeOf(each));
  choose(link.matches(".citation") ? link : null);
  await fill(`/panel/source?${query}`);
  page.classList.add("sheet");
  if (focus) panel.querySelector("h2")?.focus({ preventScroll: true });
}

const citeOf = (link) => new URL(link.href).searchParams.get("cite");

function choose(link) {
  state.chosen = link;
  for (const each of document.querySelectorAll(".citation[aria-current]"))
    each.removeAttribute("aria-current");
  link?.setAttribute("aria-current", "true");
}

function step(by) {
  const links = [...document.querySelectorAll("gradio-app .citation")].filter(
    (each) => each.offsetParent !== null,
  );
  const next = links[links.indexOf(state.chosen) + by];
  if (!next) return;
  next.closest(".passage").scrollIntoView({ block: "nearest" });
  openSource(next);
}

function closePanel() {
  page.classList.remove("sheet");
  state.chosen?.focus();
}

const shownLink = () =>
  state.chosen ? state.chosen.href : new URL(location.href).href;

function shownQuote() {
  const words = panel.querySelector("mark.chosen").textContent;
  const title = panel.querySelector("h2").textContent;
  const number = panel.querySelector("section.current .number").textContent;
  const facts = panel.querySelector("header .facts").firstChild?.textContent ?? "";
  return `“${words}”\n— ${[title, `¶ ${number}`, facts].filter(Boolean).join(", ")}\n${shownLink()}`;
}

async function copy(button, words) {
  const before = button.textContent;
  let outcome = told.copied;
  try {
    await navigator.clipboard.writeText(words);
  } catch {
    outcome = told.notCopied; // no permission, or the page came over plain HTTP
  }
  button.textContent = outcome;
  announce(outcome);
  setTimeout(() => (button.textContent = before), 1500);
}

const inPanel = {
  back: () => showDocuments(),
  close: closePanel,
  previous: () => step(-1),
  next: () => step(1),
  "copy-quote": (button) => copy(button, shownQuote()),
  "copy-link": (button) => copy(button, shownLink()),
};

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const link = event.target.closest("a.citation, a.document");
  if (link) {
    event.preventDefault();
    openSource(link, true);
    return;
  }
  const button = event.target.closest("#panel button");
  if (button) inPanel[button.className]?.(button);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && page.classList.contains("sheet")) closePanel();
});

/* The masthead. */

const dark = matchMedia("(prefers-color-scheme: dark)");
const themeButton = document.getElementById("theme");
const theme = () =>
  document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");

function showTheme() {
  themeButton.textContent = theme() === "dark" ? told.light : told.dark;
}

themeButton.addEventListener("click", () => {
  const chosen = theme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = chosen;
  remember("theme", chosen);
  showTheme();
});
dark.addEventListener("change", showTheme);

document.getElementById("language").addEventListener("click", (event) => {
  remember("language", event.currentTarget.value);
  location.reload();
});
document.getElementById("new-chat").addEventListener("click", newChat);
document.getElementById("show-documents").addEventListener("click", () => {
  showDocuments();
  page.classList.add("sheet");
});

showTheme();
if (new URLSearchParams(location.search).has("cite")) page.classList.add("sheet");
panel.querySelector("mark.chosen")?.scrollIntoView({ block: "center" });
mountConversation();
showExamples();

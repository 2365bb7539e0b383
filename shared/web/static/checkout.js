
// The payment page's behaviour, the same for every provider.
const data = JSON.parse(document.getElementById("data").textContent);
const pay = document.getElementById("pay");
const again = document.getElementById("again");
const status = document.getElementById("status");
const check = document.getElementById("check"); // only for a window that may end without a word
const slow = 15000; // ms after which a script that has not come is worth a word

const say = (key, problem) => {
  status.textContent = key ? data.text[key] : "";
  status.classList.toggle("problem", Boolean(problem));
};
let open = false;
const ready = () => {
  if (open) return;
  pay.disabled = false;
  again.hidden = true;
  say("");
};
const unreachable = () => {
  if (open || provider.loaded()) return;
  again.hidden = false;
  say("loadFailed", true);
};

// A late script still works: its load event clears the complaint.
const load = () => {
  again.hidden = true;
  say("loading");
  const script = document.createElement("script");
  script.onload = () => (provider.loaded() ? ready() : unreachable());
  script.onerror = unreachable;
  script.src = data.scriptUrl;
  document.head.append(script);
  setTimeout(unreachable, slow);
};

pay.addEventListener("click", async () => {
  if (open) return;
  open = true;
  pay.disabled = true;
  say("opening");
  try {
    await provider.open(data);
    if (check) check.hidden = false;
  } catch (error) {
    open = false;
    ready();
    const key = provider.explain(error);
    say(key, key !== "closed");
  }
});
again.addEventListener("click", load);
// The back button may restore this page as it was left. Only the server knows the order's state.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
load();

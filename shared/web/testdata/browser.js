// What the payment page's script needs of a browser, and a record of what it did. The test puts the
// page's data before this file, then the page's script and a scenario after it.
const calls = [];
const element = (id) => ({
  id, hidden: true, disabled: true, textContent: "", listeners: {},
  classList: { toggle() {} },
  addEventListener(event, listener) { this.listeners[event] = listener; },
});
const elements = { data: { textContent: JSON.stringify(data) } };
for (const id of ["pay", "again", "status", "check"]) elements[id] = element(id);
if (!hasCheck) delete elements.check;
const scripts = [];
globalThis.window = globalThis;
globalThis.document = {
  getElementById: (id) => elements[id] || null,
  createElement: () => ({}),
  head: { append: (script) => scripts.push(script) },
};
globalThis.location = { href: "https://pay.example/pay/o-1/token?lang=en", assign: (url) => calls.push(["assign", String(url)]) };
globalThis.addEventListener = () => {};
globalThis.setTimeout = () => {};
const settled = () => new Promise((resolve) => setImmediate(resolve));
const report = () => console.log(JSON.stringify({
  calls, status: elements.status.textContent, payDisabled: elements.pay.disabled, checkHidden: hasCheck ? elements.check.hidden : true,
}));

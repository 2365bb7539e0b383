// Reads window objects as the server composes them, one JSON object a line, and writes a TypeScript program that declares
// each as what its SDK takes. `tsc` then says whether it is.
//
// A check that cannot fail proves nothing, so the program also holds every object with one mistake made in it, under
// @ts-expect-error: tsc fails as well when one of those compiles.
//
// --every: objects of every kind must come.
import { readFileSync } from "node:fs";

const rename = (o, from, to) => { o[to] = o[from] ?? "x"; delete o[from]; };

const ofToss = [
  ["amount.value as text", (w) => { w.amount.value = String(w.amount.value); }],
  ["amount without currency", (w) => { delete w.amount.currency; }],
  ["amount as a bare number", (w) => { w.amount = w.amount.value; }],
  ["orderId missing", (w) => { delete w.orderId; }],
  ["orderName misspelt", (w) => { rename(w, "orderName", "ordername"); }],
  ["unknown field", (w) => { w.orderTitle = "x"; }],
  ["method in lower case", (w) => { w.method = "card"; }],
  ["successUrl missing", (w) => { delete w.successUrl; }],
  ["failUrl misspelt", (w) => { rename(w, "failUrl", "failURL"); }],
  ["useInternationalCardOnly misspelt", (w) => { w.card = { ...w.card, useInternationalCardOnlyy: true }; delete w.card.useInternationalCardOnly; }],
  ["useInternationalCardOnly as text", (w) => { w.card = { ...w.card, useInternationalCardOnly: "true" }; }],
  ["taxFreeAmount as text", (w) => { w.taxFreeAmount = "5000"; }],
  ["tax_free, as the other provider has it", (w) => { w.tax_free = 5000; }],
  ["windowTarget of no kind", (w) => { w.windowTarget = "popup"; }],
  ["metadata as text", (w) => { w.metadata = "{}"; }],
  ["appScheme beside the card", (w) => { w.appScheme = "myshop://"; }],
  ["language in lower case", (w) => { w.card = { ...w.card, language: "en" }; }],
];

const ofPortOne = [
  ["merchant_uid missing", (w) => { delete w.merchant_uid; }],
  ["merchant_uid as a number", (w) => { w.merchant_uid = 1; }],
  ["amount as text", (w) => { w.amount = "15000"; }],
  ["name missing", (w) => { delete w.name; }],
  ["no channel", (w) => { delete w.channelKey; delete w.pg; }],
  ["channelKey misspelt", (w) => { delete w.pg; rename(w, "channelKey", "channel_key"); }],
  ["channelKey beside pg", (w) => { w.channelKey = "x"; w.pg = "tosspay_v2.x"; }],
  ["pg of the older Toss Pay", (w) => { delete w.channelKey; w.pg = "tosspay.x"; }],
  ["pay_method card", (w) => { w.pay_method = "card"; }],
  ["m_redirect_url missing", (w) => { delete w.m_redirect_url; }],
  ["m_redirect_url misspelt", (w) => { rename(w, "m_redirect_url", "m_redirectUrl"); }],
  ["buyer_tel missing", (w) => { delete w.buyer_tel; }],
  ["tax_free as text", (w) => { w.tax_free = "5000"; }],
  ["vat instead of vat_amount", (w) => { w.vat = 909; }],
  ["app_scheme misspelt", (w) => { w.appScheme = "myshop://"; }],
  ["custom_data as text", (w) => { w.custom_data = "{}"; }],
  ["notice_url as an object", (w) => { w.notice_url = {}; }],
  ["unknown field", (w) => { w.order_title = "x"; }],
];

const tossPay = (w, more) => { w.bypass = { tosspay_v2: { ...w.bypass?.tosspay_v2, ...more } }; };

const ofPayment = [
  ...ofPortOne,
  ["amount missing", (w) => { delete w.amount; }],
  ["currency in lower case", (w) => { w.currency = "krw"; }],
  ["useInstallment misspelt", (w) => { w.card = { useInstalment: true }; }],
  ["useInstallment as text", (w) => { w.card = { useInstallment: "false" }; }],
  ["bypass without its level, as older guides have it", (w) => { w.bypass = { expiredTime: "2026-11-21 12:30:00" }; }],
  ["expiredTime as in ISO 8601", (w) => { tossPay(w, { expiredTime: "2026-11-21T12:30:00" }); }],
  ["cashReceiptTradeOption misspelt, as a guide had it", (w) => { tossPay(w, { cashReceiptTradeType: "GENERAL" }); }],
  ["cashReceiptTradeOption of no kind", (w) => { tossPay(w, { cashReceiptTradeOption: "TRANSPORT" }); }],
  ["customer_id of an issuance", (w) => { w.customer_id = "x"; }],
];

const ofIssuance = [
  ...ofPortOne,
  ["customer_uid misspelt", (w) => { rename(w, "customer_uid", "customerUid"); }],
  ["customer_id missing", (w) => { delete w.customer_id; }],
  ["customer_id as a number", (w) => { w.customer_id = 1001; }],
  ["pay_method tosspay_card", (w) => { w.pay_method = "tosspay_card"; }],
  ["an amount to charge at once", (w) => { w.amount = 9900; }],
];

const kinds = [
  { name: "Toss Payments, payment", type: "CardWindow", is: (w) => !("merchant_uid" in w), mistakes: ofToss },
  { name: "PortOne, payment", type: "PaymentWindow", is: (w) => "merchant_uid" in w && !("customer_uid" in w), mistakes: ofPayment },
  { name: "PortOne, issuance", type: "IssuanceWindow", is: (w) => "merchant_uid" in w && "customer_uid" in w, mistakes: ofIssuance },
];

const windows = readFileSync(0, "utf8").split("\n").filter((line) => line.trim() !== "").map((line) => JSON.parse(line));
if (windows.length === 0) {
  console.error("generate.mjs: no window object on standard input");
  process.exit(1);
}

// requestPayment is a set of overloads, one per payment method, whose parameter types the package does not export. `infer` lines
// up with the last eleven, so this finds the card's wherever it stands among them. The SDK lets both addresses be absent, and
// then answers with a promise; our page always redirects, so here they must be there.
const slots = Array.from({ length: 11 }, (_, i) => i);
const out = [
  "// Generated by generate.mjs. Do not edit, do not commit.",
  'import type { TossPaymentsPayment } from "@tosspayments/tosspayments-sdk";',
  'import type { IssuanceWindow, PaymentWindow } from "./portone.js";',
  `type Requests = TossPaymentsPayment["requestPayment"] extends { ${slots.map((i) => `(r: infer R${i}): unknown`).join("; ")} }`,
  `  ? ${slots.map((i) => `R${i}`).join(" | ")} : never;`,
  'type CardWindow = Extract<Requests, { method: "CARD" }> & { successUrl: string; failUrl: string };',
  "declare const payment: TossPaymentsPayment;",
  "declare const any: CardWindow;",
  "void payment.requestPayment(any);",
];
let count = 0;
for (const kind of kinds) {
  const declaration = (w) => `export const w${++count}: ${kind.type} = ${JSON.stringify(w)};`;
  const found = windows.filter(kind.is);
  for (const window of found) {
    out.push("", declaration(window));
    for (const [name, make] of kind.mistakes) {
      const bad = structuredClone(window);
      make(bad);
      out.push(`// @ts-expect-error ${name}`, declaration(bad));
    }
  }
  console.error(`${kind.name}: ${found.length} windows, ${found.length * kind.mistakes.length} more with a mistake that must be refused`);
  if (found.length === 0 && process.argv.includes("--every")) {
    console.error("generate.mjs: windows of every kind must come");
    process.exit(1);
  }
}
console.log(out.join("\n"));

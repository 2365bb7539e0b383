// Opens PortOne's V1 window (developers.portone.io, SDK V1 for JavaScript). On a phone it leaves this
// page and comes back to m_redirect_url; on a PC it is a popup that ends with a callback, and both
// must arrive at the same address in the same form.
let initialized = false;

// What a redirect carries. Older scripts also report success and paid_amount, which prove nothing.
const returned = ["imp_uid", "merchant_uid", "error_code", "error_msg"];

const provider = {
  loaded: () => Boolean(window.IMP) && typeof window.IMP.request_pay === "function",

  // Resolves when the window is open. Nothing may be awaited before request_pay: a browser allows a
  // popup only inside the click. The callback may never come.
  open: async (data) => {
    const { m_redirect_url: address, merchant_uid: number } = data.window;
    if (!initialized) {
      window.IMP.init(data.clientKey);
      initialized = true;
    }
    window.IMP.request_pay(data.window, (answer) => {
      const url = new URL(address, location.href);
      for (const key of returned) {
        const value = (answer && answer[key]) || (key === "merchant_uid" ? number : "");
        if (value) url.searchParams.append(key, value);
      }
      location.assign(url);
    });
  },

  // The script names no errors. One thrown by init means that it does not take the merchant code.
  explain: () => (initialized ? "notOpened" : "shopProblem"),
};

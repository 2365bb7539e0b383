// Opens the Toss Payments window, SDK v2 (docs.tosspayments.com/sdk/v2/js).
const provider = {
  loaded: () => typeof window.TossPayments === "function",

  // Resolves when the browser is on its way to the window, rejects when the window did not open or
  // was closed.
  open: async (data) => {
    const customerKey = data.customerKey || window.TossPayments.ANONYMOUS;
    const payment = window.TossPayments(data.clientKey).payment({ customerKey });
    await payment.requestPayment(data.window);
  },

  // Which of the page's texts explains an error. The SDK's own message is never shown.
  explain: (error) => {
    const name = String((error && (error.code || error.name)) || "");
    if (/^(USER_CANCEL|PAY_PROCESS_CANCELED|UserCancelError|PaymentRequestAbortedError)$/.test(name)) return "closed";
    if (/^(INVALID_|INCORRECT_|NOT_SUPPORTED_|BELOW_ZERO|UNAUTHORIZED|Invalid(?!MethodTransaction)|Incorrect|NotSupported|BelowZero)/.test(name)) return "shopProblem";
    return "notOpened";
  },
};

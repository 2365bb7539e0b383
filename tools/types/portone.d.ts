// What IMP.request_pay takes for Toss Pay (tosspay_v2): the SDK's types of npm iamport-typings 1.4.0, which know no channelKey, no
// customer_id, no card.useInstallment and no bypass, and what PortOne documents of these (developers.portone.io, 2026-08: the V1 guide
// "tosspay-v2" and the reference of IMP.request_pay, "payrq"). Narrower where tosspay_v2 takes less than the SDK, and where our page needs
// more: it always has a return address.
//
// "main" and "types" of the package's package.json name a file that it does not have, so its own file is named here.
import type { RequestPayParams } from "iamport-typings/src/index.js";

// payrq: channelKey takes the place of pg, which is deprecated and names gateway and merchant id.
type Channel = { channelKey: string; pg?: never } | { pg: `tosspay_v2.${string}`; channelKey?: never };

// payrq: vat is deprecated, vat_amount takes its place; custom_data is an object.
type Shared = Omit<RequestPayParams, "pg" | "pay_method" | "amount" | "currency" | "customer_uid" | "card" | "vat" | "custom_data"> &
  Channel & { name: string; m_redirect_url: string; custom_data?: Record<string, string> };

// tosspay-v2, "one-time payment".
export type PaymentWindow = Shared & {
  pay_method: "tosspay" | "tosspay_card" | "tosspay_money";
  amount: number;
  currency: "KRW";
  card?: { useInstallment: boolean };
  bypass?: {
    tosspay_v2: {
      expiredTime?: `${number}-${number}-${number} ${number}:${number}:${number}`; // yyyy-MM-dd HH:mm:ss
      cashReceiptTradeOption?: "GENERAL" | "CULTURE" | "PUBLIC_TP";
    };
  };
};

// tosspay-v2, "issue a billing key": tosspay only, no charge at once. The guide's sample has no amount, the SDK's types want one.
export type IssuanceWindow = Shared & {
  pay_method: "tosspay";
  customer_uid: string;
  customer_id: string;
  amount?: 0;
};

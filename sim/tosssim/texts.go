package tosssim

// texts are the words of the window in one language.
type texts struct {
	Lang     string // BCP 47, for the lang attribute
	Title    string
	Notice   string // that this is not a real payment
	Order    string
	Amount   string
	Approve  string
	Cancel   string
	Abort    string
	Reject   string
	Tamper   string // the summary that opens the form below
	TamperIt string
	Hint     string // what a tampered amount is
}

// button is one outcome of the window.
type button struct{ Outcome, Label string }

func buttons(t texts) []button {
	labels := []string{t.Approve, t.Cancel, t.Abort, t.Reject} // in the order of outcomes
	all := make([]button, len(outcomes))
	for i, outcome := range outcomes {
		all[i] = button{outcome, labels[i]}
	}
	return all
}

var windowTexts = map[string]texts{
	"KO": {
		Lang: "ko", Title: "결제하기", Notice: "시뮬레이션입니다. 실제로 결제되지 않습니다.",
		Order: "주문", Amount: "결제 금액",
		Approve: "결제하기", Cancel: "창 닫기 (구매자 취소)", Abort: "결제 중단 (오류)", Reject: "카드 거절",
		Tamper: "금액 위조하기", TamperIt: "위조한 금액으로 돌아가기",
		Hint: "인증은 원래 금액으로 하고, 돌아가는 주소의 금액만 바꿉니다.",
	},
	"EN": {
		Lang: "en", Title: "Pay by card", Notice: "This is a simulation. Nobody is charged.",
		Order: "Order", Amount: "Amount",
		Approve: "Pay", Cancel: "Close the window (buyer cancels)", Abort: "Abort (payment error)", Reject: "Card is rejected",
		Tamper: "Tamper with the amount", TamperIt: "Return with this amount",
		Hint: "The payment keeps the true amount; only the amount in the return address is changed.",
	},
	"JA": {
		Lang: "ja", Title: "カードで支払う", Notice: "これはシミュレーションです。実際の請求は行われません。",
		Order: "ご注文", Amount: "お支払い金額",
		Approve: "支払う", Cancel: "ウィンドウを閉じる（購入者による取消）", Abort: "決済を中断（エラー）", Reject: "カード拒否",
		Tamper: "金額を改ざんする", TamperIt: "この金額で戻る",
		Hint: "決済の金額は変わらず、戻り先アドレスの金額だけが変わります。",
	},
	"ZH": {
		Lang: "zh-Hans", Title: "银行卡支付", Notice: "这是模拟支付，不会实际扣款。",
		Order: "订单", Amount: "支付金额",
		Approve: "支付", Cancel: "关闭窗口（买家取消）", Abort: "中止支付（错误）", Reject: "银行卡被拒",
		Tamper: "篡改金额", TamperIt: "以此金额返回",
		Hint: "支付本身的金额不变，只修改返回地址中的金额。",
	},
}

// englishMessages are the provider's own texts of the errors that its window
// sends to failUrl (docs.tosspayments.com/reference/error-codes, 2026-11).
var englishMessages = map[string]string{
	"PAY_PROCESS_CANCELED": "Payment has been canceled by the customer.",
	"PAY_PROCESS_ABORTED":  "Payment has been canceled or has not been processed.",
	"REJECT_CARD_COMPANY":  "Payment confirm is rejected",
}

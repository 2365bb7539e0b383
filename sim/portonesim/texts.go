package portonesim

// texts are the words of the window in one language.
type texts struct {
	Lang     string // BCP 47, for the lang attribute
	Title    string
	Issue    string // Title of an issuance
	Notice   string // that this is not a real payment
	Order    string
	Amount   string
	Customer string
	Approve  string
	Register string // Approve of an issuance
	Fail     string
	Cancel   string
	Close    string
	Tamper   string // the summary that opens the form below
	TamperIt string
	Hint     string // what a tampered amount is
	Done     string // on the page that closes itself
}

// buttons are the outcomes with their labels, in the order of outcomes.
func (t texts) buttons(issuance bool) []field {
	labels := []string{t.Approve, t.Fail, t.Cancel, t.Close}
	if issuance {
		labels[0] = t.Register
	}
	all := make([]field, len(outcomes))
	for i, outcome := range outcomes {
		all[i] = field{outcome, labels[i]}
	}
	return all
}

var windowTexts = map[string]texts{
	"ko": {
		Lang: "ko", Title: "토스페이로 결제하기", Issue: "자동결제 등록하기",
		Notice: "시뮬레이션입니다. 실제로 결제되지 않습니다.",
		Order:  "주문", Amount: "결제 금액", Customer: "고객",
		Approve: "결제하기", Register: "동의하고 등록하기", Fail: "실패 (잔고 부족)", Cancel: "취소 (구매자 취소)",
		Close:  "승인 직후 창 닫기 (쇼핑몰은 모름)",
		Tamper: "금액 위조하기", TamperIt: "위조한 금액으로 결제하기",
		Hint: "브라우저에서 금액을 바꾼 것처럼, 실제로 이 금액이 결제됩니다.",
		Done: "이 창을 닫아도 됩니다.",
	},
	"en": {
		Lang: "en", Title: "Pay with Toss Pay", Issue: "Register automatic payment",
		Notice: "This is a simulation. Nobody is charged.",
		Order:  "Order", Amount: "Amount", Customer: "Customer",
		Approve: "Pay", Register: "Agree and register", Fail: "Fail (not enough balance)", Cancel: "Cancel (buyer cancels)",
		Close:  "Approve, then close (the shop is not told)",
		Tamper: "Tamper with the amount", TamperIt: "Pay this amount",
		Hint: "As if it had been changed in the browser: this is the amount that is really taken.",
		Done: "You can close this window.",
	},
	"ja": {
		Lang: "ja", Title: "Toss Payで支払う", Issue: "自動決済を登録する",
		Notice: "これはシミュレーションです。実際の請求は行われません。",
		Order:  "ご注文", Amount: "お支払い金額", Customer: "お客様",
		Approve: "支払う", Register: "同意して登録する", Fail: "失敗（残高不足）", Cancel: "キャンセル（購入者による取消）",
		Close:  "承認直後に閉じる（ショップには通知なし）",
		Tamper: "金額を改ざんする", TamperIt: "この金額で支払う",
		Hint: "ブラウザで金額を書き換えた場合と同じく、実際にこの金額が決済されます。",
		Done: "このウィンドウを閉じてもかまいません。",
	},
	"zh": {
		Lang: "zh-Hans", Title: "使用 Toss Pay 支付", Issue: "登记自动扣款",
		Notice: "这是模拟支付，不会实际扣款。",
		Order:  "订单", Amount: "支付金额", Customer: "客户",
		Approve: "支付", Register: "同意并登记", Fail: "失败（余额不足）", Cancel: "取消（买家取消）",
		Close:  "批准后立即关闭（商店不会收到通知）",
		Tamper: "篡改金额", TamperIt: "以此金额支付",
		Hint: "如同在浏览器中被修改：实际扣取的就是这个金额。",
		Done: "您可以关闭此窗口。",
	},
}

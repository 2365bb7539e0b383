package order

// CompanyOf names the card company behind a code; empty when it is not known. Stores rely on it: a changed name changes
// old orders, too.
func CompanyOf(issuer string) string { return companies[issuer] }

// companies names the card companies behind Toss Payments' Payment.card.issuerCode
// (github.com/seokju-na/tosspayments-rs, 2026-11; 4V, 21, 31, 41, 61 and 71 also stand in published payments).
var companies = map[string]string{
	"4V": "Visa", "4M": "Mastercard", "4J": "JCB", "7A": "Amex", "3C": "UnionPay", "6D": "Diners",
	"11": "KB", "15": "카카오뱅크", "21": "하나", "24": "토스뱅크", "30": "산업", "31": "BC", "33": "우리BC", "34": "수협",
	"35": "전북", "36": "씨티", "37": "우체국", "38": "새마을", "39": "저축", "3A": "케이뱅크", "3K": "기업BC", "41": "신한",
	"42": "제주", "46": "광주", "51": "삼성", "61": "현대", "62": "신협", "71": "롯데", "91": "NH", "W1": "우리",
}
